import type { Appearance, PathCommand } from '../documents/index.ts';

/** The drawing as a standalone SVG document of its own size in points, with nothing behind it. */
export function appearanceSvg(appearance: Appearance): string {
  const { width, height } = appearance;
  const paths = appearance.paths.map(({ fill, opacity, commands }) => {
    const opacityAttribute = opacity === undefined ? '' : ` fill-opacity="${opacity}"`;
    return `<path fill="${fill}"${opacityAttribute} d="${commands.map(pathStep).join('')}"/>`;
  });
  // SVG's y runs downwards, so the whole drawing is turned over once.
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}pt" height="${height}pt" viewBox="0 0 ${width} ${height}">` +
    `<g transform="matrix(1 0 0 -1 0 ${height})">${paths.join('')}</g></svg>`
  );
}

function pathStep(command: PathCommand): string {
  if (command.op === 'Z') return 'Z';
  if (command.op === 'Q') return `Q${command.x1} ${command.y1} ${command.x} ${command.y}`;
  if (command.op === 'C') {
    return `C${command.x1} ${command.y1} ${command.x2} ${command.y2} ${command.x} ${command.y}`;
  }
  return `${command.op}${command.x} ${command.y}`;
}

import type { Appearance } from '../documents/index.ts';
import { transformCommands } from './glyphs.ts';

/** The same drawing `width` points wide, its proportions kept. */
export function scaleAppearance(appearance: Appearance, width: number): Appearance {
  const factor = width / appearance.width;
  const scaled = { a: factor, b: 0, c: 0, d: factor, e: 0, f: 0 };
  return {
    width,
    height: appearance.height * factor,
    paths: appearance.paths.map((path) => ({ ...path, commands: transformCommands(path.commands, scaled) })),
  };
}

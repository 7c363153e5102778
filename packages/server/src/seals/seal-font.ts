import type { Font, Glyph as FontGlyph } from 'fontkit';
import type { PathCommand } from '../documents/index.ts';
import { songFont } from '../platform/song-font.ts';
import type { Glyph, Outlines } from './glyphs.ts';
import { transformCommands } from './glyphs.ts';

/** The outlines of the seal font, which is read when something is drawn first. */
export async function sealOutlines(): Promise<Outlines> {
  const font = await songFont();
  return (character) => {
    const codePoint = character.codePointAt(0);
    if (codePoint === undefined || !font.hasGlyphForCodePoint(codePoint)) return undefined;
    return toGlyph(font, font.glyphForCodePoint(codePoint));
  };
}

function toGlyph(font: Font, glyph: FontGlyph): Glyph {
  const scale = 1 / font.unitsPerEm;
  const advance = glyph.advanceWidth * scale;
  if (glyph.path.commands.length === 0) return { advance, commands: [] };
  const { minX, minY, maxX, maxY } = glyph.bbox;
  return {
    advance,
    commands: transformCommands(glyph.path.commands.map(toCommand), { a: scale, b: 0, c: 0, d: scale, e: 0, f: 0 }),
    ink: { minX: minX * scale, minY: minY * scale, maxX: maxX * scale, maxY: maxY * scale },
  };
}

function toCommand({ command, args }: FontGlyph['path']['commands'][number]): PathCommand {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
  if (command === 'moveTo') return { op: 'M', x: a, y: b };
  if (command === 'lineTo') return { op: 'L', x: a, y: b };
  if (command === 'quadraticCurveTo') return { op: 'Q', x1: a, y1: b, x: c, y: d };
  if (command === 'bezierCurveTo') return { op: 'C', x1: a, y1: b, x2: c, y2: d, x: e, y: f };
  return { op: 'Z' };
}

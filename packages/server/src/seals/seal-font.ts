import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import type { Font, Glyph as FontGlyph } from 'fontkit';
import type { PathCommand } from '../documents/index.ts';
import type { Glyph, Outlines } from './glyphs.ts';
import { transformCommands } from './glyphs.ts';

/** Noto Serif SC SemiBold, OFL-1.1, subset by assets/fonts/make-subset.sh. */
const FONT_FILE = new URL('../../assets/fonts/NotoSerifSC-SemiBold.subset.ttf.br', import.meta.url);

const decompress = promisify(brotliDecompress);

let loading: Promise<Outlines> | undefined;

/**
 * The outlines of the seal font, read once in the life of the process and only when something is drawn: 6.4 MB from
 * disk, unpacked to 14 MB on libuv's pool in 0.14 s. (As WOFF2 it is 1 MB smaller, and fontkit holds the event loop
 * for 1.1 s to unpack it.)
 */
export function sealOutlines(): Promise<Outlines> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<Outlines> {
  const [fontkit, packed] = await Promise.all([import('fontkit'), readFile(FONT_FILE)]);
  const font = fontkit.create(await decompress(packed));
  if (!('glyphForCodePoint' in font)) throw new Error('the seal font is a collection, not a single font');
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

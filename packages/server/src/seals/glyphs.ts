import { DomainError } from '../platform/errors.ts';
import type { PathCommand } from '../documents/index.ts';

/** The rectangle that a glyph's ink really fills, in ems from the origin on the baseline, y upwards. */
export type InkBox = { minX: number; minY: number; maxX: number; maxY: number };

/** One character's outline in ems: the origin is on the baseline at the left of the advance, y upwards. */
export type Glyph = {
  /** How far the pen moves on, in ems. */
  advance: number;
  commands: readonly PathCommand[];
  /** Absent for a blank, such as a space. */
  ink?: InkBox;
};

/** Looks up one character (one code point); `undefined` where the font has no glyph for it. */
export type Outlines = (character: string) => Glyph | undefined;

/**
 * The glyphs of `text`, one a code point.
 *
 * @throws DomainError `seal_character_missing` with `characters`, each missing one once: a name with a hole in it is
 * a different name, so it is never drawn.
 */
export function glyphsOf(text: string, outlines: Outlines): Glyph[] {
  const glyphs: Glyph[] = [];
  const missing = new Set<string>();
  for (const character of text) {
    const glyph = outlines(character);
    if (glyph === undefined) missing.add(character);
    else glyphs.push(glyph);
  }
  if (missing.size > 0) throw new DomainError('seal_character_missing', { characters: [...missing].join('') });
  return glyphs;
}

/** `x' = a·x + c·y + e`, `y' = b·x + d·y + f`, as PDF and SVG write a matrix. */
export type Matrix = { a: number; b: number; c: number; d: number; e: number; f: number };

/** The same path under an affine map. */
export function transformCommands(commands: readonly PathCommand[], matrix: Matrix): PathCommand[] {
  return mapPoints(
    commands,
    (x, y) => matrix.a * x + matrix.c * y + matrix.e,
    (x, y) => matrix.b * x + matrix.d * y + matrix.f,
  );
}

/** The same path to a thousandth of a point, a third of a micrometre: what a stored drawing needs and no more. */
export function roundCommands(commands: readonly PathCommand[]): PathCommand[] {
  const round = (value: number) => Math.round(value * 1000) / 1000;
  return mapPoints(
    commands,
    (x) => round(x),
    (_, y) => round(y),
  );
}

type Coordinate = (x: number, y: number) => number;

function mapPoints(commands: readonly PathCommand[], mapX: Coordinate, mapY: Coordinate): PathCommand[] {
  return commands.map((command): PathCommand => {
    if (command.op === 'Z') return command;
    const x = mapX(command.x, command.y);
    const y = mapY(command.x, command.y);
    if (command.op === 'Q') {
      return { op: 'Q', x1: mapX(command.x1, command.y1), y1: mapY(command.x1, command.y1), x, y };
    }
    if (command.op === 'C') {
      const x1 = mapX(command.x1, command.y1);
      const y1 = mapY(command.x1, command.y1);
      return { op: 'C', x1, y1, x2: mapX(command.x2, command.y2), y2: mapY(command.x2, command.y2), x, y };
    }
    return { op: command.op, x, y };
  });
}

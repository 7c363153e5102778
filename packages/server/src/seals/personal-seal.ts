import type { Appearance, PathCommand } from '../documents/index.ts';
import type { Glyph, InkBox, Outlines } from './glyphs.ts';
import { glyphsOf, roundCommands, transformCommands } from './glyphs.ts';
import { POINTS_PER_MM, SEAL_RED } from './round-seal.ts';

/** The usual side of a person's square seal. */
const PERSONAL_SEAL_SIDE_MM = 20;
/** Points. */
export const PERSONAL_SEAL_WIDTH = PERSONAL_SEAL_SIDE_MM * POINTS_PER_MM;
const FRAME_MM = 1;
/** White between the frame and the characters, and between two characters. */
const MARGIN_MM = 0.9;
const GAP_MM = 0.6;
/** A character is drawn out of its proportions to fill its cell, but no further than this. */
const STRETCH_MAX = 1.8;
/** What a name of three characters is filled up with, as the custom is. */
const FILLER = '印';

/** Columns of a square seal, from the right, each from top to bottom. */
function columnsOf(name: string): string[][] {
  const characters = Array.from(name).filter((character) => character.trim() !== '');
  if (characters.length === 3) characters.push(FILLER);
  const columnCount = characters.length <= 2 ? characters.length : Math.ceil(Math.sqrt(characters.length));
  const rowCount = Math.ceil(characters.length / Math.max(1, columnCount));
  return Array.from({ length: columnCount }, (_, column) =>
    characters.slice(column * rowCount, (column + 1) * rowCount),
  ).filter((column) => column.length > 0);
}

/**
 * A person's square seal, 20 mm wide, drawn from the name: one character fills it, two stand side by side and are read
 * from the right, three are filled up with 印, four make a square; longer names make a grid.
 *
 * @throws DomainError `seal_character_missing` with the characters that the font has not
 */
export function personalSeal(name: string, outlines: Outlines): Appearance {
  glyphsOf(name, outlines);
  const side = PERSONAL_SEAL_WIDTH;
  const edge = (FRAME_MM + MARGIN_MM) * POINTS_PER_MM;
  const gap = GAP_MM * POINTS_PER_MM;
  const columns = columnsOf(name);
  const width = (side - 2 * edge - gap * (columns.length - 1)) / columns.length;
  const commands = columns.flatMap((column, index) => {
    const left = side - edge - width - index * (width + gap);
    const height = (side - 2 * edge - gap * (column.length - 1)) / column.length;
    return glyphsOf(column.join(''), outlines).flatMap((glyph, row) => {
      const bottom = side - edge - height - row * (height + gap);
      return inCell(glyph, { minX: left, minY: bottom, maxX: left + width, maxY: bottom + height });
    });
  });
  return {
    width: side,
    height: side,
    paths: [
      { fill: SEAL_RED, commands: roundCommands(frame(side, FRAME_MM * POINTS_PER_MM)) },
      { fill: SEAL_RED, commands: roundCommands(commands) },
    ],
  };
}

/** Two squares in opposite directions: under the nonzero rule the inner one is a hole. */
function frame(side: number, thickness: number): PathCommand[] {
  const [low, high] = [thickness, side - thickness];
  return [
    ...polygon([0, 0], [side, 0], [side, side], [0, side]),
    ...polygon([low, low], [low, high], [high, high], [high, low]),
  ];
}

function polygon(...[first = [0, 0], ...others]: [number, number][]): PathCommand[] {
  const lines = others.map(([x, y]): PathCommand => ({ op: 'L', x, y }));
  return [{ op: 'M', x: first[0], y: first[1] }, ...lines, { op: 'Z' }];
}

/** The glyph's ink, filling a cell as far as it may be stretched, in its middle. */
function inCell({ commands, ink }: Glyph, cell: InkBox): PathCommand[] {
  if (ink === undefined) return [];
  const [inkWidth, inkHeight] = [Math.max(ink.maxX - ink.minX, 0.2), Math.max(ink.maxY - ink.minY, 0.2)];
  const [cellWidth, cellHeight] = [cell.maxX - cell.minX, cell.maxY - cell.minY];
  const least = Math.min(cellWidth / inkWidth, cellHeight / inkHeight);
  const a = Math.min(cellWidth / inkWidth, least * STRETCH_MAX);
  const d = Math.min(cellHeight / inkHeight, least * STRETCH_MAX);
  const e = (cell.minX + cell.maxX) / 2 - (a * (ink.minX + ink.maxX)) / 2;
  const f = (cell.minY + cell.maxY) / 2 - (d * (ink.minY + ink.maxY)) / 2;
  return transformCommands(commands, { a, b: 0, c: 0, d, e, f });
}

import type { Glyph, Matrix } from './glyphs.ts';

/*
 * Where the characters of a round seal go. Lengths are millimetres of a 42 mm seal with the origin at its centre, y
 * upwards; angles are radians, measured at the centre.
 */

/** The horizontal room of one character in ems: `width` from `minX`. */
export type Cell = { minX: number; width: number };

/** One line of text, scaled to its place: everything that turns an em of a glyph into millimetres. */
export type LineLayout = {
  cells: readonly Cell[];
  /** Millimetres per em across and up; a long name is narrowed, as engravers do. */
  scaleX: number;
  scaleY: number;
  /** The ems that stand on the line's lower edge. */
  floor: number;
};

/** A line bent round the centre: a cell's box stands `radius` from it and lies within its own wedge. */
export type ArcLayout = LineLayout & {
  /** From the centre to the lower edge of each character's box. */
  radius: number;
  height: number;
  /** The middle of each cell, from the arc's own middle, rising in reading direction. */
  angles: readonly number[];
  /** Half of the angle that the whole line takes up. */
  halfSpan: number;
};

export type StraightLayout = LineLayout & { bottom: number; height: number; centres: readonly number[]; width: number };

const BLANK_WIDTH_EM = 0.3;
const SIDE_BEARING_EM = 0.05;
/** The least gap between neighbours, as a part of an em's width. */
const NAME_GAP = 0.1;
const LINE_GAP = 0.16;
const NUMBER_GAP = 0.3;
/** An ideograph of a seal is taller than wide. */
const NAME_ASPECT = 0.8;

/** The ems between which ideographs stand. A line's real ink may need more, and then gets it. */
const IDEOGRAPH_FLOOR_EM = -0.07;
const IDEOGRAPH_CEILING_EM = 0.83;

/**
 * The room of one character. An ideograph keeps its square, so that 一 is as wide as 龘; of brackets, letters and
 * digits only the ink counts, or a full-width bracket would tear a hole into the ring of text.
 */
export function cellOf(glyph: Glyph, isIdeograph: boolean): Cell {
  if (glyph.ink === undefined) return { minX: 0, width: BLANK_WIDTH_EM };
  if (!isIdeograph) {
    return { minX: glyph.ink.minX - SIDE_BEARING_EM, width: glyph.ink.maxX - glyph.ink.minX + 2 * SIDE_BEARING_EM };
  }
  const minX = Math.min(0, glyph.ink.minX);
  return { minX, width: Math.max(glyph.advance, glyph.ink.maxX) - minX };
}

export type Line = { glyphs: readonly Glyph[]; cells: readonly Cell[] };

/** The cells of a text and the glyphs that go into them, one a code point. */
export function lineOf(text: string, glyphs: readonly Glyph[]): Line {
  const isIdeograph = Array.from(text, (character) => /\p{Script=Han}/u.test(character));
  return { glyphs, cells: glyphs.map((glyph, index) => cellOf(glyph, isIdeograph[index] ?? false)) };
}

function widthInEms(line: Line): number {
  return line.cells.reduce((sum, cell) => sum + cell.width, 0);
}

function verticalFit(line: Line, height: number, floorEm: number, ceilingEm: number) {
  const floor = Math.min(floorEm, ...line.glyphs.map((glyph) => glyph.ink?.minY ?? floorEm));
  const ceiling = Math.max(ceilingEm, ...line.glyphs.map((glyph) => glyph.ink?.maxY ?? ceilingEm));
  return { floor, scaleY: height / (ceiling - floor) };
}

/** How far from `radius` a box of half-width `half` may reach up and keep its outer corners within `limit`. */
function edgeWithin(limit: number, half: number): number {
  return Math.sqrt(Math.max(limit * limit - half * half, 0));
}

/** The angle of a box of `width` whose nearer edge is `radius` from the centre: the wedge that holds it whole. */
function wedge(width: number, radius: number): number {
  return 2 * Math.atan(width / 2 / radius);
}

/** The largest scale, at most `natural`, at which the cells and their least gaps fit into `span`. */
function scaleToSpan(line: Line, radius: number, span: number, natural: number, gap: number): number {
  const taken = (scale: number) =>
    line.cells.reduce((sum, cell) => sum + wedge(cell.width * scale, radius), 0) +
    ((line.cells.length - 1) * gap * scale) / radius;
  if (taken(natural) <= span) return natural;
  let fits = 0;
  let tooWide = natural;
  for (let step = 0; step < 40; step += 1) {
    const middle = (fits + tooWide) / 2;
    if (taken(middle) <= span) fits = middle;
    else tooWide = middle;
  }
  return fits;
}

/** The middle of each wedge, with the rest of `span` shared out evenly between them. */
function spread(wedges: readonly number[], span: number): number[] {
  const gap = wedges.length > 1 ? (span - wedges.reduce((sum, one) => sum + one, 0)) / (wedges.length - 1) : 0;
  let from = wedges.length > 1 ? -span / 2 : -(wedges[0] ?? 0) / 2;
  return wedges.map((one) => {
    const middle = from + one / 2;
    from += one + gap;
    return middle;
  });
}

/**
 * The name on the upper arc. A short name keeps well-formed characters and does not run round the whole ring; a long
 * one takes up to `spanMax`, in lower and narrower characters.
 */
export function layoutName(line: Line, limit: number, spanMax: number): ArcLayout {
  const ems = widthInEms(line);
  const height = Math.min(6, Math.max(3.4, 6.6 - 0.08 * ems));
  const natural = NAME_ASPECT * height;
  const widest = Math.max(...line.cells.map((cell) => cell.width));
  const radius = edgeWithin(limit, (natural * widest) / 2) - height;
  const span = spanMax * (1 - Math.exp(-ems / 7));
  const scaleX = scaleToSpan(line, radius, span, natural, NAME_GAP);
  return {
    ...arc(line, radius, scaleX, span),
    ...verticalFit(line, height, IDEOGRAPH_FLOOR_EM, IDEOGRAPH_CEILING_EM),
    height,
    radius,
  };
}

/** The number on the lower arc, upright for the reader: its feet at the ring, its heads to the centre. */
export function layoutNumber(line: Line, limit: number, spanMax: number): ArcLayout {
  const height = 1.9;
  const fit = verticalFit(line, height, 0, 0.73);
  const widest = Math.max(...line.cells.map((cell) => cell.width));
  const radius = edgeWithin(limit, (fit.scaleY * widest) / 2);
  const heads = radius - height;
  const scaleX = scaleToSpan(line, heads, spanMax, fit.scaleY, NUMBER_GAP);
  const wedges = line.cells.reduce((sum, cell) => sum + wedge(cell.width * scaleX, heads), 0);
  const span = wedges + ((line.cells.length - 1) * NUMBER_GAP * scaleX) / heads;
  return { ...arc(line, heads, scaleX, span), ...fit, height, radius };
}

function arc(line: Line, innerRadius: number, scaleX: number, span: number) {
  const wedges = line.cells.map((cell) => wedge(cell.width * scaleX, innerRadius));
  const angles = spread(wedges, span);
  const halfSpan = line.cells.length > 1 ? span / 2 : (wedges[0] ?? 0) / 2;
  return { cells: line.cells, scaleX, angles, halfSpan };
}

/** The straight line of text below the star, at most `widthMax` wide. */
export function layoutStraight(line: Line, bottom: number, height: number, widthMax: number): StraightLayout {
  const gaps = LINE_GAP * (line.cells.length - 1);
  const scaleX = Math.min(NAME_ASPECT * height, widthMax / (widthInEms(line) + gaps));
  const width = scaleX * (widthInEms(line) + gaps);
  let from = -width / 2;
  const centres = line.cells.map((cell) => {
    const centre = from + (cell.width * scaleX) / 2;
    from += (cell.width + LINE_GAP) * scaleX;
    return centre;
  });
  const fit = verticalFit(line, height, IDEOGRAPH_FLOOR_EM, IDEOGRAPH_CEILING_EM);
  return { cells: line.cells, scaleX, ...fit, bottom, height, centres, width };
}

/** The map from a glyph's ems to the seal: its cell's middle goes to the foot at `(0, foot)` of a frame turned by `angle`. */
export function place(layout: LineLayout, cell: Cell, frame: { angle: number; x: number; foot: number }): Matrix {
  const { scaleX, scaleY, floor } = layout;
  const cos = Math.cos(frame.angle);
  const sin = Math.sin(frame.angle);
  const x0 = frame.x - (cell.minX + cell.width / 2) * scaleX;
  const y0 = frame.foot - floor * scaleY;
  return {
    a: cos * scaleX,
    b: -sin * scaleX,
    c: sin * scaleY,
    d: cos * scaleY,
    e: cos * x0 + sin * y0,
    f: cos * y0 - sin * x0,
  };
}

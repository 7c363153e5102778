import type { Appearance, PathCommand } from '../documents/index.ts';
import { roundCommands } from './glyphs.ts';

/** Strokes in a box of their own, from its upper left: x, y, and pressure from 0 to 1. */
export interface HandwritingStrokes {
  readonly width: number;
  readonly height: number;
  readonly strokes: readonly { readonly points: readonly (readonly [x: number, y: number, pressure: number])[] }[];
}

/** Points, where a field says nothing. */
export const HANDWRITING_WIDTH = 120;
const INK = '#000000';
/** Of the box's longer side, at no pressure and at full: 1 to 2.6 points at the usual width. */
const PEN_THIN = 0.008;
const PEN_THICK = 0.022;
/** Spacing of the smoothed line, of the box's longer side: under a point at the usual width. */
const STEP = 0.007;
/**
 * Steps of all strokes together; a longer line has longer steps. At `STEP` it is a line of 28 times the box, and a name of
 * three full characters is some 8.
 */
const STEPS_MAX = 4_000;
/** Of the box's longer side, all strokes together: beyond it nobody writes. */
export const HANDWRITING_LENGTH_MAX = 100;
/** A bend beyond this (some 2 degrees) would show as a notch at the outer side: it is rounded by a disc. */
const STRAIGHT_COSINE = 0.9995;

/** The line's middle and half of its thickness there. */
type Dot = { readonly x: number; readonly y: number; readonly radius: number };

/** How long the strokes are together, in longer sides of their box. */
export function handwritingLength({ width, height, strokes }: HandwritingStrokes): number {
  let length = 0;
  for (const { points } of strokes) {
    for (const [index, [x, y]] of points.entries()) {
      const before = points[index - 1];
      if (before !== undefined) length += Math.hypot(x - before[0], y - before[1]);
    }
  }
  return length / Math.max(width, height);
}

/**
 * Draws a handwriting as filled outlines, thicker where the pen was pressed, smooth between the points that the screen
 * told. The drawing is as wide as `HANDWRITING_WIDTH`, in the proportions of the box. However
 * long the line is, the path has at most some 8,000 dots (two for a step) and eleven commands for each.
 */
export function handwritingAppearance(handwriting: HandwritingStrokes): Appearance {
  const { width, height, strokes } = handwriting;
  const scale = HANDWRITING_WIDTH / width;
  const longer = Math.max(width, height) * scale;
  const radiusOf = (pressure: number): number => ((PEN_THIN + (PEN_THICK - PEN_THIN) * pressure) * longer) / 2;
  const step = longer * Math.max(STEP, handwritingLength(handwriting) / STEPS_MAX);
  const commands = strokes.flatMap(({ points }) =>
    strokeOutline(
      smoothed(
        points.map(([x, y, pressure]) => ({ x: x * scale, y: (height - y) * scale, radius: radiusOf(pressure) })),
        step,
      ),
    ),
  );
  return {
    width: HANDWRITING_WIDTH,
    height: height * scale,
    paths: [{ fill: INK, commands: roundCommands(commands) }],
  };
}

/** The points that are half a step from the one before, and the last: the ones between them change nothing to be seen. */
function spaced(given: readonly Dot[], distance: number): Dot[] {
  const kept: Dot[] = [];
  for (const [index, point] of given.entries()) {
    const before = kept.at(-1);
    if (before === undefined || Math.hypot(point.x - before.x, point.y - before.y) >= distance) kept.push(point);
    // The end of the line stands where the pen left it.
    else if (index === given.length - 1 && kept.length > 1) kept[kept.length - 1] = point;
  }
  return kept;
}

/** The curve of Catmull and Rom through the points, in steps of about equal length. */
function smoothed(given: readonly Dot[], step: number): Dot[] {
  const points = spaced(given, step / 2);
  const dots: Dot[] = [];
  for (const [index, from] of points.entries()) {
    dots.push(from);
    const to = points[index + 1];
    if (to === undefined) break;
    const before = points[index - 1] ?? from;
    const after = points[index + 2] ?? to;
    const count = Math.floor(Math.hypot(to.x - from.x, to.y - from.y) / step);
    for (let part = 1; part < count; part += 1) dots.push(between(before, from, to, after, part / count));
  }
  return dots;
}

function between(before: Dot, from: Dot, to: Dot, after: Dot, t: number): Dot {
  const curve = (a: number, b: number, c: number, d: number): number =>
    b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
  return {
    x: curve(before.x, from.x, to.x, after.x),
    y: curve(before.y, from.y, to.y, after.y),
    // Straight: a curve could fall below nothing.
    radius: from.radius + (to.radius - from.radius) * t,
  };
}

/**
 * A stroke as four-sided pieces and, at its ends and bends, discs. All of them run counter-clockwise, so that under the
 * nonzero rule they fill as one shape wherever they overlap.
 */
function strokeOutline(dots: readonly Dot[]): PathCommand[] {
  return dots.flatMap((dot, index) => {
    const before = dots[index - 1];
    const after = dots[index + 1];
    const commands: PathCommand[] = [];
    if (before === undefined || after === undefined || isBent(before, dot, after)) commands.push(...disc(dot));
    if (after !== undefined) commands.push(...piece(dot, after));
    return commands;
  });
}

function isBent(before: Dot, at: Dot, after: Dot): boolean {
  const [x1, y1, x2, y2] = [at.x - before.x, at.y - before.y, after.x - at.x, after.y - at.y];
  return x1 * x2 + y1 * y2 < STRAIGHT_COSINE * Math.hypot(x1, y1) * Math.hypot(x2, y2);
}

function piece(from: Dot, to: Dot): PathCommand[] {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  if (length === 0) return [];
  const [x, y] = [-(to.y - from.y) / length, (to.x - from.x) / length];
  return [
    { op: 'M', x: from.x - x * from.radius, y: from.y - y * from.radius },
    { op: 'L', x: to.x - x * to.radius, y: to.y - y * to.radius },
    { op: 'L', x: to.x + x * to.radius, y: to.y + y * to.radius },
    { op: 'L', x: from.x + x * from.radius, y: from.y + y * from.radius },
    { op: 'Z' },
  ];
}

const CIRCLE_HANDLE = (4 / 3) * Math.tan(Math.PI / 8);

function disc({ x, y, radius }: Dot): PathCommand[] {
  const handle = CIRCLE_HANDLE * radius;
  const [right, top, left, bottom] = [x + radius, y + radius, x - radius, y - radius];
  return [
    { op: 'M', x: right, y },
    { op: 'C', x1: right, y1: y + handle, x2: x + handle, y2: top, x, y: top },
    { op: 'C', x1: x - handle, y1: top, x2: left, y2: y + handle, x: left, y },
    { op: 'C', x1: left, y1: y - handle, x2: x - handle, y2: bottom, x, y: bottom },
    { op: 'C', x1: x + handle, y1: bottom, x2: right, y2: y - handle, x: right, y },
    { op: 'Z' },
  ];
}

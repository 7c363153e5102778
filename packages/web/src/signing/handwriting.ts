import type { Handwriting } from '../../../server/src/dialects/signer/contract.ts';

/** A point as it was written: pixels of the pad, pressure from 0 to 1, and when, for the pen's speed. */
export interface PadPoint {
  x: number;
  y: number;
  pressure: number;
  time: number;
}
export type PadStroke = readonly PadPoint[];

/**
 * How the pad lies: `upright` as the window does, `turned` for a phone that is held upright by its own idea and sideways
 * by its owner, who writes along the long edge. Then down on the pad is right in the writing.
 */
export type PadPose = 'upright' | 'turned';

export interface PadBox {
  width: number;
  height: number;
  pose: PadPose;
}

/** What was written, as its writer sees it, in a box of its own. It outlives the pad's size and pose. */
export interface Writing {
  width: number;
  height: number;
  strokes: readonly PadStroke[];
}

/** Strokes of the pad as its writer sees them. */
export function writingOf(strokes: readonly PadStroke[], { width, height, pose }: PadBox): Writing {
  if (pose === 'upright') return { width, height, strokes };
  return {
    width: height,
    height: width,
    strokes: strokes.map((stroke) => stroke.map((point) => ({ ...point, x: point.y, y: width - point.x }))),
  };
}

/** A writing on a pad of another size or pose: as large as fits, in the middle, its proportions kept. */
export function strokesOn(writing: Writing, { width, height, pose }: PadBox): PadStroke[] {
  const across = pose === 'upright' ? width : height;
  const down = pose === 'upright' ? height : width;
  const scale = Math.min(across / writing.width, down / writing.height);
  const left = (across - writing.width * scale) / 2;
  const top = (down - writing.height * scale) / 2;
  return writing.strokes.map((stroke) =>
    stroke.map((point) => {
      const x = left + point.x * scale;
      const y = top + point.y * scale;
      return pose === 'upright' ? { ...point, x, y } : { ...point, x: width - y, y: x };
    }),
  );
}

/** Around the ink, as a part of its longer side: round ends of strokes are not cut. */
const MARGIN = 0.06;
const MARGIN_PIXELS_MIN = 4;

/** Of the writing's shorter side: less is a slip of the hand, and nobody's name. */
const INK_MIN = 0.08;

/**
 * What is sent: the ink alone with a little room around it, so that it fills the place it gets. Null without ink, or with
 * no more than a dot.
 */
export function handwritingOf(writing: Writing): Handwriting | null {
  const { strokes } = writing;
  const points = strokes.flat();
  if (points.length === 0) return null;
  const xs = points.map(({ x }) => x);
  const ys = points.map(({ y }) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  if (Math.max(right - left, bottom - top) < INK_MIN * Math.min(writing.width, writing.height)) return null;
  const margin = Math.max(MARGIN_PIXELS_MIN, MARGIN * Math.max(right - left, bottom - top));
  return {
    width: round(right - left + 2 * margin),
    height: round(bottom - top + 2 * margin),
    strokes: strokes
      .filter((stroke) => stroke.length > 0)
      .map((stroke) => {
        const pressures = pressuresOf(stroke);
        return {
          points: stroke.map(({ x, y }, index) => [
            round(x - left + margin),
            round(y - top + margin),
            Math.min(1, Math.max(0, Math.round((pressures[index] ?? 0) * 1000) / 1000)),
          ]),
        };
      }),
  };
}

/** As the pad draws: how much of the speed before still counts, and how thin a fast line is beside a slow one. */
const SPEED_FILTER = 0.3;
const THIN = 0.32;

/**
 * What the pen told of its pressure; a finger and a mouse tell the same for every point, and there it is taken from the
 * speed, as the pad draws the line: slow is thick, fast is thin.
 */
function pressuresOf(stroke: PadStroke): number[] {
  const [first] = stroke;
  if (first === undefined || stroke.some(({ pressure }) => pressure !== first.pressure)) {
    return stroke.map(({ pressure }) => pressure);
  }
  let speed = 0;
  return stroke.map((point, index) => {
    const before = stroke[index - 1];
    if (before !== undefined) {
      const distance = Math.hypot(point.x - before.x, point.y - before.y);
      const now = distance / Math.max(1, point.time - before.time);
      speed = SPEED_FILTER * speed + (1 - SPEED_FILTER) * now;
    }
    return (Math.max(1 / (speed + 1), THIN) - THIN) / (1 - THIN);
  });
}

function round(pixels: number): number {
  return Math.round(pixels * 100) / 100;
}

/** The strokes as one path of an SVG whose view box is the handwriting's: what the place shows until the preview is made. */
export function handwritingPath({ strokes }: Handwriting): string {
  return strokes
    .map(({ points }) => {
      const [first, ...rest] = points.map(([x, y]) => `${x} ${y}`);
      if (first === undefined) return '';
      // A dot: a line to itself, which a round cap draws.
      return `M${first}${rest.length === 0 ? `L${first}` : rest.map((point) => `L${point}`).join('')}`;
    })
    .join('');
}

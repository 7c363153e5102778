/**
 * What a seal, a date or a handwriting looks like: filled vector paths, so that it stays crisp at any zoom.
 *
 * Coordinates are PDF points with y upwards; the origin is the lower left corner of the drawing,
 * and everything is meant to lie within `0..width` by `0..height`.
 */

/** One step of a path. `Q` is a quadratic and `C` a cubic Bézier curve; `Z` closes the current subpath. */
export type PathCommand =
  | { op: 'M' | 'L'; x: number; y: number }
  | { op: 'Q'; x1: number; y1: number; x: number; y: number }
  | { op: 'C'; x1: number; y1: number; x2: number; y2: number; x: number; y: number }
  | { op: 'Z' };

/** A filled shape. Its subpaths are filled by the nonzero winding rule, as glyph outlines want it. */
export type AppearancePath = {
  /** `#RRGGBB`. */
  fill: string;
  /** 0 (invisible) to 1 (the default). */
  opacity?: number;
  commands: readonly PathCommand[];
};

/** A vector drawing of `width` by `height` points. */
export type Appearance = {
  width: number;
  height: number;
  /** Where the window on the drawing begins, 0 unless it is a slice: it shows `originX..originX + width`. */
  originX?: number;
  paths: readonly AppearancePath[];
};

/**
 * The `index`th (from 0, left to right) of `count` equal vertical slices: a window on the same paths, clipped where it
 * is drawn. Slices share their paths, so a document holds the drawing once however many pages a 骑缝章 runs across.
 */
export function sliceAppearance(appearance: Appearance, count: number, index: number): Appearance {
  if (!Number.isInteger(count) || count < 1) throw new RangeError('the number of slices is a positive integer');
  if (!Number.isInteger(index) || index < 0 || index >= count) throw new RangeError('no such slice');
  const width = appearance.width / count;
  return { ...appearance, width, originX: (appearance.originX ?? 0) + width * index };
}

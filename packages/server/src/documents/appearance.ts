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
  paths: readonly AppearancePath[];
};

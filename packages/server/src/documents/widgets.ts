import type { Appearance } from './appearance.ts';
import type { Box } from './pdf/pages.ts';

/** A drawing at its place: `rect` is left, bottom, right, top in points of the page as seen, from its lower left. */
export type Drawing = { rect: Box; appearance: Appearance };

/** What one signature shows on the one page on which it stands: a seal, say, and its date. Drawn in this order. */
export type Widget = {
  /** From 0. */
  pageIndex: number;
  drawings: readonly [Drawing, ...Drawing[]];
};

/**
 * One widget for each page that has a drawing, in page order, with its drawings in the order given. A signature field
 * has one widget (ISO 32000-1, 12.7.4.5), so this is also what becomes a signature of its own.
 */
export function widgetsByPage(drawings: readonly (Drawing & { pageIndex: number })[]): Widget[] {
  const widgets = new Map<number, [Drawing, ...Drawing[]]>();
  for (const { pageIndex, rect, appearance } of drawings) {
    const drawing = { rect, appearance };
    const known = widgets.get(pageIndex);
    if (known) known.push(drawing);
    else widgets.set(pageIndex, [drawing]);
  }
  return [...widgets].sort(([a], [b]) => a - b).map(([pageIndex, each]) => ({ pageIndex, drawings: each }));
}

/** The smallest rectangle that holds every drawing of a widget. */
export function boundsOf({
  drawings: [first, ...others],
}: {
  drawings: readonly [Pick<Drawing, 'rect'>, ...Pick<Drawing, 'rect'>[]];
}): Box {
  return others.reduce<Box>(
    (all, { rect }) => [
      Math.min(all[0], rect[0]),
      Math.min(all[1], rect[1]),
      Math.max(all[2], rect[2]),
      Math.max(all[3], rect[3]),
    ],
    first.rect,
  );
}

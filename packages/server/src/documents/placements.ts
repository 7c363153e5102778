import type { PageSize } from './pdf-check.ts';
import type { Box } from './pdf/pages.ts';

/** A point on one page, in points of the page as seen, from its lower left; pages count from 1. */
export type PagePoint = { page: number; x: number; y: number };

/** Pages from `first` to `last`, both included and counted from 1, or every page. */
export type PageSpan = 'all' | { first: number; last: number };

/** Where a seal is to stand (contracts/etc-gateway.md, signType and signBean). Points are the seal's centre. */
export type SealPlacement =
  | { kind: 'free' }
  | { kind: 'page'; positions: readonly PagePoint[] }
  | { kind: 'cross-page'; positions: readonly { pages: PageSpan; y: number }[] };

/** One place on a page. With `slice`, only that slice of the drawing stands there (`sliceAppearance`). */
export type Place = { pageIndex: number; rect: Box; slice?: { count: number; index: number } };

/**
 * Why a position is no good; `position` counts from 0.
 * - `not_a_number`: a coordinate or page that is no finite number, or a page that is no positive integer
 * - `page_missing`: the document has no such page
 * - `outside_page`: the centre lies beyond the page's edges
 * - `larger_than_page`: the drawing does not fit the page
 * - `cross_page_needs_two_pages`: 骑缝 over a single page
 */
export type PlacementFault = {
  reason: 'not_a_number' | 'page_missing' | 'outside_page' | 'larger_than_page' | 'cross_page_needs_two_pages';
  position: number;
  page: number | null;
};

export type Placed = { ok: true; places: Place[] } | { ok: false; fault: PlacementFault };

/** What is to be placed, in points. */
type DrawingSize = { width: number; height: number };

/** A 骑缝章 over more pages than this is one seal for each group of pages, as is the custom; slices stay visible. */
export const CROSS_PAGE_SLICES_MAX = 200;

/** Where a seal goes that its caller gives no place (signType 0): its distance from the lower right of the last page. */
const FREE_PLACE_MARGIN = 72;

/**
 * The places of a seal on pages of these sizes.
 *
 * A seal whose centre is on the page but which juts out over an edge is moved in until all of it shows: a seal that is
 * cut off is none. A free placement stands at the lower right of the last page, where Chinese contracts are sealed.
 */
export function placeSeal(placement: SealPlacement, seal: DrawingSize, pages: readonly PageSize[]): Placed {
  if (placement.kind === 'free') return placeFree(seal, pages);
  if (placement.kind === 'page') return placePoints(placement.positions, seal, pages);
  return collect(placement.positions, (position, index) => placeAcross(position, index, seal, pages));
}

/** The places of a drawing centred at each point: a seal of signType 1, or a date. */
export function placePoints(positions: readonly PagePoint[], drawing: DrawingSize, pages: readonly PageSize[]): Placed {
  return collect(positions, (point, index) => placePoint(point, index, drawing, pages));
}

function collect<T>(positions: readonly T[], place: (position: T, index: number) => Placed): Placed {
  const places: Place[] = [];
  for (const [index, position] of positions.entries()) {
    const placed = place(position, index);
    if (!placed.ok) return placed;
    places.push(...placed.places);
  }
  return { ok: true, places };
}

function placeFree(seal: DrawingSize, pages: readonly PageSize[]): Placed {
  const last = pages.at(-1);
  if (!last) return refused('page_missing', 0, 1);
  const x = Math.max(last.width / 2, last.width - FREE_PLACE_MARGIN - seal.width / 2);
  const y = Math.min(last.height / 2, FREE_PLACE_MARGIN + seal.height / 2);
  return placePoint({ page: pages.length, x, y }, 0, seal, pages);
}

function placePoint(point: PagePoint, position: number, drawing: DrawingSize, pages: readonly PageSize[]): Placed {
  const { page, x, y } = point;
  if (!isPageNumber(page) || !Number.isFinite(x) || !Number.isFinite(y)) return refused('not_a_number', position, null);
  const size = pages[page - 1];
  if (!size) return refused('page_missing', position, page);
  if (x < 0 || y < 0 || x > size.width || y > size.height) return refused('outside_page', position, page);
  const { width, height } = drawing;
  if (width > size.width || height > size.height) return refused('larger_than_page', position, page);
  const left = movedIn(x - width / 2, width, size.width);
  const bottom = movedIn(y - height / 2, height, size.height);
  return { ok: true, places: [{ pageIndex: page - 1, rect: [left, bottom, left + width, bottom + height] }] };
}

function placeAcross(
  { pages: span, y }: { pages: PageSpan; y: number },
  position: number,
  seal: DrawingSize,
  pages: readonly PageSize[],
): Placed {
  const { first, last } = span === 'all' ? { first: 1, last: pages.length } : span;
  if (!isPageNumber(first) || !isPageNumber(last) || !Number.isFinite(y))
    return refused('not_a_number', position, null);
  if (last > pages.length) return refused('page_missing', position, last);
  const count = last - first + 1;
  if (count < 2) return refused('cross_page_needs_two_pages', position, first);

  const places: Place[] = [];
  for (const group of groupsOf(count)) {
    for (let index = 0; index < group.count; index += 1) {
      const pageIndex = first - 1 + group.start + index;
      const size = pages[pageIndex];
      if (!size) return refused('page_missing', position, pageIndex + 1);
      if (y < 0 || y > size.height) return refused('outside_page', position, pageIndex + 1);
      const width = seal.width / group.count;
      if (width > size.width || seal.height > size.height) return refused('larger_than_page', position, pageIndex + 1);
      const bottom = movedIn(y - seal.height / 2, seal.height, size.height);
      const rect: Box = [size.width - width, bottom, size.width, bottom + seal.height];
      places.push({ pageIndex, rect, slice: { count: group.count, index } });
    }
  }
  return { ok: true, places };
}

/** As few groups as can be, as even as can be: 401 pages are 134, 134 and 133, not 200, 200 and a lone one. */
function groupsOf(count: number): { start: number; count: number }[] {
  const groups = Math.ceil(count / CROSS_PAGE_SLICES_MAX);
  const starts = Array.from({ length: groups + 1 }, (_, index) => Math.ceil((index * count) / groups));
  return starts.slice(0, -1).map((start, index) => ({ start, count: (starts[index + 1] ?? count) - start }));
}

function movedIn(low: number, length: number, limit: number): number {
  return Math.max(0, Math.min(low, limit - length));
}

function isPageNumber(page: number): boolean {
  return Number.isSafeInteger(page) && page >= 1;
}

function refused(reason: PlacementFault['reason'], position: number, page: number | null): Placed {
  return { ok: false, fault: { reason, position, page } };
}

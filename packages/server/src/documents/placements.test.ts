import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CROSS_PAGE_SLICES_MAX, placePoints, placeSeal } from './placements.ts';
import type { Place } from './placements.ts';

const A4 = { width: 595, height: 842 };
const seal = { width: 119, height: 119 };

function pages(count: number) {
  return Array.from({ length: count }, () => A4);
}

describe('a seal on one page', () => {
  test('is centred at its point', () => {
    const placed = placeSeal({ kind: 'page', positions: [{ page: 2, x: 300, y: 200 }] }, seal, pages(3));
    expect(placed).toEqual({ ok: true, places: [{ pageIndex: 1, rect: [240.5, 140.5, 359.5, 259.5] }] });
  });

  test('that would jut out over an edge is moved in', () => {
    const placed = placeSeal({ kind: 'page', positions: [{ page: 1, x: 595, y: 0 }] }, seal, pages(1));
    expect(placed).toEqual({ ok: true, places: [{ pageIndex: 0, rect: [476, 0, 595, 119] }] });
  });

  test.each([
    [{ page: 4, x: 10, y: 10 }, 'page_missing'],
    [{ page: 0, x: 10, y: 10 }, 'not_a_number'],
    [{ page: 1.5, x: 10, y: 10 }, 'not_a_number'],
    [{ page: 1, x: Number.NaN, y: 10 }, 'not_a_number'],
    [{ page: 1, x: 10, y: Number.POSITIVE_INFINITY }, 'not_a_number'],
    [{ page: 1, x: 596, y: 10 }, 'outside_page'],
    [{ page: 1, x: 10, y: -1 }, 'outside_page'],
  ])('%o is refused as %s', (point, reason) => {
    const good = { page: 1, x: 100, y: 100 };
    expect(placePoints([good, point], seal, pages(3))).toMatchObject({ ok: false, fault: { reason, position: 1 } });
  });

  test('larger than the page is refused', () => {
    const placed = placePoints([{ page: 1, x: 300, y: 300 }], { width: 600, height: 50 }, pages(1));
    expect(placed).toMatchObject({ ok: false, fault: { reason: 'larger_than_page', page: 1 } });
  });
});

test('a seal without a place stands at the lower right of the last page', () => {
  const placed = placeSeal({ kind: 'free' }, seal, [...pages(2), { width: 842, height: 595 }]);
  expect(placed).toEqual({ ok: true, places: [{ pageIndex: 2, rect: [651, 72, 770, 191] }] });
});

test('every place lies on its page, whatever the pages and points are', () => {
  const size = fc.record({ width: fc.integer({ min: 1, max: 2000 }), height: fc.integer({ min: 1, max: 2000 }) });
  const point = fc.record({
    page: fc.integer({ min: -1, max: 6 }),
    x: fc.double({ min: -10, max: 2100 }),
    y: fc.double({ min: -10, max: 2100 }),
  });
  fc.assert(
    fc.property(fc.array(size, { minLength: 1, maxLength: 5 }), fc.array(point), (sizes, positions) => {
      const placed = placeSeal({ kind: 'page', positions }, seal, sizes);
      if (!placed.ok) return;
      expect(placed.places).toHaveLength(positions.length);
      for (const { pageIndex, rect } of placed.places) {
        const page = sizes[pageIndex]!;
        expect(rect[0] >= 0 && rect[1] >= 0 && rect[2] <= page.width + 1e-9 && rect[3] <= page.height + 1e-9).toBe(
          true,
        );
      }
    }),
  );
});

describe('a cross-page seal', () => {
  function across(span: 'all' | { first: number; last: number }, count: number): Place[] {
    const placed = placeSeal({ kind: 'cross-page', positions: [{ pages: span, y: 400 }] }, seal, pages(count));
    if (!placed.ok) throw new Error(placed.fault.reason);
    return placed.places;
  }

  test('is cut along the right edges', () => {
    const places = across({ first: 2, last: 4 }, 5);
    expect(places.map(({ pageIndex }) => pageIndex)).toEqual([1, 2, 3]);
    expect(places.map(({ slice }) => slice)).toEqual([0, 1, 2].map((index) => ({ count: 3, index })));
    for (const { rect } of places) {
      expect(rect[2]).toBe(595);
      expect(rect[2] - rect[0]).toBeCloseTo(119 / 3);
      expect([rect[1], rect[3]]).toEqual([340.5, 459.5]);
    }
  });

  test('over many pages is one whole seal for each even group', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 2000 }), (count) => {
        const places = across('all', count);
        expect(places.map(({ pageIndex }) => pageIndex)).toEqual(Array.from({ length: count }, (_, index) => index));
        const counts: number[] = [];
        for (const [at, { slice }] of places.entries()) {
          if (slice!.index === 0) counts.push(slice!.count);
          else expect(slice).toEqual({ count: counts.at(-1), index: places[at - 1]!.slice!.index + 1 });
        }
        expect(counts.reduce((sum, each) => sum + each, 0)).toBe(count);
        expect(Math.max(...counts)).toBeLessThanOrEqual(CROSS_PAGE_SLICES_MAX);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    [{ first: 1, last: 4 }, 400, 'page_missing'],
    [{ first: 2, last: 2 }, 400, 'cross_page_needs_two_pages'],
    [{ first: 0, last: 2 }, 400, 'not_a_number'],
    ['all' as const, 900, 'outside_page'],
  ])('%o at %i is refused as %s', (span, y, reason) => {
    const placed = placeSeal({ kind: 'cross-page', positions: [{ pages: span, y }] }, seal, pages(3));
    expect(placed).toMatchObject({ ok: false, fault: { reason } });
  });
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boxOf, keepOnPage, layOutPages, PAGE_GAP, pageAt, pictureWidth, pointAt } from './page-layout.ts';

const A4 = { width: 595, height: 842 };
const LANDSCAPE = { width: 842, height: 595 };
const length = fc.double({ min: 20, max: 3_000, noNaN: true });
const somePages = fc.array(fc.record({ width: length, height: length }), { minLength: 1, maxLength: 40 });

describe('the column of pages', () => {
  test('each page is as wide as the column, one below the other', () => {
    const { sheets, height } = layOutPages([A4, LANDSCAPE], 595);
    expect(sheets).toMatchObject([
      { page: 1, top: PAGE_GAP, width: 595, height: 842 },
      { page: 2, top: PAGE_GAP + 842 + PAGE_GAP, width: 595 },
    ]);
    expect(height).toBeCloseTo(3 * PAGE_GAP + 842 + (595 * 595) / 842);
  });

  test('every height is on the page that is there', () => {
    fc.assert(
      fc.property(somePages, fc.double({ min: 0, max: 1, noNaN: true }), (pages, part) => {
        const layout = layOutPages(pages, 360);
        for (const { page, top, height } of layout.sheets) expect(pageAt(layout, top + part * height)).toBe(page);
        expect(pageAt(layout, -1)).toBe(1);
        expect(pageAt(layout, layout.height + 1)).toBe(pages.length);
      }),
    );
  });
});

describe('a mark', () => {
  const size = { width: 120, height: 40 };

  test('stands with its centre on its point, from the lower left', () => {
    const layout = layOutPages([A4, A4], 1_190);
    expect(boxOf(layout, [A4, A4], { page: 2, x: 100, y: 842 - 50 }, size)).toEqual({
      left: 80,
      top: (layout.sheets[1]?.top ?? 0) + 60,
      width: 240,
      height: 80,
    });
  });

  test('that is dropped where it stands stays there, whole', () => {
    fc.assert(
      fc.property(somePages, fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (pages, seed, part) => {
        const layout = layOutPages(pages, 700);
        const number = (seed % pages.length) + 1;
        const page = pages[number - 1]!;
        const small = { width: page.width / 4, height: page.height / 5 };
        const point = keepOnPage({ page: number, x: page.width * part, y: page.height * part }, page, small);
        const { left, top, width, height } = boxOf(layout, pages, point, small);
        const dropped = pointAt(layout, pages, { x: left + width / 2, y: top + height / 2 }, small);
        expect(dropped.page).toBe(number);
        expect(dropped.x).toBeCloseTo(point.x, 1);
        expect(dropped.y).toBeCloseTo(point.y, 1);
        expect(point.x - small.width / 2).toBeGreaterThanOrEqual(-0.01);
        expect(point.y + small.height / 2).toBeLessThanOrEqual(page.height + 0.01);
      }),
    );
  });

  test('larger than its page stands in the middle', () => {
    expect(keepOnPage({ page: 1, x: 0, y: 0 }, { width: 50, height: 30 }, size)).toEqual({ page: 1, x: 25, y: 15 });
  });
});

test('pictures are asked for in few widths, and no larger than an eye sees', () => {
  expect(pictureWidth(359, 1)).toBe(480);
  expect(pictureWidth(359, 2)).toBe(720);
  expect(pictureWidth(359, 3)).toBe(720);
  expect(pictureWidth(860, 1)).toBe(960);
  expect(pictureWidth(4_000, 2)).toBe(2_000);
});

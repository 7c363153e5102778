import type { Page, Point } from '../../../server/src/dialects/signer/contract.ts';

/** CSS pixels: wider lines are hard to read. */
const COLUMN_WIDTH_MAX = 860;
/** On each side of the column. */
export const COLUMN_MARGIN = 8;
/** As in document.css: from this width on, the panel stands beside the document. */
export const PANEL_FROM_WIDTH = 940;
const PANEL_WIDTH = 360;

/** How wide the column is in a window of pages of this width. */
export function columnWidthIn(width: number): number {
  return Math.min(width - 2 * COLUMN_MARGIN, COLUMN_WIDTH_MAX);
}

/** How wide the column will be in a browser's window of this width, before anything is laid out. */
export function columnWidth(windowWidth: number): number {
  return columnWidthIn(windowWidth >= PANEL_FROM_WIDTH ? windowWidth - PANEL_WIDTH : windowWidth);
}

/** Pixels between two pages, and above the first and below the last. */
export const PAGE_GAP = 12;

/** Where a page stands in the column of pages, in CSS pixels of the column. */
export interface Sheet {
  page: number;
  top: number;
  left: number;
  width: number;
  height: number;
  /** Pixels of a point. */
  scale: number;
}

export interface PageLayout {
  sheets: readonly Sheet[];
  width: number;
  height: number;
}

/**
 * All pages one below the other, each as wide as the column: a page is read across, and a landscape page between
 * portrait ones must not make them small.
 *
 * @param pages sizes in points
 * @param width of the column, in CSS pixels
 */
export function layOutPages(pages: readonly Page[], width: number): PageLayout {
  let top = PAGE_GAP;
  const sheets = pages.map((page, index): Sheet => {
    const scale = width / page.width;
    const sheet = { page: index + 1, top, left: 0, width, height: page.height * scale, scale };
    top += sheet.height + PAGE_GAP;
    return sheet;
  });
  return { sheets, width, height: top };
}

/** The page at this height of the column; in a gap the page above it, and at the ends the first or the last. */
export function pageAt({ sheets }: PageLayout, y: number): number {
  let low = 0;
  let high = sheets.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((sheets[middle]?.top ?? 0) <= y) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}

/** Pages from `first` to `last`. */
export interface PageRange {
  first: number;
  last: number;
}

/** The pages within this many pixels of a page, itself among them: those that may soon be seen. */
export function pagesNear(layout: PageLayout, page: number, pixels: number): PageRange {
  const sheet = layout.sheets[page - 1];
  if (sheet === undefined) return { first: 1, last: 0 };
  return { first: pageAt(layout, sheet.top - pixels), last: pageAt(layout, sheet.top + sheet.height + pixels) };
}

export function isWithin({ first, last }: PageRange, page: number): boolean {
  return first <= page && page <= last;
}

/** Of a mark with this size in points, whose centre stands at `point`: its box in the column, in pixels. */
export function boxOf(
  layout: PageLayout,
  pages: readonly Page[],
  point: Point,
  size: { width: number; height: number },
): { left: number; top: number; width: number; height: number } {
  const sheet = layout.sheets[point.page - 1];
  const page = pages[point.page - 1];
  if (sheet === undefined || page === undefined) return { left: 0, top: 0, width: 0, height: 0 };
  return {
    left: sheet.left + (point.x - size.width / 2) * sheet.scale,
    top: sheet.top + (page.height - point.y - size.height / 2) * sheet.scale,
    width: size.width * sheet.scale,
    height: size.height * sheet.scale,
  };
}

/** Where a mark stands whose centre was dragged to these pixels of the column: on the page under it, whole. */
export function pointAt(
  layout: PageLayout,
  pages: readonly Page[],
  at: { x: number; y: number },
  size: { width: number; height: number },
): Point {
  const number = pageAt(layout, at.y);
  const sheet = layout.sheets[number - 1];
  const page = pages[number - 1];
  if (sheet === undefined || page === undefined) return { page: 1, x: 0, y: 0 };
  const x = (at.x - sheet.left) / sheet.scale;
  const y = page.height - (at.y - sheet.top) / sheet.scale;
  return keepOnPage({ page: number, x, y }, page, size);
}

/** The nearest place at which all of the mark is on the page; in the middle where it is larger than the page. */
export function keepOnPage(point: Point, page: Page, size: { width: number; height: number }): Point {
  return {
    page: point.page,
    x: within(point.x, size.width, page.width),
    y: within(point.y, size.height, page.height),
  };
}

function within(centre: number, length: number, room: number): number {
  if (length >= room) return room / 2;
  const kept = Math.min(Math.max(centre, length / 2), room - length / 2);
  return Math.round(kept * 100) / 100;
}

/** Widths that are asked for, in device pixels: few, so that caches here and at the service are of use. */
const PICTURE_WIDTHS = [480, 720, 960, 1280, 1600, 2000] as const;
const PICTURE_WIDTH_MAX = PICTURE_WIDTHS[PICTURE_WIDTHS.length - 1] ?? 2000;
/** More is not seen at reading distance, and costs a cheap phone time and memory. */
const PIXEL_RATIO_MAX = 2;

/** How wide a page's picture is asked for, where it is shown at `width` CSS pixels. */
export function pictureWidth(width: number, pixelRatio: number): number {
  const wanted = width * Math.min(pixelRatio, PIXEL_RATIO_MAX);
  // A little less than wanted is as sharp to the eye and a third less to load.
  return PICTURE_WIDTHS.find((each) => each >= wanted * 0.9) ?? PICTURE_WIDTH_MAX;
}

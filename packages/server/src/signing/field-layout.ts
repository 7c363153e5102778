import { placePoints, placeSeal, sliceAppearance, widgetsByPage } from '../documents/index.ts';
import type { Appearance, PageSize, Placed, PlacementFault, Widget } from '../documents/index.ts';
import type { MarkPlace } from './choices.ts';
import type { SignField } from './terms.ts';

/** Drawings of one field at most: a seal across 2,000 pages and a date on each fit. */
const DRAWINGS_MAX = 4_000;

/** A drawing and the size, in points, at which it is to stand. */
export type Mark = { appearance: Appearance; width: number; height: number };
export type FieldDrawing = { seal: Mark; date: Mark | null };
export type Layout = { ok: true; widgets: Widget[] } | { ok: false; reason: string };

/** A widget for each page on which a field's seal or dates stand, or in Chinese why they cannot stand there. */
export function layoutField(field: SignField, drawing: FieldDrawing, pages: readonly PageSize[]): Layout {
  const seal = placeSeal(field.placement, drawing.seal, pages);
  const date = placeDate(field, drawing.date, pages);
  for (const placed of [seal, date]) {
    if (!placed.ok) return { ok: false, reason: faultText(placed.fault, pages.length) };
  }
  const drawings = [...drawingsOf(seal, drawing.seal), ...drawingsOf(date, drawing.date)];
  if (drawings.length > DRAWINGS_MAX) return { ok: false, reason: '签署位置过多' };
  return { ok: true, widgets: widgetsByPage(drawings) };
}

function placeDate(field: SignField, date: Mark | null, pages: readonly PageSize[]): Placed {
  if (field.date === null || date === null) return { ok: true, places: [] };
  return placePoints(field.date.positions, date, pages);
}

function drawingsOf(placed: Placed, mark: Mark | null) {
  if (!placed.ok || mark === null) return [];
  const { appearance } = mark;
  return placed.places.map(({ pageIndex, rect, slice }) => ({
    pageIndex,
    rect,
    appearance: slice ? sliceAppearance(appearance, slice.count, slice.index) : appearance,
  }));
}

function faultText({ reason, page }: PlacementFault, pageCount: number): string {
  switch (reason) {
    case 'not_a_number':
      return '签署位置不正确';
    case 'page_missing':
      return `第${page}页不存在，文件共${pageCount}页`;
    case 'outside_page':
      return `第${page}页的签署位置超出页面`;
    case 'larger_than_page':
      return `第${page}页放不下这个尺寸的印章`;
    case 'cross_page_needs_two_pages':
      return '骑缝签署至少需要两页';
  }
  return reason satisfies never;
}

/** Where something of a field stands, page by page. */
export function placesOf(widgets: readonly Widget[]): MarkPlace[] {
  return widgets.flatMap(({ pageIndex, drawings }) => drawings.map(({ rect }) => ({ page: pageIndex + 1, rect })));
}

/** Whether some place of one stands over some place of the other. */
export function overlap(some: readonly MarkPlace[], others: readonly MarkPlace[]): boolean {
  return some.some(({ page, rect: [left, bottom, right, top] }) =>
    others.some(({ page: otherPage, rect: [otherLeft, otherBottom, otherRight, otherTop] }) => {
      const isBeside = right <= otherLeft || otherRight <= left || top <= otherBottom || otherTop <= bottom;
      return page === otherPage && !isBeside;
    }),
  );
}

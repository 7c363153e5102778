import { placePoints, placeSeal, sliceAppearance } from '../documents/index.ts';
import type { Appearance, PageSize, Place, Placed, PlacementFault, Widget } from '../documents/index.ts';
import type { SignField } from './terms.ts';

/** Widgets of one field at most: a seal across 2,000 pages fits, thousands of positions across them do not. */
const WIDGETS_MAX = 4_000;

export type Drawing = { seal: Appearance; date: Appearance | null };
export type Layout = { ok: true; widgets: Widget[] } | { ok: false; reason: string };

/** The widgets of a field's seal and dates on pages of these sizes, or in Chinese why they cannot stand there. */
export function layoutField(field: SignField, drawing: Drawing, pages: readonly PageSize[]): Layout {
  const seal = placeSeal(field.placement, drawing.seal, pages);
  const date = placeDate(field, drawing.date, pages);
  for (const placed of [seal, date]) {
    if (!placed.ok) return { ok: false, reason: faultText(placed.fault, pages.length) };
  }
  const places = [...placesOf(seal, drawing.seal), ...placesOf(date, drawing.date)];
  if (places.length > WIDGETS_MAX) return { ok: false, reason: '签署位置过多' };
  return { ok: true, widgets: places.map(({ place, appearance }) => widget(place, appearance)) };
}

function placeDate(field: SignField, date: Appearance | null, pages: readonly PageSize[]): Placed {
  if (field.date === null || date === null) return { ok: true, places: [] };
  return placePoints(field.date.positions, date, pages);
}

function placesOf(placed: Placed, appearance: Appearance | null): { place: Place; appearance: Appearance }[] {
  if (!placed.ok || appearance === null) return [];
  return placed.places.map((place) => ({ place, appearance }));
}

function widget({ pageIndex, rect, slice }: Place, appearance: Appearance): Widget {
  return { pageIndex, rect, appearance: slice ? sliceAppearance(appearance, slice.count, slice.index) : appearance };
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

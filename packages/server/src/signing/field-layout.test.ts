import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layoutField, type Mark } from './field-layout.ts';
import type { SignField } from './terms.ts';

const A4 = { width: 595, height: 842 };
const sealAppearance = { width: 240, height: 240, paths: [] };
const dateAppearance = { width: 80, height: 12, paths: [] };
const seal: Mark = { appearance: sealAppearance, width: 120, height: 120 };
const date: Mark = { appearance: dateAppearance, width: 80, height: 12 };

function field(changed: Partial<SignField> = {}): SignField {
  return {
    placement: { kind: 'page', positions: [{ page: 1, x: 300, y: 400 }] },
    width: null,
    date: null,
    ...changed,
  };
}

describe('the widgets of a field', () => {
  it('a seal stands with its centre at each position at its size, a date at each of its own', () => {
    const positions = [
      { page: 2, x: 100, y: 50 },
      { page: 1, x: 200, y: 50 },
    ];
    const layout = layoutField(field({ date: { fontSize: 12, format: 'yyyy-MM-dd', positions } }), { seal, date }, [
      A4,
      A4,
    ]);
    expect(layout).toEqual({
      ok: true,
      widgets: [
        {
          pageIndex: 0,
          drawings: [
            { rect: [240, 340, 360, 460], appearance: sealAppearance },
            { rect: [160, 44, 240, 56], appearance: dateAppearance },
          ],
        },
        { pageIndex: 1, drawings: [{ rect: [60, 44, 140, 56], appearance: dateAppearance }] },
      ],
    });
  });

  it('a cross-page seal is cut into one slice for each page', () => {
    const placement = { kind: 'cross-page' as const, positions: [{ pages: 'all' as const, y: 400 }] };
    const layout = layoutField(field({ placement }), { seal, date: null }, [A4, A4, A4]);
    if (!layout.ok) throw new Error(layout.reason);
    const drawings = layout.widgets.flatMap((widget) => widget.drawings);
    expect(drawings.map(({ rect, appearance }) => [rect[0], appearance.width, appearance.originX])).toEqual([
      [555, 80, 0],
      [555, 80, 80],
      [555, 80, 160],
    ]);
  });

  it('are limited', () => {
    const across = { pages: 'all' as const, y: 400 };
    const placement = { kind: 'cross-page' as const, positions: Array.from({ length: 50 }, () => across) };
    const pages = Array.from({ length: 100 }, () => A4);
    expect(layoutField(field({ placement }), { seal, date: null }, pages)).toEqual({
      ok: false,
      reason: '签署位置过多',
    });
  });

  it('every fault has a reason that fits the notification with its prefix', () => {
    const anyNumber = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, 1, 2, 99, 2 ** 53));
    const point = fc.record({ page: anyNumber, x: anyNumber, y: anyNumber });
    const span = fc.oneof(fc.constant('all' as const), fc.record({ first: anyNumber, last: anyNumber }));
    const placement = fc.oneof(
      fc.record({ kind: fc.constant('page' as const), positions: fc.array(point) }),
      fc.record({
        kind: fc.constant('cross-page' as const),
        positions: fc.array(fc.record({ pages: span, y: anyNumber })),
      }),
    );
    fc.assert(
      fc.property(placement, fc.nat(3), (placement, pageCount) => {
        const pages = Array.from({ length: pageCount }, () => A4);
        const layout = layoutField(field({ placement }), { seal, date: null }, pages);
        if (layout.ok) expect(layout.widgets.every(({ pageIndex }) => pageIndex < pageCount)).toBe(true);
        else expect(`第50个签署人第200个签署区：${layout.reason}`.length).toBeLessThanOrEqual(64);
      }),
    );
  });
});

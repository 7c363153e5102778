import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { boundsOf, widgetsByPage } from './widgets.ts';

const appearance = { width: 10, height: 10, paths: [] };

describe('the widgets of drawings', () => {
  test('are one a page, in page order, each with its drawings as they came', () => {
    const drawings = [
      { pageIndex: 4, rect: [0, 0, 1, 1] as const, appearance },
      { pageIndex: 0, rect: [2, 2, 3, 3] as const, appearance },
      { pageIndex: 4, rect: [4, 4, 5, 5] as const, appearance },
    ];
    expect(widgetsByPage(drawings)).toEqual([
      { pageIndex: 0, drawings: [{ rect: [2, 2, 3, 3], appearance }] },
      {
        pageIndex: 4,
        drawings: [
          { rect: [0, 0, 1, 1], appearance },
          { rect: [4, 4, 5, 5], appearance },
        ],
      },
    ]);
    expect(widgetsByPage([])).toEqual([]);
  });

  test('hold every drawing once, and their bounds hold each and no more', () => {
    const length = fc.double({ min: 0, max: 500, noNaN: true });
    const drawing = fc
      .record({ pageIndex: fc.nat(6), left: length, bottom: length, width: length, height: length })
      .map(({ pageIndex, left, bottom, width, height }) => ({
        pageIndex,
        rect: [left, bottom, left + width, bottom + height] as const,
        appearance,
      }));
    fc.assert(
      fc.property(fc.array(drawing), (drawings) => {
        const widgets = widgetsByPage(drawings);
        const pages = widgets.map(({ pageIndex }) => pageIndex);
        expect(pages).toEqual([...new Set(drawings.map(({ pageIndex }) => pageIndex))].sort((a, b) => a - b));
        for (const widget of widgets) {
          const here = drawings.filter(({ pageIndex }) => pageIndex === widget.pageIndex);
          expect(widget.drawings).toEqual(here.map(({ rect }) => ({ rect, appearance })));
          const edge = (side: number) => here.map(({ rect }) => rect[side]!);
          expect(boundsOf(widget)).toEqual([
            Math.min(...edge(0)),
            Math.min(...edge(1)),
            Math.max(...edge(2)),
            Math.max(...edge(3)),
          ]);
        }
      }),
    );
  });
});

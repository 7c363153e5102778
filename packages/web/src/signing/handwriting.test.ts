import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { handwritingOf, handwritingPath, strokesOn, writingOf, type PadBox, type PadStroke } from './handwriting.ts';

const point = fc.record({
  x: fc.double({ min: 0, max: 300, noNaN: true }),
  y: fc.double({ min: 0, max: 600, noNaN: true }),
  pressure: fc.double({ min: 0, max: 1, noNaN: true }),
  time: fc.nat(10_000),
});
const strokes = fc.array(fc.array(point, { minLength: 1, maxLength: 30 }), { minLength: 1, maxLength: 8 });
const PHONE: PadBox = { width: 300, height: 600, pose: 'turned' };
const near = (some: readonly PadStroke[], others: readonly PadStroke[]): void => {
  expect(some).toHaveLength(others.length);
  for (const [index, stroke] of some.entries()) {
    for (const [at, { x, y }] of stroke.entries()) {
      expect(x).toBeCloseTo(others[index]?.[at]?.x ?? Number.NaN, 6);
      expect(y).toBeCloseTo(others[index]?.[at]?.y ?? Number.NaN, 6);
    }
  }
};

describe('a writing', () => {
  test('along the long edge of a phone is read from left to right', () => {
    const down = [
      { x: 200, y: 100, pressure: 0.5, time: 0 },
      { x: 200, y: 400, pressure: 0.5, time: 9 },
    ];
    const { width, height, strokes } = writingOf([down], PHONE);
    expect([width, height]).toEqual([600, 300]);
    expect(strokes[0]).toMatchObject([
      { x: 100, y: 100 },
      { x: 400, y: 100 },
    ]);
  });

  test('comes back as it was on the same pad, in either pose', () => {
    fc.assert(
      fc.property(strokes, fc.constantFrom('turned', 'upright'), (written, pose) => {
        const box: PadBox = { ...PHONE, pose };
        near(strokesOn(writingOf(written, box), box), written);
      }),
    );
  });

  test('keeps its proportions and stays on the pad when the phone is turned', () => {
    fc.assert(
      fc.property(strokes, (written) => {
        const sideways: PadBox = { width: 560, height: 210, pose: 'upright' };
        const drawn = strokesOn(writingOf(written, PHONE), sideways).flat();
        for (const { x, y } of drawn) {
          expect(x).toBeGreaterThanOrEqual(-1e-9);
          expect(x).toBeLessThanOrEqual(560 + 1e-9);
          expect(y).toBeGreaterThanOrEqual(-1e-9);
          expect(y).toBeLessThanOrEqual(210 + 1e-9);
        }
      }),
    );
  });
});

/** Enough for a name, along the long edge. */
const LINE: PadStroke = [100, 160].map((y, index) => ({ x: 150, y, pressure: 0.5, time: index * 16 }));

describe('what is sent', () => {
  test('is the ink with a little room around it, however large the pad was', () => {
    fc.assert(
      fc.property(strokes, (written) => {
        const sent = handwritingOf(writingOf([...written, LINE], PHONE))!;
        for (const [x, y, pressure] of sent.strokes.flatMap(({ points }) => points)) {
          expect(x).toBeGreaterThan(0);
          expect(x).toBeLessThan(sent.width);
          expect(y).toBeGreaterThan(0);
          expect(y).toBeLessThan(sent.height);
          expect(pressure).toBeGreaterThanOrEqual(0);
          expect(pressure).toBeLessThanOrEqual(1);
        }
        expect(handwritingPath(sent)).toMatch(/^(?:M[\d.]+ [\d.]+(?:L[\d.]+ [\d.]+)+)+$/);
      }),
    );
  });

  test('a finger tells no pressure: slow is thick, fast is thin', () => {
    const slowThenFast = [0, 1, 2, 40, 90].map((x, index) => ({ x, y: 0, pressure: 0.5, time: index * 16 }));
    const points = handwritingOf(writingOf([slowThenFast], { width: 100, height: 50, pose: 'upright' }))!.strokes[0]!
      .points;
    expect(points[1]![2]).toBeGreaterThan(0.8);
    expect(points[4]![2]).toBeLessThan(0.2);
  });

  test('a pen’s own pressure is kept', () => {
    const pen = [0.2, 0.7, 0.4].map((pressure, x) => ({ x: x * 9, y: 0, pressure, time: x }));
    const { strokes } = handwritingOf(writingOf([pen], { width: 100, height: 50, pose: 'upright' }))!;
    expect(strokes[0]!.points.map(([, , pressure]) => pressure)).toEqual([0.2, 0.7, 0.4]);
  });

  test('nothing where nothing was written', () => {
    expect(handwritingOf({ width: 10, height: 10, strokes: [] })).toBeNull();
    const slip = [[{ x: 150, y: 150, pressure: 0.5, time: 0 }]];
    expect(handwritingOf(writingOf(slip, PHONE))).toBeNull();
  });
});

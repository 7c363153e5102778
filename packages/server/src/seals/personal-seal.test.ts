import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { handwritingAppearance, handwritingLength } from './handwriting.ts';
import { personalSeal } from './personal-seal.ts';
import { sealOutlines } from './seal-font.ts';
import { sealPng } from './seal-image.ts';
import type { Appearance } from '../documents/index.ts';

const outlines = await sealOutlines();

function bounds({ paths }: Appearance): [number, number, number, number] {
  const points = paths.flatMap(({ commands }) => commands.flatMap((step) => (step.op === 'Z' ? [] : [step])));
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

describe("a person's square seal", () => {
  it.each(['张', '李四', '王小明', '欧阳修文', '买买提·吐尔逊', '阿依古丽·买买提艾力'])(
    '%s is drawn within its frame',
    (name) => {
      const seal = personalSeal(name, outlines);
      expect(seal.width).toBeCloseTo(56.69, 1);
      const [left, bottom, right, top] = bounds({ ...seal, paths: seal.paths.slice(1) });
      expect(left).toBeGreaterThan(2.8);
      expect(bottom).toBeGreaterThan(2.8);
      expect(right).toBeLessThan(seal.width - 2.8);
      expect(top).toBeLessThan(seal.height - 2.8);
    },
  );

  it('a name that the font cannot write is refused, not drawn with a hole', () => {
    expect(() => personalSeal('李\u{10FFFD}', outlines)).toThrow(
      expect.objectContaining({ code: 'seal_character_missing', params: { characters: '\u{10FFFD}' } }),
    );
  });

  it('is a picture that others can draw', async () => {
    expect((await sealPng(personalSeal('王小明', outlines))).subarray(1, 4).toString()).toBe('PNG');
  });
});

const point = fc.tuple(
  fc.double({ min: 0, max: 600, noNaN: true }),
  fc.double({ min: 0, max: 300, noNaN: true }),
  fc.double({ min: 0, max: 1, noNaN: true }),
);
const strokes = fc.array(
  fc.array(point, { minLength: 1, maxLength: 60 }).map((points) => ({ points })),
  { minLength: 1, maxLength: 20 },
);

describe('a handwriting', () => {
  it('is drawn near its strokes, in finite numbers and not too many of them', () => {
    fc.assert(
      fc.property(strokes, (given) => {
        const drawn = handwritingAppearance({ width: 600, height: 300, strokes: given });
        expect([drawn.width, drawn.height]).toEqual([120, 60]);
        const [left, bottom, right, top] = bounds(drawn);
        // A curve may swing out beyond its points, by no more than an eighth of the way between two of them.
        expect(Math.min(left, bottom)).toBeGreaterThan(-20);
        expect(right).toBeLessThan(140);
        expect(top).toBeLessThan(80);
        expect(drawn.paths[0]!.commands.length).toBeLessThan(120_000);
      }),
      { numRuns: 60 },
    );
  });

  it('runs counter-clockwise everywhere, so that nothing of it is a hole', () => {
    fc.assert(
      fc.property(strokes, (given) => {
        let area = 0;
        let [fromX, fromY] = [0, 0];
        let [startX, startY] = [0, 0];
        for (const step of handwritingAppearance({ width: 600, height: 300, strokes: given }).paths[0]!.commands) {
          if (step.op === 'Z') {
            area += fromX * startY - fromY * startX;
            expect(area).toBeGreaterThan(-0.01);
            continue;
          }
          if (step.op === 'M') [area, startX, startY] = [0, step.x, step.y];
          else area += fromX * step.y - fromY * step.x;
          [fromX, fromY] = [step.x, step.y];
        }
      }),
      { numRuns: 60 },
    );
  });

  it.each([200, 10_000])(
    'of %i points across the whole box again and again has no more commands than a long one',
    (n) => {
      const strokes = Array.from({ length: 200 }, (_, i) => ({
        points: Array.from({ length: n / 200 }, (_, j): [number, number, number] => [
          j % 2 === 0 ? 0 : 10_000,
          (i * 5 + j) % 1000,
          1,
        ]),
      }));
      const { paths } = handwritingAppearance({ width: 10_000, height: 1_000, strokes });
      expect(paths.flatMap(({ commands }) => commands).length).toBeLessThan(100_000);
    },
  );

  it('of many points on one place is as short as it looks', () => {
    const points = Array.from({ length: 5_000 }, (_, j): [number, number, number] => [300 + j / 100, 150, 0.5]);
    const { paths } = handwritingAppearance({ width: 600, height: 300, strokes: [{ points }] });
    expect(paths.flatMap(({ commands }) => commands).length).toBeLessThan(400);
  });

  it('is as long as its strokes, in longer sides of the box', () => {
    const across = {
      points: [
        [0, 0, 1],
        [600, 0, 1],
        [0, 0, 1],
      ] as [number, number, number][],
    };
    expect(handwritingLength({ width: 600, height: 300, strokes: [across, across] })).toBe(4);
  });

  it('a dot is a disc as thick as the pen was pressed', () => {
    const dot = (pressure: number) =>
      bounds(handwritingAppearance({ width: 600, height: 300, strokes: [{ points: [[300, 150, pressure]] }] }));
    const [thin, thick] = [dot(0), dot(1)];
    expect(thin[2] - thin[0]).toBeCloseTo(0.96, 1);
    expect(thick[2] - thick[0]).toBeCloseTo(2.64, 1);
  });
});

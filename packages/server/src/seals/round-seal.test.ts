import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PathCommand } from '../documents/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Outlines } from './glyphs.ts';
import { glyphsOf, transformCommands } from './glyphs.ts';
import { COMPANY_SEAL_DIAMETER_MM, POINTS_PER_MM, roundSeal } from './round-seal.ts';
import { sealOutlines } from './seal-font.ts';
import type { ArcLayout } from './seal-layout.ts';
import { layoutName, layoutNumber, lineOf, place } from './seal-layout.ts';

const NAMES = [
  '示例公司',
  '示例置业有限公司',
  '示例房地产经纪有限公司',
  '示例（北京）房地产经纪有限责任公司',
  '示例市高新技术产业开发区安居乐业房地产经纪有限责任公司',
  '示例省示例市高新技术产业开发区安居乐业不动产经纪服务（集团）股份有限公司第一分公司',
  'ABC房产经纪(上海)有限公司',
  '58同城示例Realty·信息技术有限公司',
  'Example Realty (China) Co., Ltd.',
  '一二三丁',
  '龘靐齉爩㐂𠂇𪣻',
];

let outlines: Outlines;
beforeAll(async () => {
  outlines = await sealOutlines();
});

const name = fc
  .array(fc.constantFrom(...Array.from('示例市高新技术产业开发区龘一丨（）()ABCWiljQ0189·—、')), {
    minLength: 1,
    maxLength: 50,
  })
  .map((characters) => characters.join(''));

type Point = { x: number; y: number };

/** Every point that a path names. A Bézier curve lies within the hull of its points, so these bound the ink. */
function pointsOf(commands: readonly PathCommand[]): Point[] {
  return commands.flatMap((command) => {
    if (command.op === 'Z') return [];
    const end = { x: command.x, y: command.y };
    if (command.op === 'Q') return [{ x: command.x1, y: command.y1 }, end];
    if (command.op === 'C') return [{ x: command.x1, y: command.y1 }, { x: command.x2, y: command.y2 }, end];
    return [end];
  });
}

/** The points of each character of a line on an arc, in reading direction. */
function inkByCharacter(text: string, layoutOf: (line: ReturnType<typeof lineOf>) => ArcLayout, side: 1 | -1) {
  const line = lineOf(text, glyphsOf(text, outlines));
  const layout = layoutOf(line);
  return line.cells.map((cell, index) => {
    const frame = { angle: side * layout.angles[index]!, x: 0, foot: side * layout.radius };
    return pointsOf(transformCommands(line.glyphs[index]!.commands, place(layout, cell, frame)));
  });
}

/** Neighbours do not overlap when each one's ink keeps to angles of its own, seen from the centre. */
function expectApart(characters: Point[][], side: 1 | -1) {
  let reached = -Infinity;
  for (const points of characters) {
    if (points.length === 0) continue;
    const angles = points.map(({ x, y }) => Math.atan2(x, side * y));
    expect(Math.min(...angles)).toBeGreaterThan(reached);
    reached = Math.max(...angles);
  }
  expect(reached).toBeLessThan(Math.PI);
}

function expectRadii(characters: Point[][], min: number, max: number) {
  for (const { x, y } of characters.flat()) {
    expect(Math.hypot(x, y)).toBeGreaterThan(min);
    expect(Math.hypot(x, y)).toBeLessThanOrEqual(max + 1e-9);
  }
}

describe('the name on the upper arc', () => {
  const span = (285 * Math.PI) / 180;

  it.each(NAMES)('%s stays between star and ring, its characters apart', (text) => {
    const characters = inkByCharacter(text, (line) => layoutName(line, 19, span), 1);
    expectRadii(characters, 11, 19);
    expectApart(characters, 1);
  });

  it('holds for any name of 1 to 50 characters and any room', () => {
    fc.assert(
      fc.property(name, fc.double({ min: 2, max: 5, noNaN: true }), (text, spanMax) => {
        const characters = inkByCharacter(text, (line) => layoutName(line, 19, spanMax), 1);
        expectRadii(characters, 11, 19);
        expectApart(characters, 1);
      }),
      { numRuns: 60 },
    );
  });

  it('is symmetrical about the upright', () => {
    const text = '示例置业有限公司';
    const { angles } = layoutName(lineOf(text, glyphsOf(text, outlines)), 19, span);
    angles.forEach((angle, index) => expect(angle).toBeCloseTo(-angles[angles.length - 1 - index]!, 9));
  });

  it('narrows the characters of a long name and never widens them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 49 }), (count) => {
        const of = (length: number) => {
          const text = '国'.repeat(length);
          return layoutName(lineOf(text, glyphsOf(text, outlines)), 19, span);
        };
        const shorter = of(count);
        const longer = of(count + 1);
        expect(longer.scaleX).toBeLessThanOrEqual(shorter.scaleX + 1e-9);
        expect(longer.halfSpan).toBeGreaterThan(shorter.halfSpan);
      }),
    );
  });
});

describe('the number on the lower arc', () => {
  it.each(['1', '42010001', '1101050012345', '91110105MA00EXAMP1'])(
    '%s stays within the ring, its digits apart',
    (text) => {
      const characters = inkByCharacter(text, (line) => layoutNumber(line, 19.2, 1.6), -1);
      expectRadii(characters, 17, 19.2);
      expectApart(characters, -1);
    },
  );
});

/** Twice the area of a polygon: positive where it runs against the clock. */
function signedArea(points: readonly Point[]): number {
  return points.reduce((sum, { x, y }, index) => {
    const next = points[(index + 1) % points.length]!;
    return sum + x * next.y - y * next.x;
  }, 0);
}

describe('a round seal', () => {
  const millimetresFromCentre = ({ x, y }: Point) =>
    Math.hypot(x / POINTS_PER_MM - COMPANY_SEAL_DIAMETER_MM / 2, y / POINTS_PER_MM - COMPANY_SEAL_DIAMETER_MM / 2);

  it('is ring, star, name, line and number in one red, 42 mm across', () => {
    const seal = roundSeal({ name: NAMES[3]!, line: '合同专用章', number: '1101050012345' }, outlines);
    expect(seal.width).toBeCloseTo(119.055, 3);
    expect(seal.height).toBe(seal.width);
    expect(seal.paths).toHaveLength(5);
    expect(new Set(seal.paths.map((path) => path.fill))).toEqual(new Set(['#D7000F']));
  });

  it('keeps all text inside the ring and off the star, whatever it says', () => {
    const part = (count: number) => name.filter((text) => text.length <= count);
    fc.assert(
      fc.property(name, fc.option(part(8)), fc.option(part(18)), (text, line, number) => {
        const seal = roundSeal(
          { name: text, ...(line === null ? {} : { line }), ...(number === null ? {} : { number }) },
          outlines,
        );
        for (const point of seal.paths.slice(2).flatMap((path) => pointsOf(path.commands))) {
          expect(millimetresFromCentre(point)).toBeLessThan(19.25);
          expect(millimetresFromCentre(point)).toBeGreaterThan(7);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('keeps the line below the star clear of the name', () => {
    fc.assert(
      fc.property(name, fc.integer({ min: 1, max: 12 }), (text, count) => {
        const { paths } = roundSeal({ name: text, line: '章'.repeat(count) }, outlines);
        const centre = (COMPANY_SEAL_DIAMETER_MM / 2) * POINTS_PER_MM;
        const line = pointsOf(paths[3]!.commands);
        const lineTop = Math.max(...line.map((point) => point.y));
        const halfWidth = Math.max(...line.map((point) => Math.abs(point.x - centre)));
        for (const point of pointsOf(paths[2]!.commands)) {
          if (point.y < lineTop) expect(Math.abs(point.x - centre)).toBeGreaterThan(halfWidth);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('winds the inner circle against the outer one, so that the ring is hollow', () => {
    const [ring] = roundSeal({ name: '示例公司' }, outlines).paths;
    const areas: number[] = [];
    const points: Point[] = [];
    for (const command of ring!.commands) {
      if (command.op === 'Z') areas.push(signedArea(points.splice(0)));
      else points.push({ x: command.x, y: command.y });
    }
    expect(areas).toHaveLength(2);
    expect(areas[0]! * areas[1]!).toBeLessThan(0);
  });

  it('names every character that the font has not, once, and draws nothing', () => {
    const draw = () => roundSeal({ name: '示例😀公司😀', line: '章\u{1F600}한' }, outlines);
    expect(draw).toThrow(DomainError);
    expect(draw).toThrow(expect.objectContaining({ code: 'seal_character_missing', params: { characters: '😀한' } }));
  });
});

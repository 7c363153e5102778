import { assert, array, constantFrom, integer, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { breakLines } from './line-breaking.ts';

/** An ideograph is as wide as two letters. */
const measure = (text: string): number =>
  Array.from(text).reduce((width, character) => width + ((character.codePointAt(0) ?? 0) < 0x80 ? 1 : 2), 0);
const lines = (text: string, width: number): string[] => breakLines(text, width, measure);

describe('lines', () => {
  test.each([
    ['短', 10, ['短']],
    ['', 10, ['']],
    ['一二三四五六', 8, ['一二三四', '五六']],
    ['the quick brown fox', 10, ['the quick', 'brown fox']],
    ['第一行\n\n第三行', 20, ['第一行', '', '第三行']],
    ['0123456789abcdef', 6, ['012345', '6789ab', 'cdef']],
    ['甲方（以下简称“甲”）', 8, ['甲方（以', '下简称', '“甲”）']],
  ])('%s at %i', (text, width, expected) => {
    expect(lines(text, width)).toEqual(expected);
  });

  test('none begins with closing punctuation where its character fits beside it', () => {
    expect(lines('一二三四，五六', 8)).toEqual(['一二三', '四，五六']);
    expect(lines('一二三《书名》', 8)).toEqual(['一二三', '《书名》']);
  });

  const texts = array(constantFrom('一', '。', '（', ' ', 'word', 'a-b', '/path/', '9f', '“', '”', '😀', '\n'), {
    maxLength: 60,
  }).map((parts) => parts.join(''));

  test('none is wider than it may be, and nothing but spaces is lost', () => {
    assert(
      property(texts, integer({ min: 2, max: 30 }), (text, width) => {
        const broken = lines(text, width);
        for (const line of broken) expect(measure(line)).toBeLessThanOrEqual(width);
        expect(broken.join('').replaceAll(' ', '')).toBe(text.replaceAll(/[ \n]/g, ''));
      }),
      { numRuns: 1_000 },
    );
  });

  test('any text at all ends', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 200 }), integer({ min: 1, max: 20 }), (text, width) => {
        expect(lines(text, width).length).toBeGreaterThan(0);
      }),
    );
  });
});

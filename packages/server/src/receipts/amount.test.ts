import { array, assert, constantFrom, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fenOfFigures, fenOfWords, wordsOfFen } from './amount.ts';

const FEN_MAX = 999_999_999_999_999;
const figuresOf = (fen: number): string => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, '0')}`;

describe('amounts in words', () => {
  // The examples of 支付结算办法, 附一, and those of everyday.
  test.each([
    [140_950, '壹仟肆佰零玖元伍角整'],
    [600_714, '陆仟零柒元壹角肆分'],
    [168_032, '壹仟陆佰捌拾元零叁角贰分'],
    [10_700_053, '壹拾万柒仟元零伍角叁分'],
    [1_640_902, '壹万陆仟肆佰零玖元零贰分'],
    [32_504, '叁佰贰拾伍元零肆分'],
    [12_300, '壹佰贰拾叁元整'],
    [5, '伍分'],
    [50, '伍角整'],
    [1_000_000_000_000, '壹佰亿元整'],
    [10_000_100_000_000, '壹仟亿零壹佰万元整'],
    [100_000_000_000_000, '壹万亿元整'],
    [10_001_000, '壹拾万零壹拾元整'],
  ])('%i fen are %s, and back', (fen, words) => {
    expect(wordsOfFen(fen)).toBe(words);
    expect(fenOfWords(words)).toBe(fen);
  });

  test.each([
    ['人民币壹佰贰拾叁圆整', 12_300],
    ['壹佰贰拾叁元正', 12_300],
    ['壹仟肆佰零玖元伍角', 140_950],
    ['壹仟陆佰捌拾元叁角贰分', 168_032],
    ['壹拾万零柒仟元伍角叁分', 10_700_053],
    ['叁佰元零角零分', 30_000],
    [' 贰 佰 元 整 ', 20_000],
    ['零元整', 0],
  ])('%s is read as people write it', (words, fen) => {
    expect(fenOfWords(words)).toBe(fen);
  });

  test.each([
    '',
    '整',
    '元整',
    '123元整',
    '一百二十三元整',
    '壹佰贰拾叁',
    '壹佰贰拾叁元',
    '壹壹元整',
    '佰元整',
    '拾元整',
    '壹拾佰元整',
    '壹佰仟元整',
    '壹元整伍角',
    '伍分整',
    '壹万壹万元整',
    '壹亿壹亿元整',
    '万元整',
    '亿元整',
    '壹元零',
    '壹元伍分伍角',
  ])('“%s” says no amount', (words) => {
    expect(fenOfWords(words)).toBeUndefined();
  });

  test('every amount comes back from its words and from its figures', () => {
    assert(
      property(integer({ min: 0, max: FEN_MAX }), (fen) => {
        expect(fenOfWords(wordsOfFen(fen))).toBe(fen);
        expect(fenOfFigures(figuresOf(fen))).toBe(fen);
      }),
      { numRuns: 2_000 },
    );
  });

  test('amounts full of noughts come back too', () => {
    const sparse = array(constantFrom(0, 0, 0, 1, 9), { minLength: 1, maxLength: 15 }).map((figures) =>
      Number(figures.join('')),
    );
    assert(
      property(sparse, (fen) => {
        const words = wordsOfFen(fen);
        expect(fenOfWords(words)).toBe(fen);
        if (fen > 0) expect(words).not.toMatch(/零零|零万|零亿|零元./);
      }),
      { numRuns: 2_000 },
    );
  });

  test('no two amounts have the same words, and no text breaks the reader', () => {
    const alphabet = constantFrom(...Array.from('零壹贰伍玖拾佰仟万亿元圆角分整正人民币1 '));
    assert(
      property(array(alphabet, { maxLength: 14 }), (characters) => {
        const fen = fenOfWords(characters.join(''));
        if (fen === undefined) return;
        expect(fenOfWords(wordsOfFen(fen))).toBe(fen);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('amounts in figures', () => {
  test.each([
    ['123', 12_300],
    ['123.4', 12_340],
    ['￥1,234.56', 123_456],
    ['¥0.05', 5],
    ['007.00', 700],
    ['100元', 10_000],
  ])('%s', (figures, fen) => {
    expect(fenOfFigures(figures)).toBe(fen);
  });

  test.each(['', '-1', '1.234', '1,23', '12,34.00', '1e3', '.5', '1.', '一', '1 2', '99999999999999', 'NaN', '1,,234'])(
    '“%s” is none',
    (figures) => {
      expect(fenOfFigures(figures)).toBeUndefined();
    },
  );
});

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAmount, yuanText, type AmountStyle } from './amount.ts';

const fen = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });

/** `1234567` as `1,234,567`. */
function grouped(digits: string): string {
  return digits.replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
}

test('every whole number of fen is read back exactly, in each style', () => {
  fc.assert(
    fc.property(fen, fc.integer({ min: 0, max: 6 }), (value, zeros) => {
      const text = yuanText(value) + '0'.repeat(zeros);
      const [whole = '', part = ''] = text.split('.');
      expect(parseAmount(text, 'decimal')).toEqual({ fen: value, negative: false });
      expect(parseAmount(text, 'table')).toEqual({ fen: value, negative: false });
      expect(parseAmount(`${grouped(whole)}.${part}`, 'table')).toEqual({ fen: value, negative: false });
      expect(parseAmount(`-${text}`, 'table')).toEqual({ fen: value, negative: value > 0 });
      if (whole.length <= 15) {
        expect(parseAmount(text.replace('.', ','), 'swift')).toEqual({ fen: value, negative: false });
      }
    }),
  );
});

test('what is not a whole number of fen is never rounded', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 1, max: 999 }), (yuan, beyond) => {
      const text = `${yuan}.01${String(beyond).padStart(3, '0')}`;
      expect(parseAmount(text, 'decimal')).toEqual({ fault: 'amount_not_whole_fen' });
    }),
  );
});

test('no other text is an amount', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 30 }),
      fc.constantFrom<AmountStyle>('decimal', 'swift', 'table'),
      (text, style) => {
        const read = parseAmount(text, style);
        if ('fault' in read) return;
        expect(text.normalize('NFKC')).toMatch(/^\s*[+-]?[¥￥]?[\d,.\s]+\s*$/);
        expect(Number.isSafeInteger(read.fen)).toBe(true);
      },
    ),
  );
});

test.each<[string, AmountStyle, ReturnType<typeof parseAmount>]>([
  ['0.01', 'decimal', { fen: 1, negative: false }],
  ['0.010', 'decimal', { fen: 1, negative: false }],
  ['.01', 'decimal', { fault: 'amount_not_understood' }],
  ['1e-2', 'decimal', { fault: 'amount_not_understood' }],
  ['0,01', 'decimal', { fault: 'amount_not_understood' }],
  ['-0.01', 'decimal', { fault: 'amount_not_understood' }],
  ['+0.01', 'decimal', { fault: 'amount_not_understood' }],
  ['0x1', 'decimal', { fault: 'amount_not_understood' }],
  ['NaN', 'decimal', { fault: 'amount_not_understood' }],
  ['', 'decimal', { fault: 'amount_missing' }],
  ['90071992547409.92', 'decimal', { fault: 'amount_too_large' }],
  ['1,234.56', 'decimal', { fault: 'amount_not_understood' }],
  ['0,01', 'swift', { fen: 1, negative: false }],
  ['1,', 'swift', { fen: 100, negative: false }],
  ['0.01', 'swift', { fault: 'amount_not_understood' }],
  ['1.000,00', 'swift', { fault: 'amount_not_understood' }],
  ['1,234.56', 'table', { fen: 123456, negative: false }],
  ['12,34.56', 'table', { fault: 'amount_not_understood' }],
  ['1,234,56', 'table', { fault: 'amount_not_understood' }],
  ['0,01', 'table', { fault: 'amount_not_understood' }],
  ['0，01', 'table', { fault: 'amount_not_understood' }],
  ['￥ 0.01', 'table', { fen: 1, negative: false }],
  ['０.０１', 'table', { fen: 1, negative: false }],
  ['(0.01)', 'table', { fault: 'amount_not_understood' }],
  ['-0.00', 'table', { fen: 0, negative: false }],
])('%s as %s', (text, style, expected) => {
  expect(parseAmount(text, style)).toEqual(expected);
});

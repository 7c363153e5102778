import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DamagedPdf, ParseBudget } from './budget.ts';
import { PdfParser } from './parser.ts';
import { serializeNumber, serializeValue } from './serialize.ts';
import { PdfName, PdfRef, PdfString, textOf, textString } from './values.ts';
import type { PdfValue } from './values.ts';

function parse(text: string | Buffer): PdfValue {
  return new PdfParser(Buffer.isBuffer(text) ? text : Buffer.from(text, 'latin1'), 0, new ParseBudget()).parseValue();
}

const { value } = fc.letrec<{ value: PdfValue }>((tie) => {
  const latin1Name = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 12 });
  const nameText = latin1Name.map((codes) => String.fromCharCode(...codes));
  return {
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom<PdfValue>(null, true, false),
      fc.integer(),
      fc.integer({ min: -1_000_000, max: 1_000_000 }).map((each) => each / 1000),
      nameText.map((text) => new PdfName(text)),
      fc.nat({ max: 9_999_999 }).map((objectNumber) => new PdfRef(objectNumber, 0)),
      fc.uint8Array({ maxLength: 30 }).map((bytes) => new PdfString(Buffer.from(bytes))),
      fc.array(tie('value'), { maxLength: 5 }),
      fc.array(fc.tuple(nameText, tie('value')), { maxLength: 5 }).map((entries): PdfValue => new Map(entries)),
    ),
  };
});

test('a value that is written is read back as it was', () => {
  fc.assert(
    fc.property(value, (original) => {
      expect(parse(serializeValue(original))).toEqual(original);
    }),
    { numRuns: 1000 },
  );
});

test('a text string holds any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      expect(textOf(textString(text))).toBe(text);
    }),
  );
  expect(serializeValue(textString('印信'))).toBe('<feff53704fe1>');
});

test('a number is written without an exponent', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      expect(serializeNumber(number)).toMatch(/^-?\d+(\.\d+)?$/);
      expect(Math.abs(Number(serializeNumber(number)) - number)).toBeLessThanOrEqual(1e-10 + Math.abs(number) * 1e-15);
    }),
  );
});

test('a number of a page is read back as it was written, to its last decimal', () => {
  for (const text of ['595.303937007874', '841.889763779528', '-0.1', '1e-7']) {
    expect(parse(serializeNumber(Number(text)))).toBe(Number(text));
  }
});

describe('what other writers write', () => {
  test.each([
    ['(a(b)c)', 'a(b)c'],
    ['(\\(\\)\\\\)', '()\\'],
    ['(\\101\\7)', 'A\x07'],
    ['(a\\\r\nb)', 'ab'],
    ['(\\n\\r\\t\\q)', '\n\r\tq'],
    ['<48 65\n6C6c6F>', 'Hello'],
    ['<4>', '@'],
    ['%comment\r\n (x)', 'x'],
  ])('string %s', (source, text) => {
    const parsed = parse(source) as PdfString;
    expect(parsed.bytes.toString('latin1')).toBe(text);
  });

  test('names, references and numbers', () => {
    expect(parse('[/A#42/C 1 0 R 12 0 5 6 R -3 +4 .5 4.]')).toEqual([
      new PdfName('AB'),
      new PdfName('C'),
      new PdfRef(1, 0),
      12,
      0,
      new PdfRef(5, 6),
      -3,
      4,
      0.5,
      4,
    ]);
  });
});

test('whatever the bytes are, reading ends, with a value or as damaged', () => {
  const tokens = fc.constantFrom(
    '<<',
    '>>',
    '[',
    ']',
    '(',
    ')',
    '<',
    '>',
    '/A',
    ' ',
    '1',
    '0 R',
    'true',
    '%',
    '\n',
    '\\',
  );
  const soup = fc.oneof(
    fc.array(tokens, { maxLength: 60 }).map((parts) => Buffer.from(parts.join(''))),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(soup, (bytes) => {
      try {
        parse(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(DamagedPdf);
      }
    }),
    { numRuns: 3000 },
  );
});

test.each([
  '['.repeat(100_000),
  '<<'.repeat(100_000),
  '<</A'.repeat(100_000),
  '(' + '('.repeat(100_000),
  '/' + 'a'.repeat(9999),
])('a nesting bomb is refused (%#)', (text) => {
  expect(() => parse(text)).toThrow(DamagedPdf);
});

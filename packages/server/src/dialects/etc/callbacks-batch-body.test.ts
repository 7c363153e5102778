import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CallbackFormError } from './callback-request.ts';
import { BATCH_LIMITS, splitBatch } from './callbacks-batch-body.ts';

const split = (text: string | Buffer, isNdjson = false) => {
  const { form, entries } = splitBatch(Buffer.from(text), isNdjson);
  return { form, entries: entries.map(({ line, source }) => [line, source.toString()]) };
};

function refusal(text: string | Buffer, isNdjson = false): string {
  try {
    split(text, isNdjson);
  } catch (error) {
    if (error instanceof CallbackFormError) return error.message;
    throw error;
  }
  return 'accepted';
}

/** One line of NDJSON as people write them: an object, something faulty, or nothing at all. */
const lineText = fc.oneof(
  fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()).map((value) => JSON.stringify(value)),
  fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\n\r\uFEFF]/g, '.')),
  fc.constantFrom('', ' ', '\t ', '{', '[1]', '中'),
);
const lineEnd = fc.constantFrom('\n', '\r\n');
const isBlank = (text: string) => /^[ \t\r]*$/.test(text);

describe('NDJSON', () => {
  test('any lines, LF or CRLF, blank ones, a byte order mark, with or without a last line end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(lineText, lineEnd), { minLength: 1, maxLength: 30 }),
        fc.boolean(),
        fc.boolean(),
        (lines, mark, ended) => {
          const body = lines.map(([text, end], nth) => text + (ended || nth < lines.length - 1 ? end : '')).join('');
          const expected = lines.flatMap(([text], nth) => (isBlank(text) ? [] : [[nth + 1, text]]));
          const run = () => split((mark ? '\uFEFF' : '') + body, true);
          if (expected.length === 0) expect(run).toThrow('请求体没有消息');
          // The carriage return of CRLF is white space of the line.
          else expect(run().entries.map(([line, text]) => [line, String(text).replace(/\r$/, '')])).toEqual(expected);
        },
      ),
    );
  });

  test('what is wrong with one line is not looked at here, not even bytes that are no UTF-8', () => {
    const body = Buffer.concat([Buffer.from('{"a":1}\n'), Buffer.from([0xff, 0x0a]), Buffer.from('{"b":2}')]);
    expect(splitBatch(body, false).entries).toEqual([
      { line: 1, source: Buffer.from('{"a":1}') },
      { line: 2, source: Buffer.from([0xff]) },
      { line: 3, source: Buffer.from('{"b":2}') },
    ]);
  });

  test('an array is a faulty line where the body is said to be NDJSON', () => {
    expect(split('[1]\n{}', true)).toEqual({
      form: 'ndjson',
      entries: [
        [1, '[1]'],
        [2, '{}'],
      ],
    });
  });

  test('too many messages, too many lines', () => {
    const max = BATCH_LIMITS.messagesMax;
    expect(split('{}\n'.repeat(max)).entries.length).toBe(max);
    expect(refusal('{}\n'.repeat(max + 1))).toBe('消息过多，一批最多1000条');
    expect(refusal('\n'.repeat(BATCH_LIMITS.linesMax + 1))).toBe('行数过多，最多10000行');
    expect(refusal('')).toBe('请求体没有消息');
  });
});

describe('an array', () => {
  test('its elements as they were written', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { minLength: 1 }),
        fc.constantFrom('', ' ', '\n', '\r\n\t'),
        fc.boolean(),
        (values, space, mark) => {
          const texts = values.map((value) => JSON.stringify(value));
          const body = `${mark ? '\uFEFF' : ''}${space}[${space}${texts.join(`${space},${space}`)}${space}]${space}`;
          expect(split(body)).toEqual({ form: 'array', entries: texts.map((text, nth) => [nth + 1, text]) });
        },
      ),
    );
    expect(split('[{"a": 1.10, "a" :1e2}, 9007199254740993]').entries).toEqual([
      [1, '{"a": 1.10, "a" :1e2}'],
      [2, '9007199254740993'],
    ]);
  });

  test('it is refused as a whole where it is not JSON', () => {
    expect(refusal('[]')).toBe('请求体没有消息');
    expect(refusal('[{}')).toBe('请求体不是合法的JSON，第4个字符处有误');
    expect(refusal('[{},]')).toBe('请求体不是合法的JSON，第5个字符处有误');
    expect(refusal('[{}] {}')).toBe('请求体不是合法的JSON，第6个字符处有误');
    expect(refusal(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]))).toBe('请求体必须是UTF-8编码');
    expect(refusal('['.repeat(8_000_000))).toBe('请求体嵌套过深，每条消息最多100层');
    expect(refusal(`[${'{},'.repeat(1_000)}{}]`)).toBe('消息过多，一批最多1000条');
  });
});

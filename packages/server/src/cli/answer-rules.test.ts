import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerRule, parseJsonRule, parseStatuses, statusesText, withShortStatuses } from './answer-rules.ts';

const hundred = (first: number): number[] => Array.from({ length: 100 }, (_, index) => first + index);

describe('statuses', () => {
  test.each([
    ['200', [200]],
    ['200, 204', [200, 204]],
    ['2xx', hundred(200)],
    ['200-202,201', [200, 201, 202]],
    ['4XX,500', [...hundred(400), 500]],
  ])('%s', (text, statuses) => expect(parseStatuses(text)).toEqual(statuses));

  test.each(['', '99', '199', '600', '1xx', '6xx', '204-200', '2x', 'ok', '200,', '200-'])('%j is none', (text) => {
    expect(() => parseStatuses(text)).toThrow('HTTP status');
  });

  test('written short they say the same', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 200, max: 599 }), { minLength: 1 }), fc.boolean(), (some, all) => {
        const statuses = all ? [...new Set([...some, ...hundred(300)])] : some;
        expect(new Set(parseStatuses(statusesText(statuses)))).toEqual(new Set(statuses));
      }),
    );
    expect(statusesText([409, ...hundred(200), 300, 301])).toBe('200-301,409');
    expect(statusesText(hundred(200))).toBe('2xx');
  });

  test('a record shows them short wherever they stand', () => {
    const record = {
      acknowledge: { kind: 'status', statuses: hundred(200) },
      refuse: [{ statuses: [400, 401] }],
      url: null,
    };
    expect(withShortStatuses(record)).toEqual({
      acknowledge: { kind: 'status', statuses: '2xx' },
      refuse: [{ statuses: '400-401' }],
      url: null,
    });
  });
});

describe('rules', () => {
  test.each([
    ['code=000', { path: 'code', value: '000' }],
    ['data.url=a=b', { path: 'data.url', value: 'a=b' }],
    ['ok:=true', { path: 'ok', value: true }],
    ['data.result:=0', { path: 'data.result', value: 0 }],
    ['a:b=', { path: 'a:b', value: '' }],
  ])('%s', (text, rule) => expect(parseJsonRule('--ack-json', text)).toEqual(rule));

  test.each(['9007199254740993', '-9007199254740992', '1.00000000000000000001', '0.12345678901234567'])(
    'code:=%s would be another number once it is read: refused',
    (number) => expect(() => parseJsonRule('--ack-json', `code:=${number}`)).toThrow('up to 15 digits'),
  );

  test.each(['9007199254740991', '0.1', '-1.50', '1e3'])('code:=%s is kept', (number) => {
    expect(parseJsonRule('--ack-json', `code:=${number}`)).toEqual({ path: 'code', value: Number(number) });
  });

  test.each(['code', '=000', 'a:=', 'a:={}', 'a:=null', ''])('%j is none', (text) => {
    expect(() => parseJsonRule('--ack-json', text)).toThrow('--ack-json is written');
  });

  test('statuses stand beside a text or a value, and alone', () => {
    expect(answerRule('--ack', {})).toBeUndefined();
    expect(answerRule('--ack', { status: '204' })).toEqual({ kind: 'status', statuses: [204] });
    expect(answerRule('--ack', { status: '204', text: 'ok' })).toEqual({ kind: 'text', text: 'ok', statuses: [204] });
    expect(() => answerRule('--ack', { text: 'ok', json: 'a=b' })).toThrow('one of --ack-text and --ack-json');
  });
});

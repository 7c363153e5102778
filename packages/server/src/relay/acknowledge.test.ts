import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeAnswer, type AcknowledgeRule, type AnswerRules, type DestinationAnswer } from './acknowledge.ts';
import { PROFILES } from './profiles.ts';

const NOW = new Date('2026-11-21T12:00:00.000Z');
const relayRule = PROFILES['etc-relay'].acknowledge!;

function answer(status: number, body: string | Buffer, more: Partial<DestinationAnswer> = {}): DestinationAnswer {
  return { status, headers: {}, body: Buffer.from(body), truncated: false, ...more };
}

const judge = (acknowledge: AcknowledgeRule, given: DestinationAnswer, more: Partial<AnswerRules> = {}) =>
  judgeAnswer({ acknowledge, ...more }, given, NOW);

describe('etc-relay: acknowledged is HTTP 200 and a JSON body whose code is the string "000"', () => {
  test.each([
    ['{"code":"000"}'],
    [' {"msg":"成功", "code" : "000", "request_id":"x"} '],
    ['{"code":"500","code":"000"}'],
    ['\ufeff{"code":"000"}'],
  ])('%s acknowledges', (body) => {
    expect(judge(relayRule, answer(200, body))).toEqual({ kind: 'acknowledged' });
  });

  test.each([
    [''],
    ['ok'],
    ['{"code":0}'],
    ['{"code":"0000"}'],
    ['{"code":000}'],
    ['{"code":["000"]}'],
    ['[{"code":"000"}]'],
    ['"000"'],
    ['null'],
    ['{"data":{"code":"000"}}'],
    ['{"__proto__":{"code":"000"}}'],
    ['{"response_code":"000"}'],
    ['{"code":"000"'],
  ])('%s does not', (body) => {
    expect(judge(relayRule, answer(200, body))).toEqual({ kind: 'unacknowledged', reason: 'not_acknowledged' });
  });

  test('neither does a body in broken UTF-8, one that is compressed, or one that was longer than was read', () => {
    const broken = Buffer.from([...Buffer.from('{"code":"000","x":"'), 0xff, 0x22, 0x7d]);
    expect(judge(relayRule, answer(200, broken)).kind).toBe('unacknowledged');
    expect(judge(relayRule, answer(200, Buffer.from([0x1f, 0x8b, 8, 0]))).kind).toBe('unacknowledged');
    expect(judge(relayRule, answer(200, '{"code":"000"}', { truncated: true })).kind).toBe('unacknowledged');
  });

  test.each([201, 202, 204, 301, 302, 400, 401, 404, 500, 502])('HTTP %i is retried, whatever its body', (status) => {
    const outcome = judge(relayRule, answer(status, '{"code":"000"}'));
    expect(outcome).toEqual({ kind: 'unacknowledged', reason: `status_${status}` });
  });

  test('410 means gone: stop', () => {
    expect(judge(relayRule, answer(410, ''))).toEqual({ kind: 'refused', reason: 'gone' });
  });
});

describe('Retry-After', () => {
  const wait = (status: number, value: string | string[]) => {
    const outcome = judge(relayRule, answer(status, '', { headers: { 'retry-after': value } }));
    return outcome.kind === 'unacknowledged' ? outcome.retryAfterMs : outcome.kind;
  };

  test('of 429 and 503 is heard, in seconds and as a date', () => {
    expect(wait(429, '120')).toBe(120_000);
    expect(wait(503, ['7', '9'])).toBe(7_000);
    expect(wait(503, 'Sat, 21 Nov 2026 12:01:00 GMT')).toBe(60_000);
    expect(wait(503, 'Sat, 21 Nov 2026 11:00:00 GMT')).toBe(0);
  });

  test('of other statuses, and what is no Retry-After, is not', () => {
    for (const value of ['-1', '1.5', 'soon', '', '99999999999', '2026-11-21'])
      expect(wait(503, value)).toBeUndefined();
    expect(wait(500, '120')).toBeUndefined();
  });
});

describe('rules of a destination’s own', () => {
  test('a set of statuses', () => {
    const rule: AcknowledgeRule = { kind: 'status', statuses: [200, 204] };
    expect(judge(rule, answer(204, '')).kind).toBe('acknowledged');
    expect(judge(rule, answer(201, '')).kind).toBe('unacknowledged');
  });

  test('an exact text', () => {
    const rule: AcknowledgeRule = { kind: 'text', text: 'success' };
    expect(judge(rule, answer(200, 'success\n')).kind).toBe('acknowledged');
    expect(judge(rule, answer(200, 'successful')).kind).toBe('unacknowledged');
    expect(judge(rule, answer(201, 'success')).kind).toBe('unacknowledged');
    expect(judge({ ...rule, statuses: [201] }, answer(201, 'success')).kind).toBe('acknowledged');
  });

  test('a value in a JSON body', () => {
    const rule: AcknowledgeRule = { kind: 'json', path: 'data.result', value: 0 };
    expect(judge(rule, answer(200, '{"data":{"result":0}}')).kind).toBe('acknowledged');
    expect(judge(rule, answer(200, '{"data":{"result":"0"}}')).kind).toBe('unacknowledged');
    expect(judge(rule, answer(200, '{"data":null}')).kind).toBe('unacknowledged');
  });
});

describe('rules for "never again"', () => {
  const refuse = [
    { kind: 'status', statuses: [400, 422] },
    { kind: 'text', text: 'unknown order' },
    { kind: 'json', path: 'error.code', value: 'E_CLOSED' },
  ] as const;

  test.each([
    [422, ''],
    [500, ' unknown order '],
    [200, '{"code":"000","error":{"code":"E_CLOSED"}}'],
  ])('HTTP %i with %j ends the delivery', (status, body) => {
    expect(judge(relayRule, answer(status, body), { refuse })).toEqual({ kind: 'refused', reason: 'refused_by_rule' });
  });

  test.each([
    [404, ''],
    [500, 'unknown orders'],
    [500, '{"error":{"code":"E_OPEN"}}'],
    [500, '{"error":"E_CLOSED"}'],
  ])('HTTP %i with %j does not', (status, body) => {
    expect(judge(relayRule, answer(status, body), { refuse }).kind).toBe('unacknowledged');
  });

  test('a rule that names statuses fits with these alone', () => {
    const rules: Partial<AnswerRules> = { refuse: [{ kind: 'text', text: 'no', statuses: [409] }] };
    expect(judge(relayRule, answer(409, 'no'), rules).kind).toBe('refused');
    expect(judge(relayRule, answer(500, 'no'), rules).kind).toBe('unacknowledged');
  });
});

describe('rules for "try after"', () => {
  const waitOf = (given: DestinationAnswer, retryAfter: NonNullable<AnswerRules['retryAfter']>) => {
    const outcome = judge(relayRule, given, { retryAfter });
    return outcome.kind === 'unacknowledged' ? outcome.retryAfterMs : outcome.kind;
  };

  test('Retry-After counts with the statuses that are named, and with no other', () => {
    const headers = { 'retry-after': '9' };
    expect(waitOf(answer(500, '', { headers }), { statuses: [500] })).toBe(9_000);
    expect(waitOf(answer(503, '', { headers }), { statuses: [500] })).toBeUndefined();
  });

  test('seconds in the body count with any status, beside Retry-After the longer one', () => {
    const path = 'data.wait';
    expect(waitOf(answer(200, '{"data":{"wait":2.5}}'), { path })).toBe(2_500);
    expect(waitOf(answer(500, '{"data":{"wait":"30"}}'), { path })).toBe(30_000);
    expect(waitOf(answer(503, '{"data":{"wait":5}}', { headers: { 'retry-after': '7' } }), { path })).toBe(7_000);
  });

  test.each(['-1', '"soon"', 'null', '{}', '[1]', '1e999', 'true', '"1e3"'])('%s is no number of seconds', (value) => {
    expect([undefined, 1e12]).toContain(waitOf(answer(500, `{"wait":${value}}`), { path: 'wait' }));
  });
});

describe('whatever a destination answers', () => {
  const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean());
  const key = fc.string({ minLength: 1 }).filter((text) => !text.includes('.'));
  const path = fc.array(key, { minLength: 1, maxLength: 5 });
  const nested = (keys: readonly string[], value: unknown): string =>
    keys.reduceRight((inner, name) => `{"x":[1,{"y":2}],${JSON.stringify(name)}:${inner}}`, JSON.stringify(value));

  test('a value at its path is found, and no other value is taken for it', () => {
    fc.assert(
      fc.property(path, scalar, scalar, (keys, value, other) => {
        fc.pre(value !== other);
        const rule: AcknowledgeRule = { kind: 'json', path: keys.join('.'), value };
        expect(judge(rule, answer(200, nested(keys, value))).kind).toBe('acknowledged');
        expect(judge(rule, answer(200, nested(keys, other))).kind).toBe('unacknowledged');
        expect(judge(rule, answer(200, nested([...keys, 'deeper'], value))).kind).toBe('unacknowledged');
      }),
    );
  });

  test('a verdict is given: bytes, brackets and names of Object.prototype break nothing', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc.constantFrom('[', '{"a":', '"').map((text) => Buffer.from(text.repeat(20_000))),
      fc.json().map((text) => Buffer.from(text)),
    );
    const names = fc.constantFrom('__proto__', 'constructor', 'toString', 'length', 'a');
    fc.assert(
      fc.property(
        bytes,
        fc.integer({ min: 200, max: 599 }),
        fc.array(names, { minLength: 1, maxLength: 4 }),
        scalar,
        (body, status, keys, value) => {
          const rule: AcknowledgeRule = { kind: 'json', path: keys.join('.'), value };
          const outcome = judge(rule, answer(status, body), { refuse: [rule], retryAfter: { path: keys.join('.') } });
          expect(outcome.kind).not.toBe('acknowledged');
          if (outcome.kind === 'unacknowledged' && outcome.retryAfterMs !== undefined) {
            expect(outcome.retryAfterMs).toBeGreaterThanOrEqual(0);
          }
        },
      ),
    );
  });
});

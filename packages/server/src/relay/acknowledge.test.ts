import { describe, expect, test } from 'vitest';
import { judgeAnswer, type AcknowledgeRule, type DestinationAnswer } from './acknowledge.ts';
import { PROFILES } from './profiles.ts';

const NOW = new Date('2026-11-21T12:00:00.000Z');
const relayRule = PROFILES['etc-relay'].acknowledge!;

function answer(status: number, body: string | Buffer, more: Partial<DestinationAnswer> = {}): DestinationAnswer {
  return { status, headers: {}, body: Buffer.from(body), truncated: false, ...more };
}

const judge = (rule: AcknowledgeRule, given: DestinationAnswer) => judgeAnswer(rule, given, NOW);

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

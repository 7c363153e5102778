import { assert, constantFrom, jsonValue, oneof, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { orderingKeyOf } from './ordering-key.ts';

const byPath = (orderingKeyPath: string) => ({ orderingKeyPath, orderingKeyHeader: null });
const byHeader = (orderingKeyHeader: string) => ({ orderingKeyPath: null, orderingKeyHeader });
const none = (): undefined => undefined;

describe('by path', () => {
  test.each([
    ['{"data":{"flow_id":"F1"}}', 'F1'],
    ['{"data":{"flow_id":17}}', 'number:17'],
    ['{"data":{"flow_id":"17"}}', '17'],
    ['{"data":{"flow_id":1795314741674000001}}', 'number:1795314741674000001'],
    ['{"data":{"flow_id":1.10}}', 'number:1.10'],
    ['{"data":{"flow_id":true}}', 'boolean:true'],
    ['{"data":{"flow_id":"true"}}', 'true'],
    ['{"data":{"flow_id":"\\u0046\\n1"}}', 'F\n1'],
    ['{"data":{"flow_id":"F0","flow_id":"F1"}}', 'F1'],
    ['{"data":{"flow_id":"F0"},"data":{"flow_id":"F1"}}', 'F1'],
    ['{"data":{"flow_id":""}}', ''],
    ['{"data":{"flow_id":null}}', null],
    ['{"data":{"flow_id":{}}}', null],
    ['{"data":{"flow_id":["F1"]}}', null],
    ['{"data":["F1"]}', null],
    ['{"data":"text"}', null],
    ['{"data.flow_id":"F1"}', null],
    ['[]', null],
    ['not JSON', null],
  ])('%s → %s', (content, key) => {
    expect(orderingKeyOf(byPath('data.flow_id'), content, none)).toBe(key);
  });

  test('members that every object inherits are no keys', () => {
    for (const path of ['constructor.name', '__proto__.x', 'toString.length', 'data.length']) {
      expect(orderingKeyOf(byPath(path), '{"data":"text"}', none)).toBeNull();
    }
  });

  test('whatever the message and the path, the key is short, storable and the same each time', () => {
    assert(
      property(jsonValue(), string({ minLength: 1 }), (value, path) => {
        const content = JSON.stringify({ [path.split('.')[0] ?? '']: value });
        const key = orderingKeyOf(byPath(path), content, none);
        expect(orderingKeyOf(byPath(path), content, none)).toBe(key);
        if (key === null) return;
        expect(key.length).toBeLessThanOrEqual(200);
        expect(key.isWellFormed() && !key.includes('\u0000')).toBe(true);
      }),
    );
  });

  test('keys that PostgreSQL or its index would refuse are told by their hash, different ones by different hashes', () => {
    const keys = ['x'.repeat(201), 'x'.repeat(202), 'a\u0000', 'b\u0000', '\ud800', '\udc00'].map((value) =>
      orderingKeyOf(byPath('k'), JSON.stringify({ k: value }), none),
    );
    for (const key of keys) expect(key).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('two values are one key only where they are the same', () => {
    const digits = (maxLength: number) => string({ unit: constantFrom('0', '1', '7', '9'), minLength: 1, maxLength });
    const numbers = digits(300).map((text) => `1${text}`);
    const texts = oneof(
      string(),
      digits(300),
      constantFrom('true', 'number:17', 'boolean:true', 'sha256:00', '\u0000'),
    );
    const sources = oneof(
      numbers,
      constantFrom('true', 'false', '17', '1.0', '1e0'),
      texts.map((text) => JSON.stringify(text)),
      numbers.map((text) => JSON.stringify(`number:${text}`)),
    );
    assert(
      property(sources, sources, (one, other) => {
        const [first, second] = [one, other].map((source) => orderingKeyOf(byPath('k'), `{"k":${source}}`, none));
        expect(first === second).toBe(one === other);
      }),
    );
    const hash = orderingKeyOf(byPath('k'), `{"k":"${'x'.repeat(300)}"}`, none)!;
    expect(orderingKeyOf(byPath('k'), JSON.stringify({ k: hash }), none)).not.toBe(hash);
  });
});

describe('by header', () => {
  test('takes the header’s value, or none', () => {
    const header = (name: string) => (name === 'x-flow' ? 'F1' : undefined);
    expect(orderingKeyOf(byHeader('x-flow'), '{}', header)).toBe('F1');
    expect(orderingKeyOf(byHeader('x-other'), '{}', header)).toBeNull();
  });
});

test('a bare URL and a destination without the setting have none', () => {
  expect(orderingKeyOf(null, '{"k":1}', none)).toBeNull();
  expect(orderingKeyOf({ orderingKeyPath: null, orderingKeyHeader: null }, '{"k":1}', none)).toBeNull();
});

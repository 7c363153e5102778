import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { equalConstantTime } from './constant-time.ts';

test('equal bytes are equal, as text or buffer', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(equalConstantTime(text, Buffer.from(text))).toBe(true);
    }),
  );
});

test('it says what a plain comparison says, for any two lengths', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      expect(equalConstantTime(Buffer.from(a), Buffer.from(b))).toBe(Buffer.from(a).equals(Buffer.from(b)));
    }),
  );
});

test('a prefix is not the whole', () => {
  expect(equalConstantTime('secret', 'secre')).toBe(false);
  expect(equalConstantTime('', 'secret')).toBe(false);
});

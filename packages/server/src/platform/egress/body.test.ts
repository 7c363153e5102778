import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedBody } from './body.ts';

test('it holds the first bytes of all chunks and tells when they were more', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3000 })), fc.nat({ max: 5000 }), (arrays, bytesMax) => {
      const chunks = arrays.map((array) => Buffer.from(array));
      const body = new BoundedBody(bytesMax);
      const kept = chunks.map((chunk) => body.add(chunk));
      const whole = Buffer.concat(chunks);
      expect(body.bytes()).toEqual(whole.subarray(0, bytesMax));
      expect(kept.every(Boolean)).toBe(whole.length <= bytesMax);
    }),
  );
});

test('its bytes are its own: the socket may use its buffer again', () => {
  const chunk = Buffer.from('answer');
  const body = new BoundedBody(100);
  body.add(chunk);
  chunk.fill(0);
  expect(body.bytes().toString()).toBe('answer');
});

test('a body of single bytes takes no more memory than its length calls for', () => {
  const body = new BoundedBody(1_000_000);
  for (let at = 0; at < 300_000; at += 1) body.add(Buffer.of(at & 255));
  expect(body.bytes()).toHaveLength(300_000);
  expect(body.bytes().buffer.byteLength).toBeLessThanOrEqual(600_000);
});

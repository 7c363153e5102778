import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRateLimiter, takeToken } from './rate-limit.ts';
import type { Bucket } from './rate-limit.ts';

test('an idle caller may send one second of requests at once, then as fast as the rate', () => {
  const limiter = createRateLimiter();
  expect([1, 2, 3].map(() => limiter.take('A', 2, 1_000))).toEqual([true, true, false]);
  expect(limiter.take('A', 2, 1_499)).toBe(false);
  expect(limiter.take('A', 2, 1_500)).toBe(true);
  expect(limiter.take('B', 2, 1_500)).toBe(true);
});

test('a request that is given back does not count, and giving back never makes more than there was', () => {
  const limiter = createRateLimiter();
  for (let n = 0; n < 10; n += 1) {
    expect(limiter.take('A', 1, 1_000)).toBe(true);
    limiter.giveBack('A', 1);
  }
  limiter.giveBack('A', 1);
  limiter.giveBack('nobody', 1);
  expect([limiter.take('A', 1, 1_000), limiter.take('A', 1, 1_000)]).toEqual([true, false]);
  expect([limiter.take('nobody', 1, 1_000), limiter.take('nobody', 1, 1_000)]).toEqual([true, false]);
});

test('of more keys than are kept, those not seen for the longest are forgotten', () => {
  const limiter = createRateLimiter(2);
  expect(limiter.take('A', 1, 1_000)).toBe(true);
  expect(limiter.take('B', 1, 1_000)).toBe(true);
  expect(limiter.take('A', 1, 1_000)).toBe(false);
  expect(limiter.take('C', 1, 1_000)).toBe(true);
  expect([limiter.take('A', 1, 1_000), limiter.take('B', 1, 1_000)]).toEqual([false, true]);
});

test('no window of time lets more through than the rate times the window and one burst', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.array(fc.integer({ min: -200, max: 400 }), { maxLength: 300 }),
      (rate, steps) => {
        let bucket: Bucket | undefined;
        let nowMs = 1_000_000;
        let latestMs = -Infinity;
        let firstMs: number | undefined;
        let allowed = 0;
        for (const step of steps) {
          nowMs += step;
          firstMs ??= nowMs;
          latestMs = Math.max(latestMs, nowMs);
          const taken = takeToken(bucket, rate, nowMs);
          bucket = taken.bucket;
          if (taken.allowed) allowed += 1;
        }
        if (firstMs === undefined) return;
        expect(allowed).toBeLessThanOrEqual(rate + ((latestMs - firstMs) * rate) / 1_000 + 1e-6);
      },
    ),
  );
});

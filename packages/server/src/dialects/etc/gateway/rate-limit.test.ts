import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRateLimiter, takeToken } from './rate-limit.ts';
import type { Bucket } from './rate-limit.ts';

test('an idle app may send one second of requests at once, then as fast as its rate', () => {
  const allow = createRateLimiter();
  expect([1, 2, 3].map(() => allow('A', 2, 1_000))).toEqual([true, true, false]);
  expect(allow('A', 2, 1_499)).toBe(false);
  expect(allow('A', 2, 1_500)).toBe(true);
  expect(allow('B', 2, 1_500)).toBe(true);
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

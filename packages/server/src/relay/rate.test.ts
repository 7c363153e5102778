import { array, assert, double, integer, property, record } from 'fast-check';
import { expect, test } from 'vitest';
import { takeTokens, type Bucket } from './rate.ts';

const steps = array(record({ afterMs: integer({ min: 0, max: 5_000 }), wanted: integer({ min: 1, max: 50 }) }), {
  minLength: 1,
  maxLength: 60,
});
const rates = double({ min: 0.05, max: 500, noNaN: true });

test('from any moment on, no more is taken than rate × time and what a second saves up', () => {
  assert(
    property(rates, steps, (rate, taking) => {
      let bucket: Bucket | null = null;
      let nowMs = 1_000_000;
      const taken: { atMs: number; count: number }[] = [];
      for (const { afterMs, wanted } of taking) {
        nowMs += afterMs;
        const result = takeTokens(bucket, rate, wanted, nowMs);
        bucket = result.bucket;
        expect(result.taken).toBeLessThanOrEqual(wanted);
        taken.push({ atMs: nowMs, count: result.taken });
      }
      for (const [from, { atMs }] of taken.entries()) {
        let sum = 0;
        for (const later of taken.slice(from)) {
          sum += later.count;
          expect(sum).toBeLessThanOrEqual(((later.atMs - atMs) * rate) / 1_000 + Math.max(1, rate) + 1e-6);
        }
      }
    }),
  );
});

test('where fewer were taken than wanted, one more is there after the wait that was told, and not before', () => {
  assert(
    property(rates, integer({ min: 1, max: 1_000 }), (rate, wanted) => {
      const first = takeTokens(null, rate, wanted, 0);
      if (first.taken === wanted) {
        expect(first.waitMs).toBe(0);
        return;
      }
      expect(takeTokens(first.bucket, rate, 1, first.waitMs).taken).toBe(1);
      expect(takeTokens(first.bucket, rate, 1, Math.max(0, first.waitMs - 2)).taken).toBe(0);
    }),
  );
});

test('a clock that steps back gives nothing and takes nothing', () => {
  const { bucket } = takeTokens(null, 2, 2, 10_000);
  expect(takeTokens(bucket, 2, 1, 5_000)).toMatchObject({ taken: 0, waitMs: 500 });
});

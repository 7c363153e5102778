import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { pollDelayMs } from './poll-delay.ts';

const SECOND_MS = 1_000;
const state = fc.record({ unchanged: fc.nat(1_000), failures: fc.nat(1_000) });

test('asks every two seconds at first, and never more often nor less than twice a minute', () => {
  expect(pollDelayMs({ unchanged: 0, failures: 0 }, 0.5)).toBe(2 * SECOND_MS);
  fc.assert(
    fc.property(state, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (now, random) => {
      const delay = pollDelayMs(now, random);
      expect(delay).toBeGreaterThanOrEqual(1.8 * SECOND_MS);
      expect(delay).toBeLessThanOrEqual(33 * SECOND_MS);
    }),
  );
});

test('waits longer the longer nothing happens, and the longer it fails', () => {
  fc.assert(
    fc.property(state, ({ unchanged, failures }) => {
      const wait = (one: { unchanged: number; failures: number }): number => pollDelayMs(one, 0.5);
      expect(wait({ unchanged: unchanged + 1, failures: 0 })).toBeGreaterThanOrEqual(wait({ unchanged, failures: 0 }));
      expect(wait({ unchanged, failures: failures + 2 })).toBeGreaterThanOrEqual(
        wait({ unchanged, failures: failures + 1 }),
      );
    }),
  );
});

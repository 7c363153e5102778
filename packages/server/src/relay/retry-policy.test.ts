import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PROFILES } from './profiles.ts';
import { afterAttempt, drawJitter, RETRY_AFTER_MAX_MS, withAttemptsMax, type Outcome } from './retry-policy.ts';

const NOW = new Date('2026-11-21T12:00:00.000Z');
const policy = PROFILES['etc-relay'].retry;
const failed: Outcome = { kind: 'unacknowledged', reason: 'status_500' };

describe('afterAttempt', () => {
  test('the contract: 20 tries, 1 s 3 s 7 s 30 s 60 s 300 s, then an hour each', () => {
    const waits = [];
    for (let attempts = 1; attempts <= 20; attempts += 1) {
      const next = afterAttempt({ attempts, policy }, failed, NOW, 1);
      waits.push(next.state === 'waiting' ? (next.nextAttemptAt.getTime() - NOW.getTime()) / 1_000 : next.state);
    }
    expect(waits).toEqual([1, 3, 7, 30, 60, 300, ...Array.from({ length: 13 }, () => 3_600), 'failed']);
  });

  test('an acknowledged delivery is delivered, a refused one has failed, however many tries are left', () => {
    expect(afterAttempt({ attempts: 1, policy }, { kind: 'acknowledged' }, NOW, 1)).toEqual({ state: 'delivered' });
    expect(afterAttempt({ attempts: 20, policy }, { kind: 'acknowledged' }, NOW, 1)).toEqual({ state: 'delivered' });
    const refused: Outcome = { kind: 'refused', reason: 'gone' };
    expect(afterAttempt({ attempts: 1, policy }, refused, NOW, 1)).toEqual({ state: 'failed', reason: 'gone' });
  });

  test('Retry-After lengthens a wait, never shortens it, and never beyond a day', () => {
    const after = (retryAfterMs: number) => {
      const next = afterAttempt({ attempts: 3, policy }, { ...failed, retryAfterMs }, NOW, 1);
      return next.state === 'waiting' ? next.nextAttemptAt.getTime() - NOW.getTime() : next.state;
    };
    expect([after(1_000), after(60_000), after(1e15)]).toEqual([7_000, 60_000, RETRY_AFTER_MAX_MS]);
  });

  test('jitter keeps every wait within a tenth of its delay', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 19 }), fc.double({ min: 0, max: 1, noNaN: true }), (attempts, drawn) => {
        const next = afterAttempt(
          { attempts, policy },
          failed,
          NOW,
          drawJitter(() => drawn),
        );
        const waitMs = next.state === 'waiting' ? next.nextAttemptAt.getTime() - NOW.getTime() : Number.NaN;
        const delayMs = policy.delaysMs[attempts - 1]!;
        expect(waitMs).toBeGreaterThanOrEqual(delayMs * 0.9 - 1);
        expect(waitMs).toBeLessThanOrEqual(delayMs * 1.1 + 1);
      }),
    );
  });

  test('a receipt gets 3 tries', () => {
    const short = withAttemptsMax(policy, 3);
    expect(afterAttempt({ attempts: 2, policy: short }, failed, NOW, 1).state).toBe('waiting');
    expect(afterAttempt({ attempts: 3, policy: short }, failed, NOW, 1).state).toBe('failed');
    expect(withAttemptsMax(policy, null)).toBe(policy);
  });
});

import { assert, integer, property } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coolDownMs, COOL_DOWN_MAX_MS, isDestinationFailure, openCircuit } from './circuit.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const SETTINGS = { failures: 3, coolDownMs: 5_000 };

describe('what counts against a destination', () => {
  test.each([
    ['status_500', true],
    ['status_503', true],
    ['status_599', true],
    ['status_429', true],
    ['connection_refused', true],
    ['response_timeout', true],
    ['status_404', false],
    ['status_302', false],
    ['status_201', false],
    ['not_acknowledged', false],
    ['internal_error', false],
  ])('%s: %s', (reason, counts) => {
    expect(isDestinationFailure({ kind: 'unacknowledged', reason })).toBe(counts);
  });

  test('whoever acknowledges or refuses is alive', () => {
    expect(isDestinationFailure({ kind: 'acknowledged' })).toBe(false);
    expect(isDestinationFailure({ kind: 'refused', reason: 'status_410' })).toBe(false);
  });
});

describe('opening', () => {
  test('each opening doubles the wait, up to five minutes, however often it opens', () => {
    assert(
      property(integer({ min: 1, max: 600_000 }), integer({ min: 1, max: 10_000 }), (coolDown, openings) => {
        const settings = { failures: 1, coolDownMs: coolDown };
        const wait = coolDownMs(settings, openings);
        expect(wait).toBeLessThanOrEqual(COOL_DOWN_MAX_MS);
        expect(coolDownMs(settings, openings + 1)).toBe(Math.min(COOL_DOWN_MAX_MS, openings > 20 ? wait : wait * 2));
      }),
    );
  });

  test('a probe that fails opens it again: the time of the first opening stays, the reason is the last one', () => {
    const first = openCircuit(null, { failures: 3, reason: 'status_500' }, SETTINGS, NOW);
    expect(first).toEqual({
      state: 'open',
      failures: 3,
      reason: 'status_500',
      openedAt: NOW,
      openings: 1,
      probeAt: new Date(NOW.getTime() + 5_000),
    });
    const later = new Date(NOW.getTime() + 6_000);
    const again = openCircuit(first, { failures: 4, reason: 'response_timeout' }, SETTINGS, later);
    expect(again).toMatchObject({ openedAt: NOW, openings: 2, reason: 'response_timeout' });
    expect(again.probeAt.getTime() - later.getTime()).toBe(10_000);
  });
});

import { describe, expect, test } from 'vitest';
import { isDomainError } from '../platform/errors.ts';
import { applyChange } from './callee-change.ts';
import type { CalleeChange, CalleeSettings } from './callee.ts';

const LIMITS = { attemptTimeoutMs: 15_000 };
const NAME = { appId: '*', calleeNo: 'b42652fe', actor: 'operator' };
const base: CalleeChange = { ...NAME, url: 'https://a.example/x' };

function fieldOf(change: Partial<CalleeChange>): string {
  try {
    applyChange(null, { ...base, ...change }, LIMITS);
  } catch (error) {
    if (isDomainError(error, 'callee_invalid')) return error.params['field'] ?? '';
    throw error;
  }
  return 'accepted';
}

const FRESH: CalleeSettings = {
  url: 'https://a.example/x',
  urlPinning: 'newest',
  profile: 'etc-relay',
  signType: 'RSA',
  enabled: true,
  acknowledge: null,
  refuse: null,
  retryAfter: null,
  delaysMs: null,
  attemptTimeoutMs: null,
  inFlightMax: null,
  ratePerSecond: null,
  circuit: null,
  orderingKeyPath: null,
  orderingKeyHeader: null,
  latestOnly: false,
};

const FULL: CalleeSettings = {
  url: 'https://a.example/x',
  urlPinning: 'pinned',
  profile: 'plain',
  signType: 'RSA2',
  enabled: false,
  acknowledge: { kind: 'text', text: 'ok' },
  refuse: [{ kind: 'status', statuses: [422] }],
  retryAfter: { path: 'wait' },
  delaysMs: [1],
  attemptTimeoutMs: 3_000,
  inFlightMax: 4,
  ratePerSecond: 0.5,
  circuit: { failures: 3, coolDownMs: 1_000 },
  orderingKeyPath: 'data.flow_id',
  orderingKeyHeader: null,
  latestOnly: true,
};

describe('applyChange', () => {
  test('a new destination gets the contract’s defaults', () => {
    expect(applyChange(null, base, LIMITS)).toEqual(FRESH);
  });

  test('what a change leaves out stays', () => {
    expect(applyChange(FULL, NAME, LIMITS)).toEqual(FULL);
    expect(applyChange(FULL, { ...NAME, enabled: true }, LIMITS)).toEqual({ ...FULL, enabled: true });
  });

  test('null takes away', () => {
    const nothing = {
      refuse: null,
      retryAfter: null,
      delaysMs: null,
      attemptTimeoutMs: null,
      inFlightMax: null,
      ratePerSecond: null,
      circuit: null,
      orderingKeyPath: null,
    };
    const change: CalleeChange = { ...NAME, ...nothing, latestOnly: false };
    expect(applyChange(FULL, change, LIMITS)).toEqual({ ...FULL, ...nothing, latestOnly: false });
    expect(applyChange(FULL, { ...NAME, refuse: [] }, LIMITS).refuse).toBeNull();
  });

  test('a message has one ordering key: setting its header takes its path away, and the other way round', () => {
    const byHeader = applyChange(FULL, { ...NAME, orderingKeyHeader: 'X-Flow-Id' }, LIMITS);
    expect(byHeader).toMatchObject({ orderingKeyPath: null, orderingKeyHeader: 'x-flow-id', latestOnly: true });
    const byPath = applyChange(byHeader, { ...NAME, orderingKeyPath: 'id' }, LIMITS);
    expect(byPath).toMatchObject({ orderingKeyPath: 'id', orderingKeyHeader: null });
  });

  test('names the field that is not right', () => {
    expect(fieldOf({ calleeNo: 'a b' })).toBe('callee_no');
    expect(fieldOf({ appId: 'x' })).toBe('app_id');
    expect(fieldOf({ profile: 'other' })).toBe('profile');
    expect(fieldOf({ signType: 'MD5' })).toBe('sign_type');
    expect(fieldOf({ urlPinning: 'oldest' })).toBe('url_pinning');
    expect(fieldOf({ profile: 'plain' })).toBe('acknowledge');
    expect(fieldOf({ acknowledge: { kind: 'status', statuses: [] } })).toBe('acknowledge');
    expect(fieldOf({ acknowledge: { kind: 'json', path: 'a..b', value: 1 } })).toBe('acknowledge');
    expect(fieldOf({ acknowledge: { kind: 'json', path: 'a', value: 2 ** 53 } })).toBe('acknowledge');
    expect(fieldOf({ acknowledge: { kind: 'regex' } as never })).toBe('acknowledge');
    expect(fieldOf({ refuse: [{ kind: 'status', statuses: [99] }] })).toBe('refuse');
    expect(fieldOf({ refuse: Array.from({ length: 11 }, () => ({ kind: 'text', text: 'x' }) as const) })).toBe(
      'refuse',
    );
    expect(fieldOf({ retryAfter: {} })).toBe('retry_after');
    expect(fieldOf({ retryAfter: { path: '' } })).toBe('retry_after');
    expect(fieldOf({ delaysMs: [-1] })).toBe('delays_ms');
    expect(fieldOf({ attemptTimeoutMs: 15_001 })).toBe('attempt_timeout_ms');
    expect(fieldOf({ inFlightMax: 0 })).toBe('in_flight_max');
    expect(fieldOf({ ratePerSecond: Number.NaN })).toBe('rate_per_second');
    expect(fieldOf({ circuit: { failures: 0, coolDownMs: 1_000 } })).toBe('circuit.failures');
    expect(fieldOf({ circuit: { failures: 1, coolDownMs: 0 } })).toBe('circuit.cool_down_ms');
    expect(fieldOf({ orderingKeyPath: 'a.' })).toBe('ordering_key_path');
    expect(fieldOf({ orderingKeyHeader: 'x y' })).toBe('ordering_key_header');
    expect(fieldOf({ orderingKeyPath: 'a', orderingKeyHeader: 'b' })).toBe('ordering_key_header');
    expect(fieldOf({ latestOnly: true })).toBe('latest_only');
    expect(() => applyChange(null, NAME, LIMITS)).toThrow('callee_invalid');
    expect(fieldOf({ profile: 'plain', acknowledge: { kind: 'status', statuses: [200, 204] } })).toBe('accepted');
    expect(fieldOf({ circuit: 'off', attemptTimeoutMs: 15_000, latestOnly: true, orderingKeyPath: 'a' })).toBe(
      'accepted',
    );
  });
});

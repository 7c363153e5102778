import { describe, expect, test } from 'vitest';
import { isDomainError } from '../platform/errors.ts';
import { applyChange, type Callee, type CalleeChange } from './callee.ts';

const base: CalleeChange = { appId: '*', calleeNo: 'b42652fe', url: 'https://a.example/x', actor: 'operator' };

function fieldOf(change: Partial<CalleeChange>): string {
  try {
    applyChange(null, { ...base, ...change });
  } catch (error) {
    if (isDomainError(error, 'callee_invalid')) return error.params['field'] ?? '';
    throw error;
  }
  return 'accepted';
}

describe('applyChange', () => {
  test('a new destination gets the contract’s defaults', () => {
    expect(applyChange(null, base)).toEqual({
      url: base.url,
      profile: 'etc-relay',
      signType: 'RSA',
      enabled: true,
      webhookSecret: undefined,
      acknowledge: null,
      delaysMs: null,
    });
  });

  test('what a change leaves out stays, null takes it away', () => {
    const stored: Callee = {
      appId: '*',
      calleeNo: 'b42652fe',
      url: 'https://a.example/x',
      profile: 'plain',
      signType: 'RSA2',
      enabled: false,
      hasOwnSecret: true,
      acknowledge: { kind: 'text', text: 'ok' },
      delaysMs: [1],
      createdAt: new Date(0),
      updatedAt: new Date(0),
    };
    const change = { appId: '*', calleeNo: 'b42652fe', actor: 'operator', enabled: true, delaysMs: null };
    expect(applyChange(stored, change)).toMatchObject({
      url: stored.url,
      profile: 'plain',
      signType: 'RSA2',
      enabled: true,
      acknowledge: { kind: 'text', text: 'ok' },
      delaysMs: null,
    });
  });

  test('names the field that is not right', () => {
    expect(fieldOf({ calleeNo: 'a b' })).toBe('callee_no');
    expect(fieldOf({ appId: 'x' })).toBe('app_id');
    expect(fieldOf({ profile: 'other' })).toBe('profile');
    expect(fieldOf({ signType: 'MD5' })).toBe('sign_type');
    expect(fieldOf({ profile: 'plain' })).toBe('acknowledge');
    expect(fieldOf({ acknowledge: { kind: 'status', statuses: [] } })).toBe('acknowledge');
    expect(fieldOf({ acknowledge: { kind: 'json', path: 'a..b', value: 1 } })).toBe('acknowledge');
    expect(fieldOf({ acknowledge: { kind: 'regex' } as never })).toBe('acknowledge');
    expect(fieldOf({ delaysMs: [-1] })).toBe('delays_ms');
    expect(fieldOf({ webhookSecret: 'secret' })).toBe('webhook_secret');
    const { url: _, ...withoutUrl } = base;
    expect(() => applyChange(null, withoutUrl)).toThrow('callee_invalid');
    expect(fieldOf({ profile: 'plain', acknowledge: { kind: 'status', statuses: [200, 204] } })).toBe('accepted');
  });
});

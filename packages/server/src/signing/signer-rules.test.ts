import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { overlap } from './field-layout.ts';
import type { FlowState, SignerState } from './flow.ts';
import { newToken, readToken } from './links.ts';
import { readingSecondsLeft, stepOf, type SignerStep } from './signer-task.ts';

const AT = new Date('2026-03-22T10:24:28Z');

describe('where a signer stands', () => {
  const cases: [FlowState, SignerState, { confirmed?: true; checked?: true; agreed?: true }, SignerStep][] = [
    ['signing', 'waiting', {}, 'waiting'],
    ['signing', 'signing', {}, 'identity'],
    ['signing', 'signing', { agreed: true }, 'identity'],
    ['signing', 'signing', { checked: true }, 'consent'],
    ['signing', 'signing', { checked: true, agreed: true }, 'document'],
    ['signing', 'signing', { confirmed: true }, 'sealing'],
    ['signing', 'signed', {}, 'identity'],
    ['signing', 'signed', { checked: true }, 'signed'],
    ['done', 'signed', {}, 'identity'],
    ['done', 'signed', { checked: true }, 'signed'],
    ['revoked', 'signing', { confirmed: true }, 'revoked'],
    ['revoked', 'signed', {}, 'revoked'],
    ['expired', 'waiting', {}, 'expired'],
    ['refused', 'refused', {}, 'refused'],
    ['refused', 'signing', { checked: true }, 'flow_refused'],
    ['refused', 'signed', {}, 'flow_refused'],
  ];
  it.each(cases)('flow %s, signer %s, %j: %s', (flow, signer, { confirmed, checked, agreed }, step) => {
    const when = (is: true | undefined) => (is === true ? AT : null);
    const session = { checked_at: when(checked), consented_at: when(agreed) };
    expect(stepOf({ state: flow }, { state: signer, confirmed_at: when(confirmed) }, session)).toBe(step);
  });
});

const place = fc
  .tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.nat(500),
    fc.nat(500),
    fc.integer({ min: 1, max: 200 }),
    fc.integer({ min: 1, max: 200 }),
  )
  .map(([page, x, y, width, height]) => ({ page, rect: [x, y, x + width, y + height] as const }));

describe('whether marks stand over each other', () => {
  it('is the same either way, and each stands over itself', () => {
    fc.assert(
      fc.property(fc.array(place), fc.array(place), (some, others) => {
        expect(overlap(some, others)).toBe(overlap(others, some));
        expect(overlap(some, some)).toBe(some.length > 0);
      }),
    );
  });

  it('not on different pages, not side by side', () => {
    fc.assert(
      fc.property(place, ({ page, rect }) => {
        const [left, bottom, right, top] = rect;
        expect(overlap([{ page, rect }], [{ page: page + 1, rect }])).toBe(false);
        expect(overlap([{ page, rect }], [{ page, rect: [right, bottom, right + 5, top] }])).toBe(false);
        expect(overlap([{ page, rect }], [{ page, rect: [left, top, right, top + 5] }])).toBe(false);
        expect(overlap([{ page, rect }], [{ page, rect: [right - 1, top - 1, right + 5, top + 5] }])).toBe(true);
      }),
    );
  });
});

describe('tokens', () => {
  it('name their application, are never the same, and are stored as a hash', () => {
    const [first, second] = [newToken('ABCDEFGHIJKLMNOP'), newToken('ABCDEFGHIJKLMNOP')];
    expect(first.token).not.toBe(second.token);
    expect(readToken(first.token)).toEqual({ appId: 'ABCDEFGHIJKLMNOP', hash: first.hash });
    expect(first.hash.toString('base64url')).not.toContain(first.token.slice(16, 24));
  });

  it('of any other form are none', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(readToken(text)).toBeUndefined();
      }),
    );
  });
});

it('reading time runs from the first page on, and ends', () => {
  const clock = { now: () => AT };
  const left = (openedMsAgo: number | null, readingSeconds?: number) =>
    readingSecondsLeft(readingSeconds === undefined ? { clock } : { clock, readingSeconds }, {
      document_opened_at: openedMsAgo === null ? null : new Date(AT.getTime() - openedMsAgo),
    });
  expect([left(null), left(null, 30), left(0, 30), left(29_001, 30), left(30_000, 30)]).toEqual([0, 30, 30, 1, 0]);
});

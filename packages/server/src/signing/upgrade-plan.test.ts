import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldLevel, provedSignatures, renewalAt, retryAt, upgradeSteps, type SignatureState } from './upgrade-plan.ts';

const signature = (fieldName: string, stamped: boolean, isOwn = true): SignatureState => ({
  fieldName,
  kind: 'signature',
  isOwn,
  stamped,
});
const timestamp: SignatureState = { fieldName: 't', kind: 'timestamp', isOwn: false, stamped: false };
const NOW = new Date('2026-03-22T10:24:28Z');
const DAY_MS = 86_400_000;

describe('the steps of an upgrade', () => {
  const last = [signature('a', true), signature('b', false)];
  const buried = [signature('a', false), signature('b', true)];
  const done = { isFinal: true, isLastOpen: true };

  test('while others may still sign, only the last signature gets a timestamp, and nothing is appended', () => {
    const open = { isFinal: false, isLastOpen: true };
    expect(upgradeSteps(last, { goal: 'B-LTA', ...open })).toEqual(['stamp-last-signature']);
    expect(upgradeSteps(buried, { goal: 'B-LTA', ...open })).toEqual([]);
  });

  test.each([
    ['B-T', last, ['stamp-last-signature']],
    ['B-T', buried, ['stamp-document']],
    ['B-T', [...buried, timestamp], []],
    ['B-LT', last, ['stamp-last-signature', 'add-evidence']],
    ['B-LT', buried, ['stamp-document', 'add-evidence']],
    ['B-LTA', last, ['stamp-last-signature', 'add-evidence', 'stamp-document']],
    ['B-LTA', buried, ['add-evidence', 'stamp-document']],
    ['B-LTA', [...buried, timestamp], ['add-evidence', 'stamp-document']],
  ] as const)('to %s, of a flow that is done (%#)', (goal, signatures, steps) => {
    expect(upgradeSteps(signatures, { goal, ...done })).toEqual(steps);
  });

  test("a stranger's signature that came with the file is none of its business", () => {
    const foreign = [signature('x', false, false)];
    expect(upgradeSteps(foreign, { goal: 'B-T', ...done })).toEqual([]);
    expect(upgradeSteps([...foreign, signature('a', true)], { goal: 'B-T', ...done })).toEqual([]);
  });

  test('a signature without room is proved by a timestamp of the document', () => {
    expect(upgradeSteps(last, { goal: 'B-T', isFinal: true, isLastOpen: false })).toEqual(['stamp-document']);
  });

  test('they leave no signature of a done flow without a timestamp, and then there is nothing more to stamp', () => {
    const state = fc.record({
      fieldName: fc.uuid(),
      kind: fc.constantFrom('signature' as const, 'timestamp' as const),
      isOwn: fc.boolean(),
      stamped: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(state, { maxLength: 8 }), fc.boolean(), (signatures, isLastOpen) => {
        const steps = upgradeSteps(signatures, { goal: 'B-T', isFinal: true, isLastOpen });
        const stamped = steps.includes('stamp-last-signature')
          ? [...signatures.slice(0, -1), { ...signatures.at(-1)!, stamped: true }]
          : signatures;
        const after = steps.includes('stamp-document') ? [...stamped, timestamp] : stamped;
        expect([...provedSignatures(after).values()]).not.toContain(false);
        expect(upgradeSteps(after, { goal: 'B-T', isFinal: true, isLastOpen: false })).toEqual([]);
      }),
    );
  });
});

test('a field has the level of its weakest signature', () => {
  expect(fieldLevel([true, false], 'B-LTA')).toBe('B-B');
  expect(fieldLevel([true, true], 'B-B')).toBe('B-T');
  expect(fieldLevel([true, true], 'B-LTA')).toBe('B-LTA');
});

test('tries come later and later, an hour apart at most', () => {
  const delays = [1, 2, 3, 7, 8, 100].map((attempts) => retryAt(attempts, NOW, 1).getTime() - NOW.getTime());
  expect(delays).toEqual([30_000, 60_000, 120_000, 1_920_000, 3_600_000, 3_600_000]);
});

test('a timestamp is renewed before its certificate ends, and not at once', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10 * 365 }), fc.double({ min: 0, max: 1, noNaN: true }), (days, share) => {
      const notAfter = new Date(NOW.getTime() + days * DAY_MS);
      const at = renewalAt(notAfter, NOW, share);
      expect(at.getTime()).toBeLessThan(notAfter.getTime());
      expect(at.getTime()).toBeGreaterThanOrEqual(NOW.getTime() + (days * DAY_MS) / 2 - 1);
    }),
  );
  const fiveYears = new Date(NOW.getTime() + 5 * 365 * DAY_MS);
  expect(fiveYears.getTime() - renewalAt(fiveYears, NOW, 0).getTime()).toBe(60 * DAY_MS);
});

import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Verdict } from '../bank/index.ts';
import {
  judgePayment,
  judgeRandomAmount,
  processOf,
  RANDOM_AMOUNT_MISSES_MAX,
  statusOf,
  type FlowFacts,
  type PaymentState,
} from './flow.ts';
import { yuan } from './process-view.ts';
import { PAYMENT_FAILURES, type LetterStatus, type VerificationState } from './terms.ts';

const STATES: VerificationState[] = ['open', 'verified', 'expired', 'cancelled', 'failed'];
const PAYMENTS: PaymentState[] = ['none', 'review', 'failed', 'held', 'paid'];
const LETTERS: (LetterStatus | null)[] = [null, 'INIT', 'ING', 'FAIL', 'TERMINATED', 'SUCCESS'];

const facts = fc.record({
  state: fc.constantFrom(...STATES),
  payment: fc.constantFrom(...PAYMENTS),
  letterStatus: fc.constantFrom(...LETTERS),
  transactionId: fc.constantFrom(null, 't1', 't2'),
});
const verdicts = fc.oneof(
  fc.constant<Verdict>({ kind: 'paid' }),
  fc.constant<Verdict>({ kind: 'near_miss', reason: 'differs' }),
  fc.constant<Verdict>({ kind: 'unclaimed' }),
  fc.constantFrom(...PAYMENT_FAILURES).map((reason): Verdict => ({ kind: 'failed', reason })),
);

describe('what a payment does to a flow', () => {
  it('verifies an open flow by a payment that the bank found good, and by nothing else', () => {
    fc.assert(
      fc.property(facts, verdicts, (flow: FlowFacts, verdict) => {
        const step = judgePayment(flow, 't1', verdict);
        const letterHolds = flow.letterStatus === null || flow.letterStatus === 'SUCCESS';
        const verifies = verdict.kind === 'paid' && flow.state === 'open' && flow.payment !== 'held' && letterHolds;
        expect(step.kind === 'verify').toBe(verifies);
      }),
    );
  });

  it('an ended flow is moved by nothing, a verified one by its own payment’s reversal alone', () => {
    fc.assert(
      fc.property(facts, verdicts, (flow: FlowFacts, verdict) => {
        const step = judgePayment(flow, 't1', verdict);
        if (flow.state === 'verified') {
          const isReversal = verdict.kind === 'failed' && verdict.reason === 'reversed';
          const reopens = isReversal && flow.transactionId === 't1' && flow.payment === 'paid';
          expect(step.kind).toBe(reopens ? 'reopen' : 'ignore');
        } else if (flow.state !== 'open') expect(step.kind).toBe('ignore');
        else expect(step.kind).not.toBe('reopen');
      }),
    );
  });

  it('a payment that waits for its letter stands, whatever comes after it but its reversal', () => {
    const held: FlowFacts = { state: 'open', payment: 'held', letterStatus: 'ING', transactionId: 't1' };
    expect(judgePayment(held, 't2', { kind: 'failed', reason: 'wrong_amount' })).toEqual({
      kind: 'ignore',
      why: 'payment_held',
    });
    expect(judgePayment(held, 't2', { kind: 'failed', reason: 'reversed' })).toEqual({
      kind: 'ignore',
      why: 'other_payment',
    });
    expect(judgePayment(held, 't1', { kind: 'failed', reason: 'reversed' })).toEqual({
      kind: 'fail',
      reason: 'reversed',
    });
  });
});

describe('the process', () => {
  const of = (payment: PaymentState, hasSubAccount: boolean, isAvailable: boolean, wasAsked: boolean) =>
    processOf({ state: 'open', payment, hasSubAccount }, { isAvailable, wasAsked });

  it('is each of the contract’s values for its reason', () => {
    expect(of('none', false, false, false)).toBe('UNAVAILABLE');
    expect(of('none', true, false, true)).toBe('UNAVAILABLE');
    expect(of('none', false, true, false)).toBe('INIT');
    expect(of('none', true, true, false)).toBe('CREATED');
    expect(of('none', true, true, true)).toBe('UN_RECEIVED');
    expect(of('failed', true, false, true)).toBe('PAY_FAILED');
    expect(of('review', true, true, true)).toBe('PAY_FAILED');
    expect(of('held', true, true, true)).toBe('CREATED');
    const verified = { state: 'verified', payment: 'paid', hasSubAccount: true } as const;
    expect(processOf(verified, { isAvailable: false, wasAsked: false })).toBe('ORGANFINISHED');
  });

  it('status follows the state', () => {
    expect(STATES.map((state) => statusOf({ state, isBegun: true }))).toEqual([
      'ING',
      'SUCCESS',
      'FAIL',
      'FAIL',
      'FAIL',
    ]);
    expect(statusOf({ state: 'open', isBegun: false })).toBe('INIT');
  });
});

describe('random amounts', () => {
  it('bear three misses', () => {
    expect(RANDOM_AMOUNT_MISSES_MAX).toBe(3);
    expect(judgeRandomAmount({ amountFen: 7, misses: 3 }, 7)).toEqual({ kind: 'verify' });
    expect(judgeRandomAmount({ amountFen: 7, misses: 2 }, 8)).toEqual({ kind: 'miss', misses: 3, remaining: 1 });
    expect(judgeRandomAmount({ amountFen: 7, misses: 3 }, 8)).toEqual({ kind: 'fail', misses: 4 });
  });
});

describe('fen as yuan', () => {
  it('have two decimals and are exact', () => {
    expect([0, 1, 10, 99, 100, 12_345].map(yuan)).toEqual(['0.00', '0.01', '0.10', '0.99', '1.00', '123.45']);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (fen) => {
        expect(BigInt(yuan(fen).replace('.', ''))).toBe(BigInt(fen));
      }),
    );
  });
});

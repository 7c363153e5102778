import type { Verdict } from '../bank/index.ts';
import type { FlowStatus, LetterStatus, PaymentFailure, ReversePaymentProcess, VerificationState } from './terms.ts';

const DAY_MS = 86_400_000;
/** Undocumented in the source; contracts/tsign-identity.md chooses seven days. */
export const FLOW_LIFE_MS = 7 * DAY_MS;
/** A random amount may be told for seven days; the flow lives a day longer, so that another one may be asked for. */
export const RANDOM_AMOUNT_LIFE_MS = 7 * DAY_MS;
export const TRANSFER_FLOW_LIFE_MS = RANDOM_AMOUNT_LIFE_MS + DAY_MS;
/** More misses than this fail the flow. */
export const RANDOM_AMOUNT_MISSES_MAX = 3;
export const TRANSFERS_MAX = 10;
/** A verified flow keeps its number this long, in case the bank takes the payment back. */
export const NUMBER_KEPT_MS = 7 * DAY_MS;

/**
 * `none`: nothing came, or nothing that concerns this flow. `review`: an operator looks at a near miss. `held`: a good
 * payment waits for its letter of authorisation.
 */
export type PaymentState = 'none' | 'review' | 'failed' | 'held' | 'paid';

/** What a decision about a flow needs to know of it. */
export interface FlowFacts {
  readonly state: VerificationState;
  readonly payment: PaymentState;
  readonly letterStatus: LetterStatus | null;
  /** The bank transaction that `payment` speaks of. */
  readonly transactionId: string | null;
}

export type PaymentStep =
  | { readonly kind: 'verify' }
  | { readonly kind: 'hold' }
  | { readonly kind: 'fail'; readonly reason: PaymentFailure }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'review' }
  | {
      readonly kind: 'ignore';
      readonly why: 'ended' | 'already_verified' | 'payment_held' | 'other_payment' | 'unclaimed';
    };

/** Whether a letter was handed in that nobody has accepted: then a good payment waits for it. */
export function letterWithholds(letterStatus: LetterStatus | null): boolean {
  return letterStatus !== null && letterStatus !== 'SUCCESS';
}

/**
 * What a payment does to the flow that owns its sub-account. A reversal is told with the transaction that it takes back;
 * it concerns a flow that stands on this transaction, or on none. Pure; the bank's verdict is given.
 */
export function judgePayment(flow: FlowFacts, transactionId: string, verdict: Verdict): PaymentStep {
  if (verdict.kind === 'unclaimed') return { kind: 'ignore', why: 'unclaimed' };
  const isReversal = verdict.kind === 'failed' && verdict.reason === 'reversed';
  const isItsPayment = flow.transactionId === transactionId;
  if (flow.state === 'verified') {
    const takesBack = isReversal && isItsPayment && flow.payment === 'paid';
    return takesBack ? { kind: 'reopen' } : { kind: 'ignore', why: 'already_verified' };
  }
  if (flow.state !== 'open') return { kind: 'ignore', why: 'ended' };
  if (isReversal && !isItsPayment && flow.transactionId !== null) return { kind: 'ignore', why: 'other_payment' };
  // A good payment stands, whatever comes after it.
  if (flow.payment === 'held' && !isReversal) return { kind: 'ignore', why: 'payment_held' };
  if (verdict.kind === 'paid') return { kind: letterWithholds(flow.letterStatus) ? 'hold' : 'verify' };
  if (verdict.kind === 'near_miss') return { kind: 'review' };
  return { kind: 'fail', reason: verdict.reason };
}

/** How far the reverse payment of a flow is. `bankIsAvailable` and `bankWasAsked` are the bank's word. */
export function processOf(
  flow: Pick<FlowFacts, 'state' | 'payment'> & { hasSubAccount: boolean },
  bank: { isAvailable: boolean; wasAsked: boolean },
): ReversePaymentProcess {
  if (flow.state === 'verified') return 'ORGANFINISHED';
  if (flow.payment === 'failed' || flow.payment === 'review') return 'PAY_FAILED';
  if (flow.payment === 'held') return 'CREATED';
  if (!bank.isAvailable) return 'UNAVAILABLE';
  if (!flow.hasSubAccount) return 'INIT';
  return bank.wasAsked ? 'UN_RECEIVED' : 'CREATED';
}

export function statusOf(flow: { state: VerificationState; isBegun: boolean }): FlowStatus {
  if (flow.state === 'verified') return 'SUCCESS';
  if (flow.state !== 'open') return 'FAIL';
  return flow.isBegun ? 'ING' : 'INIT';
}

/** What becomes of a flow whose company told a random amount. */
export function judgeRandomAmount(
  transfer: { amountFen: number; misses: number },
  toldFen: number,
): { kind: 'verify' } | { kind: 'miss'; misses: number; remaining: number } | { kind: 'fail'; misses: number } {
  if (transfer.amountFen === toldFen) return { kind: 'verify' };
  const misses = transfer.misses + 1;
  if (misses > RANDOM_AMOUNT_MISSES_MAX) return { kind: 'fail', misses };
  return { kind: 'miss', misses, remaining: RANDOM_AMOUNT_MISSES_MAX - misses + 1 };
}

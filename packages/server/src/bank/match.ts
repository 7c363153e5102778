import type { BankTransaction, Claim, Verdict } from './bank.ts';
import { comparePayer } from './payer-name.ts';

/** What a company pays to prove itself: 0.01 yuan. */
const PAYMENT_FEN = 1;
const CURRENCY = 'CNY';
/** The bank's clock may be behind ours. */
const CLOCK_DIFFERENCE_MS = 5 * 60_000;
const DAY_MS = 86_400_000;
/** No bank tells of a payment longer before it is made. */
export const AHEAD_HOURS_MAX = 24;
const HOUR_MS = 3_600_000;

/**
 * What a transaction means for the open flow that owns its sub-account (contracts/tsign-identity.md, "Matching a bank
 * transaction", rules 2 to 4). A payment made before the flow had the number is nobody's: it was meant for who had the
 * number before, or for nobody. One that is dated after `now` by more than a day is for a person to judge.
 */
export function matchTransaction(transaction: BankTransaction, claim: Claim | null, now: Date): Verdict {
  if (claim === null) return { kind: 'unclaimed' };
  if (transaction.reversal) return { kind: 'failed', reason: 'reversed' };
  if (transaction.creditDebit !== 'credit') return { kind: 'failed', reason: 'debit' };
  if (wasTradedBefore(transaction, claim.openedAt)) return { kind: 'unclaimed' };
  if (!transaction.booked) return { kind: 'failed', reason: 'not_booked' };
  if (transaction.currency !== CURRENCY) return { kind: 'failed', reason: 'wrong_currency' };
  if (transaction.amountFen !== PAYMENT_FEN) return { kind: 'failed', reason: 'wrong_amount' };
  const payer = comparePayer(transaction.payerName, claim.companyName);
  if (payer.kind === 'same' && isAhead(transaction.tradedAt, now)) return { kind: 'near_miss', reason: 'dated_ahead' };
  if (payer.kind === 'same') return { kind: 'paid' };
  if (payer.kind === 'near') return { kind: 'near_miss', reason: payer.reason };
  return { kind: 'failed', reason: payer.kind === 'not_own_account' ? 'personal_account' : 'wrong_payer' };
}

/** Whether a time of trade lies further ahead than clocks and time zones can explain. */
export function isAhead(tradedAt: Date, now: Date): boolean {
  return tradedAt.getTime() - now.getTime() > AHEAD_HOURS_MAX * HOUR_MS;
}

/** Whether it was surely traded before: where the bank told the day alone, the whole of the day is taken. */
function wasTradedBefore(transaction: BankTransaction, at: Date): boolean {
  const latest = transaction.tradedAt.getTime() + (transaction.dateOnly === true ? DAY_MS : CLOCK_DIFFERENCE_MS);
  return latest < at.getTime();
}

import { appendAudit } from '../audit/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { BankErrorCode, Review, ReviewDecision, ReviewState, Verdict } from './bank.ts';
import { OPERATORS_CHAIN, type BankContext } from './context.ts';
import { inTransactionRetried } from './retried.ts';
import { findReviews, lockTransaction, writeReview, type ReviewRow } from './transaction-store.ts';

const REVIEWS_DEFAULT = 100;
const REVIEWS_MAX = 1_000;
const REASON_CHARACTERS_MAX = 500;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The manual queue: payments whose payer's name is nearly the company's. What waits longest comes first. */
export async function listReviews(
  { db, vault }: BankContext,
  filter: { state?: ReviewState; limit?: number },
): Promise<Review[]> {
  const limit = Math.min(filter.limit ?? REVIEWS_DEFAULT, REVIEWS_MAX);
  const rows = await findReviews(db, vault, { ...(filter.state !== undefined && { state: filter.state }), limit });
  return rows.flatMap(toReview);
}

function toReview(row: ReviewRow): Review[] {
  const { claim, reviewState, transaction } = row;
  if (claim === null || reviewState === null) return [];
  return [
    {
      transactionId: transaction.transactionId,
      appId: claim.appId,
      flowId: claim.flowId,
      companyName: claim.companyName,
      nearMissReason: row.nearMissReason ?? '',
      transaction,
      state: reviewState,
      decidedBy: row.reviewActor,
      decidedAt: row.reviewedAt,
      decisionReason: row.reviewReason,
      receivedAt: row.receivedAt,
    },
  ];
}

/**
 * An operator's word on a near miss, once. Accepted, it counts as the company's payment, if the flow still is open and
 * holds the number; refused, as one of another payer. The decision stands in the audit with its reason.
 */
export async function resolveReview(context: BankContext, decision: ReviewDecision): Promise<Review> {
  const { db, vault, clock } = context;
  const { transactionId, actor } = decision;
  const reason = decision.reason.trim();
  if (reason === '' || Array.from(reason).length > REASON_CHARACTERS_MAX) {
    const expected = `1 to ${REASON_CHARACTERS_MAX} characters`;
    throw new DomainError<BankErrorCode>('bank_review_invalid', { field: 'reason', expected });
  }
  const notFound = new DomainError<BankErrorCode>('bank_review_not_found', { transactionId });
  if (!UUID.test(transactionId)) throw notFound;
  return inTransactionRetried(db, async (tx) => {
    const stored = await lockTransaction(tx, vault, transactionId);
    if (stored === undefined || stored.reviewState === null || stored.claim === null) throw notFound;
    if (stored.reviewState !== 'open') throw new DomainError<BankErrorCode>('bank_review_resolved', { transactionId });
    const { transaction, claim } = stored;
    const open = (await context.listener?.claimOf(tx, transaction)) ?? null;
    const isStillOpen = open !== null && open.appId === claim.appId && open.flowId === claim.flowId;
    const accepted = decision.decision === 'accept';
    if (accepted && !isStillOpen)
      throw new DomainError<BankErrorCode>('bank_review_flow_ended', { flowId: claim.flowId });
    const verdict: Verdict = accepted ? { kind: 'paid' } : { kind: 'failed', reason: 'wrong_payer' };
    const at = clock.now();
    const state = accepted ? 'accepted' : 'refused';
    await writeReview(tx, { transactionId, state, verdict, actor, reason, at });
    if (isStillOpen) await context.listener?.paymentArrived(tx, claim, transaction, verdict);
    await appendAudit(tx, {
      appId: OPERATORS_CHAIN,
      actor,
      action: `bank_review.${decision.decision}`,
      subject: `bank_transaction:${transactionId}`,
      detail: {
        reason,
        appId: claim.appId,
        flowId: claim.flowId,
        companyName: claim.companyName,
        payerName: transaction.payerName,
      },
      at,
    });
    const [review] = (await findReviews(tx, vault, { transactionId, limit: 1 })).flatMap(toReview);
    if (review === undefined) throw new Error('the review is gone');
    return review;
  });
}

import type { Transaction } from '../platform/database/index.ts';
import type { BankTransaction, Claim } from './bank.ts';
import type { BankContext } from './context.ts';
import { matchTransaction } from './match.ts';
import { findNumbers } from './sub-account-store.ts';
import { lockUncounted, writeVerdicts, type Settled, type StoredTransaction } from './transaction-store.ts';

/** What else came to a flow's number beside the payment that is taken back. */
export interface OtherPayments {
  /** One that is as good: the flow stands on it from now on. */
  standIn: BankTransaction | null;
  /** Those that a person should look at, where none is as good. */
  nearMisses: readonly { transaction: BankTransaction; settled: Settled }[];
}

const NONE: OtherPayments = { standIn: null, nearMisses: [] };

/**
 * A company may pay twice; what came while its flow was verified was kept as nobody's. When the payment that counted is
 * taken back, a good one of these stands in for it. Only payments that came while this flow held the number: what came
 * before was meant for another one.
 */
export async function otherPayments(
  { vault, clock, listener }: BankContext,
  tx: Transaction,
  { transaction: original, claim }: StoredTransaction,
): Promise<OtherPayments> {
  if (claim === null || listener === null) return NONE;
  const { channel, subAccountNo } = original;
  // The flow's lock: a payment that is arriving now is either seen here, or finds the flow as this transaction leaves it.
  await listener.claimOf(tx, { channel, subAccountNo });
  const number = (await findNumbers(tx, channel, [subAccountNo])).get(subAccountNo);
  if (number?.appId !== claim.appId || number.flowId !== claim.flowId || number.allocatedAt === null) return NONE;
  const judged = (await lockUncounted(tx, vault, original, claim, number.allocatedAt)).map((stored) => ({
    stored,
    verdict: matchTransaction(stored.transaction, claim, clock.now()),
  }));
  const good = judged.find(({ verdict }) => verdict.kind === 'paid')?.stored.transaction;
  if (good !== undefined) {
    await writeVerdicts(tx, [{ transactionId: good.transactionId, verdict: { kind: 'paid' }, claim }]);
    return { standIn: good, nearMisses: [] };
  }
  const nearMisses = judged.flatMap(({ stored: { transaction }, verdict }) =>
    verdict.kind === 'near_miss'
      ? [{ transaction, settled: { transactionId: transaction.transactionId, verdict, claim } }]
      : [],
  );
  return { standIn: null, nearMisses };
}

/** Puts near misses before the operators, where the flow is open again. */
export async function reviewNearMisses(
  { listener }: BankContext,
  tx: Transaction,
  claim: Claim,
  nearMisses: OtherPayments['nearMisses'],
): Promise<void> {
  for (const { transaction, settled } of nearMisses) {
    const open = await listener?.claimOf(tx, transaction);
    if (open?.flowId !== claim.flowId || open.appId !== claim.appId) return;
    await writeVerdicts(tx, [settled]);
    await listener?.paymentArrived(tx, claim, transaction, settled.verdict);
  }
}

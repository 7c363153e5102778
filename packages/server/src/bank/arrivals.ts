import { createHash } from 'node:crypto';
import type { Transaction } from '../platform/database/index.ts';
import { uuidV7 } from '../platform/ids.ts';
import type { BankTransaction, Claim, FailureReason, TransactionSource, Verdict } from './bank.ts';
import type { StoredChannel } from './channel-store.ts';
import type { BankContext } from './context.ts';
import { matchTransaction } from './match.ts';
import { foldName } from './payer-name.ts';
import { otherPayments, reviewNearMisses } from './stand-in.ts';
import type { StatementEntry } from './statements/statement.ts';
import { findNumbers, type HeldSubAccount } from './sub-account-store.ts';
import {
  findByKeys,
  insertNew,
  linkReversal,
  lockReversed,
  markBooked,
  writeVerdicts,
  type Evidence,
  type Settled,
  type StoredTransaction,
  type TransactionKey,
} from './transaction-store.ts';

/** One line of the bank, from whichever way it came. */
export interface Arrival {
  entry: StatementEntry;
  raw: string;
  source: TransactionSource;
  importId: string | null;
}

/** `conflict`: its reference is that of another transaction, so it was not stored. */
export type ArrivalOutcome =
  | { kind: 'stored'; transactionId: string; known: boolean; verdict: Verdict }
  | { kind: 'conflict' };

interface Draft {
  transaction: BankTransaction;
  evidence: Evidence;
  entry: StatementEntry;
}

/**
 * Stores lines of a channel and tells the listener what came of those that are new, all in the caller's transaction.
 * Answers an outcome for each line, in their order.
 */
export async function storeArrivals(
  context: BankContext,
  tx: Transaction,
  channel: StoredChannel,
  arrivals: readonly Arrival[],
): Promise<ArrivalOutcome[]> {
  const at = context.clock.now();
  const numbers = await findNumbers(tx, channel.channel, candidatesOf(channel, arrivals));
  const drafts = arrivals.map((arrival) => draftOf(channel, numbers, arrival, at));
  const first = new Map<string, Draft>();
  for (const draft of drafts) if (!first.has(keyOf(draft.transaction))) first.set(keyOf(draft.transaction), draft);
  const inOrder = [...first].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, draft]) => draft);
  const inserted = await insertNew(tx, context.vault, inOrder, at);
  const known = await findKnown(context, tx, channel, inOrder, inserted);

  const batch: Batch = { context, tx, numbers, known, linked: new Set(), settled: [] };

  const settle = async (draft: Draft): Promise<ArrivalOutcome> => {
    const key = keyOf(draft.transaction);
    if (inserted.has(draft.transaction.transactionId)) return settleNew(batch, draft);
    return settleKnown(batch, draft, known.get(key) ?? asStored(first.get(key)?.transaction ?? draft.transaction));
  };
  const outcomes: ArrivalOutcome[] = [];
  // A reversal finds what it takes back already settled, wherever both stand in the file.
  for (const reversals of [false, true]) {
    for (const [index, draft] of drafts.entries()) {
      if (draft.transaction.reversal === reversals) outcomes[index] = await settle(draft);
    }
    // Written together, and before a reversal looks for what it takes back.
    await writeVerdicts(tx, batch.settled.splice(0));
  }
  return outcomes;
}

/** What the lines of one call have in common. */
interface Batch {
  context: BankContext;
  tx: Transaction;
  numbers: ReadonlyMap<string, HeldSubAccount>;
  known: ReadonlyMap<string, StoredTransaction>;
  /** Reversals that met their payment in this call. */
  linked: Set<string>;
  /** Verdicts to be written. */
  settled: Settled[];
}

/** The parts of the key cannot hold U+0000. */
function keyOf(key: Pick<TransactionKey, 'subAccountNo' | 'bizFlowNo' | 'reversal'>): string {
  return `${key.subAccountNo}\0${key.bizFlowNo}\0${key.reversal ? 1 : 0}`;
}

/** Stands for a line of this very batch: what came of it is told with its first appearance. */
function asStored(transaction: BankTransaction): StoredTransaction {
  const nothing = { claim: null, reversedBy: null, reverses: null, reviewState: null, verdictReason: null };
  return { transaction, verdict: 'unclaimed', ...nothing };
}

const NUMBER_IN_TEXT = /[0-9A-Za-z-]{6,34}/g;

function accountsOf(channel: StoredChannel, entry: StatementEntry): string[] {
  const inText = channel.numberInRemittance ? (entry.remittance?.match(NUMBER_IN_TEXT) ?? []) : [];
  return [...entry.accounts, ...inText].filter((account) => account !== channel.mainAccountNo);
}

function candidatesOf(channel: StoredChannel, arrivals: readonly Arrival[]): string[] {
  return [...new Set(arrivals.flatMap(({ entry }) => accountsOf(channel, entry)))];
}

/** The receiving number: the first account that is one of the channel's, else what the bank wrote, else the main account. */
function draftOf(
  channel: StoredChannel,
  numbers: ReadonlyMap<string, HeldSubAccount>,
  { entry, raw, source, importId }: Arrival,
  at: Date,
): Draft {
  const accounts = accountsOf(channel, entry);
  const written = entry.accounts.find((account) => account !== channel.mainAccountNo);
  const subAccountNo = accounts.find((account) => numbers.has(account)) ?? written ?? channel.mainAccountNo;
  const { accounts: _accounts, otherReferences: _references, ...told } = entry;
  return {
    transaction: { ...told, channel: channel.channel, subAccountNo, source, transactionId: uuidV7(at) },
    evidence: { raw, rawSha256: createHash('sha256').update(raw, 'utf8').digest(), importId },
    entry,
  };
}

/** What is stored under the keys of those that are not new, and the reversals that came before their payment. */
async function findKnown(
  { vault }: BankContext,
  tx: Transaction,
  { channel }: StoredChannel,
  drafts: readonly Draft[],
  inserted: ReadonlySet<string>,
): Promise<Map<string, StoredTransaction>> {
  const keys: TransactionKey[] = [];
  for (const { transaction } of drafts) {
    const { subAccountNo, bizFlowNo, reversal } = transaction;
    const isNew = inserted.has(transaction.transactionId);
    if (!isNew) keys.push({ channel, subAccountNo, bizFlowNo, reversal });
    else if (!reversal) keys.push({ channel, subAccountNo, bizFlowNo, reversal: true });
  }
  const found = await findByKeys(tx, vault, channel, keys);
  return new Map(found.map((stored) => [keyOf(stored.transaction), stored]));
}

async function settleNew(batch: Batch, draft: Draft): Promise<ArrivalOutcome> {
  const { transaction } = draft;
  const stored = { kind: 'stored', transactionId: transaction.transactionId, known: false } as const;
  if (transaction.reversal) return { ...stored, verdict: await reverse(batch, draft) };
  const reversal = batch.known.get(keyOf({ ...transaction, reversal: true }));
  const isOpen = reversal !== undefined && reversal.reverses === null && reversal.transaction.booked;
  return { ...stored, verdict: await match(batch, transaction, isOpen ? reversal : null) };
}

async function settleKnown(batch: Batch, draft: Draft, present: StoredTransaction): Promise<ArrivalOutcome> {
  const { transaction } = draft;
  if (!tellTheSame(transaction, present.transaction)) return { kind: 'conflict' };
  const { transactionId } = present.transaction;
  const isBookedNow = transaction.booked && !present.transaction.booked;
  if (isBookedNow && (await markBooked(batch.tx, transactionId, transaction.tradedAt))) {
    const booked = { ...transaction, transactionId };
    const verdict = booked.reversal
      ? await reverse(batch, { ...draft, transaction: booked })
      : await match(batch, booked, null);
    return { kind: 'stored', transactionId, known: false, verdict };
  }
  return { kind: 'stored', transactionId, known: true, verdict: storedVerdict(present) };
}

/** The verdict as it was written. */
export function storedVerdict({ verdict, verdictReason }: StoredTransaction): Verdict {
  if (verdict === 'failed') return { kind: 'failed', reason: (verdictReason ?? 'wrong_payer') as FailureReason };
  return verdict === 'near_miss' ? { kind: 'near_miss', reason: verdictReason ?? '' } : { kind: verdict };
}

/**
 * Whether two lines of one reference can be the same transaction. Time and texts differ with the way it came; amount,
 * currency and direction do not, nor does the payer where both lines tell it: by the account, else, where one is masked
 * or missing, by a name that one of them may have cut short.
 */
function tellTheSame(a: BankTransaction, b: BankTransaction): boolean {
  const areAccountsTold = isWhole(a.payerAccountNo) && isWhole(b.payerAccountNo);
  const [nameA, nameB] = [foldName(a.payerName), foldName(b.payerName)];
  const samePayer = areAccountsTold
    ? a.payerAccountNo === b.payerAccountNo
    : nameA.startsWith(nameB) || nameB.startsWith(nameA);
  return a.amountFen === b.amountFen && a.currency === b.currency && a.creditDebit === b.creditDebit && samePayer;
}

function isWhole(accountNo: string | null): boolean {
  return accountNo !== null && !accountNo.includes('*');
}

/** Matches a line against the flow that holds its number. `reversal`: it was taken back before it came. */
async function match(
  { context, tx, numbers, linked, settled }: Batch,
  transaction: BankTransaction,
  reversal: StoredTransaction | null,
): Promise<Verdict> {
  const claim = await claimOf(context, tx, transaction, numbers.get(transaction.subAccountNo));
  const matched = matchTransaction(transaction, claim, context.clock.now());
  const { transactionId } = transaction;
  if (claim !== null && matched.kind !== 'unclaimed') settled.push({ transactionId, verdict: matched, claim });
  if (reversal !== null) {
    await writeVerdicts(tx, settled.splice(0));
    const reversalId = reversal.transaction.transactionId;
    linked.add(reversalId);
    await linkReversal(tx, { transactionId, reversalId, at: context.clock.now() });
  }
  if (claim === null || matched.kind === 'unclaimed') return matched;
  const verdict: Verdict = reversal === null ? matched : { kind: 'failed', reason: 'reversed' };
  const isPayment = verdict.kind !== 'failed' || (verdict.reason !== 'debit' && verdict.reason !== 'not_booked');
  if (isPayment) await context.listener?.paymentArrived(tx, claim, transaction, verdict);
  return verdict;
}

/** The open flow of the number. It counts from when it got the number, if that was later than its opening. */
async function claimOf(
  { listener }: BankContext,
  tx: Transaction,
  { channel, subAccountNo }: BankTransaction,
  number: HeldSubAccount | undefined,
): Promise<Claim | null> {
  if (listener === null || number === undefined || number.appId === null) return null;
  const claim = await listener.claimOf(tx, { channel, subAccountNo });
  if (claim?.appId !== number.appId || claim.flowId !== number.flowId) return null;
  const openedAt = Math.max(claim.openedAt.getTime(), number.allocatedAt?.getTime() ?? 0);
  return { ...claim, openedAt: new Date(openedAt) };
}

const REFERENCE_IN_TEXT = /[0-9A-Za-z-]{8,128}/g;

/** Takes back what a reversal names. The listener hears of it where the payment had counted or might have. */
async function reverse({ context, tx, linked }: Batch, { transaction, entry }: Draft): Promise<Verdict> {
  const reversed: Verdict = { kind: 'failed', reason: 'reversed' };
  if (linked.has(transaction.transactionId)) return reversed;
  // The bank may still think better of it; the booked line under the same reference takes back.
  if (!transaction.booked) return { kind: 'unclaimed' };
  // The reversal of a debit gives money back that we paid: it touches no company's payment.
  if (transaction.creditDebit === 'credit') return { kind: 'unclaimed' };
  const inText = entry.remittance?.match(REFERENCE_IN_TEXT) ?? [];
  const references = [entry.bizFlowNo, ...entry.otherReferences, ...inText];
  const original = await lockReversed(tx, context.vault, transaction, references);
  if (original === undefined) return { kind: 'unclaimed' };
  const { transactionId } = original.transaction;
  await linkReversal(tx, { transactionId, reversalId: transaction.transactionId, at: context.clock.now() });
  if (original.claim === null) return { kind: 'unclaimed' };
  if (original.verdict === 'paid' || original.reviewState === 'open') {
    const { standIn, nearMisses } = await otherPayments(context, tx, original);
    await context.listener?.paymentArrived(tx, original.claim, original.transaction, reversed, standIn);
    await reviewNearMisses(context, tx, original.claim, nearMisses);
  }
  return reversed;
}

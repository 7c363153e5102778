import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { Vault } from '../platform/vault.ts';
import type { BankTransaction, Claim, Verdict } from './bank.ts';

/** What is kept of a transaction beside itself. */
export interface Evidence {
  /** The line as the bank wrote it. */
  raw: string;
  rawSha256: Buffer;
  importId: string | null;
}

interface TransactionRow extends Omit<BankTransaction, 'payerAccountNo'> {
  payerAccountSealed: Buffer | null;
}

/** A transaction as it stands in the database. */
export interface StoredTransaction {
  transaction: BankTransaction;
  verdict: Verdict['kind'];
  verdictReason: string | null;
  claim: Claim | null;
  reversedBy: string | null;
  reverses: string | null;
  reviewState: 'open' | 'accepted' | 'refused' | null;
}

type StoredRow = TransactionRow & {
  verdict: Verdict['kind'];
  verdictReason: string | null;
  appId: string | null;
  flowId: string | null;
  companyName: string | null;
  flowOpenedAt: Date | null;
  reversedBy: string | null;
  reverses: string | null;
  reviewState: StoredTransaction['reviewState'];
};

const COLUMNS = sql`
  channel, sub_account_no as "subAccountNo", biz_flow_no as "bizFlowNo", reversal, transaction_id as "transactionId",
  amount_fen as "amountFen", currency, credit_debit as "creditDebit", booked, payer_name as "payerName",
  payer_account_sealed as "payerAccountSealed", payer_bank_name as "payerBankName", traded_at as "tradedAt",
  date_only as "dateOnly", remittance, source, verdict, verdict_reason as "verdictReason", app_id as "appId",
  flow_id as "flowId", company_name as "companyName", flow_opened_at as "flowOpenedAt", reversed_by as "reversedBy",
  reverses, review_state as "reviewState"
`;

const context = (transactionId: string, what: 'payer_account' | 'raw'): string =>
  `bank_transaction:${transactionId}:${what}`;

function toStored(vault: Vault, row: StoredRow): StoredTransaction {
  const { payerAccountSealed, verdict, verdictReason, appId, flowId, companyName, flowOpenedAt, ...rest } = row;
  const { reversedBy, reverses, reviewState, ...transaction } = rest;
  const account =
    payerAccountSealed === null
      ? null
      : vault.open(payerAccountSealed, context(row.transactionId, 'payer_account')).toString('utf8');
  const claim =
    appId === null || flowId === null || companyName === null || flowOpenedAt === null
      ? null
      : { appId, flowId, companyName, openedAt: flowOpenedAt };
  return {
    transaction: { ...transaction, payerAccountNo: account },
    verdict,
    verdictReason,
    claim,
    reversedBy,
    reverses,
    reviewState,
  };
}

/** Which of these are new. They must be in the order of their keys: two imports of one file then wait, and never in a ring. */
export async function insertNew(
  tx: Transaction,
  vault: Vault,
  rows: readonly { transaction: BankTransaction; evidence: Evidence }[],
  at: Date,
): Promise<Set<string>> {
  const of = <T>(value: (transaction: BankTransaction, evidence: Evidence) => T): T[] =>
    rows.map(({ transaction, evidence }) => value(transaction, evidence));
  const sealed = (text: string | null, id: string, what: 'payer_account' | 'raw'): Buffer | null =>
    text === null ? null : vault.seal(Buffer.from(text, 'utf8'), context(id, what));
  const { rows: inserted } = await sql<{ transactionId: string }>`
    insert into bank_transaction (
      channel, sub_account_no, biz_flow_no, reversal, transaction_id, amount_fen, currency, credit_debit, booked,
      payer_name, payer_account_sealed, payer_bank_name, traded_at, date_only, remittance, source, raw_sealed,
      raw_sha256, import_id, received_at, verdict
    )
    select new.*, ${at}::timestamptz, 'unclaimed' from unnest(
      ${of((row) => row.channel)}::text[], ${of((row) => row.subAccountNo)}::text[],
      ${of((row) => row.bizFlowNo)}::text[], ${of((row) => row.reversal)}::boolean[],
      ${of((row) => row.transactionId)}::uuid[], ${of((row) => row.amountFen)}::bigint[],
      ${of((row) => row.currency)}::text[], ${of((row) => row.creditDebit)}::text[],
      ${of((row) => row.booked)}::boolean[], ${of((row) => row.payerName)}::text[],
      ${of((row) => sealed(row.payerAccountNo, row.transactionId, 'payer_account'))}::bytea[],
      ${of((row) => row.payerBankName)}::text[], ${of((row) => row.tradedAt)}::timestamptz[],
      ${of((row) => row.dateOnly === true)}::boolean[], ${of((row) => row.remittance)}::text[],
      ${of((row) => row.source)}::text[],
      ${of((row, { raw }) => sealed(raw, row.transactionId, 'raw'))}::bytea[],
      ${of((_row, { rawSha256 }) => rawSha256)}::bytea[], ${of((_row, { importId }) => importId)}::text[]
    ) as new
    on conflict (channel, sub_account_no, biz_flow_no, reversal) do nothing
    returning transaction_id as "transactionId"
  `.execute(tx);
  return new Set(inserted.map((row) => row.transactionId));
}

export interface TransactionKey {
  channel: string;
  subAccountNo: string;
  bizFlowNo: string;
  reversal: boolean;
}

/** The transactions of these keys, in no order; all of one channel. */
export async function findByKeys(
  tx: Transaction,
  vault: Vault,
  channel: string,
  keys: readonly TransactionKey[],
): Promise<StoredTransaction[]> {
  if (keys.length === 0) return [];
  const { rows } = await sql<StoredRow>`
    select ${COLUMNS} from bank_transaction
    where channel = ${channel} and (sub_account_no, biz_flow_no, reversal) in (
      select * from unnest(
        ${keys.map((key) => key.subAccountNo)}::text[], ${keys.map((key) => key.bizFlowNo)}::text[],
        ${keys.map((key) => key.reversal)}::boolean[]
      )
    )
  `.execute(tx);
  return rows.map((row) => toStored(vault, row));
}

/** A line that was told as pending is booked now. False where it is booked already. */
export async function markBooked(tx: Transaction, transactionId: string, tradedAt: Date): Promise<boolean> {
  const { numAffectedRows = 0n } = await sql`
    update bank_transaction set booked = true, traded_at = ${tradedAt}
    where transaction_id = ${transactionId} and not booked
  `.execute(tx);
  return numAffectedRows > 0n;
}

/** What came of a transaction, and for whom. */
export interface Settled {
  transactionId: string;
  verdict: Verdict;
  claim: Claim;
}

/** Writes what came of transactions, in one statement. Near misses enter the manual queue. */
export async function writeVerdicts(tx: Transaction, settled: readonly Settled[]): Promise<void> {
  if (settled.length === 0) return;
  const of = <T>(value: (one: Settled) => T): T[] => settled.map(value);
  await sql`
    update bank_transaction as stored
    set verdict = new.verdict, verdict_reason = new.reason, app_id = new.app_id, flow_id = new.flow_id,
        company_name = new.company_name, flow_opened_at = new.opened_at,
        review_state = case when new.verdict = 'near_miss' then 'open' end,
        near_miss_reason = case when new.verdict = 'near_miss' then new.reason end
    from unnest(
      ${of((one) => one.transactionId)}::uuid[], ${of((one) => one.verdict.kind)}::text[],
      ${of(({ verdict }) => ('reason' in verdict ? verdict.reason : null))}::text[],
      ${of((one) => one.claim.appId)}::text[], ${of((one) => one.claim.flowId)}::text[],
      ${of((one) => one.claim.companyName)}::text[], ${of((one) => one.claim.openedAt)}::timestamptz[]
    ) as new (transaction_id, verdict, reason, app_id, flow_id, company_name, opened_at)
    where stored.transaction_id = new.transaction_id
  `.execute(tx);
}

/**
 * The credit that a reversal takes back, locked: the one under one of `references`; else, since a number belongs to one
 * company at a time, the newest of the same amount on the same number, a matched one before others. A reference that
 * names a payment means this one alone: told a second time, it takes back no other.
 */
export async function lockReversed(
  tx: Transaction,
  vault: Vault,
  reversal: BankTransaction,
  references: readonly string[],
): Promise<StoredTransaction | undefined> {
  const { rows } = await sql<StoredRow>`
    select ${COLUMNS} from bank_transaction
    where channel = ${reversal.channel} and sub_account_no = ${reversal.subAccountNo} and not reversal
      and credit_debit = 'credit' and reversed_by is null and currency = ${reversal.currency}
      and (biz_flow_no = any(${[...references]}::text[])
           or (not exists (
                 select 1 from bank_transaction as named
                 where named.channel = ${reversal.channel} and named.sub_account_no = ${reversal.subAccountNo}
                   and not named.reversal and named.credit_debit = 'credit'
                   and named.biz_flow_no = any(${[...references]}::text[])
               )
               and amount_fen = ${reversal.amountFen} and traded_at <= ${reversal.tradedAt}::timestamptz + interval '1 day'))
    order by biz_flow_no = any(${[...references]}::text[]) desc, verdict = 'paid' desc, verdict = 'near_miss' desc,
             received_at desc
    limit 1
    for update
  `.execute(tx);
  return rows[0] && toStored(vault, rows[0]);
}

/** More payments of one fen than this to one number are no company's. */
const UNCOUNTED_MAX = 100;

/**
 * Credits to the number of `original`, of its amount, that came since `since` and no flow stands on: kept as nobody's, or
 * good ones of the same flow. The earliest first, locked.
 */
export async function lockUncounted(
  tx: Transaction,
  vault: Vault,
  original: BankTransaction,
  claim: Claim,
  since: Date,
): Promise<StoredTransaction[]> {
  const { rows } = await sql<StoredRow>`
    select ${COLUMNS} from bank_transaction
    where channel = ${original.channel} and sub_account_no = ${original.subAccountNo} and not reversal
      and credit_debit = 'credit' and booked and reversed_by is null and transaction_id <> ${original.transactionId}
      and amount_fen = ${original.amountFen} and received_at >= ${since}
      and (verdict = 'unclaimed'
           or (verdict = 'paid' and app_id = ${claim.appId} and flow_id = ${claim.flowId}))
    order by traded_at, received_at, transaction_id
    limit ${UNCOUNTED_MAX}
    for update
  `.execute(tx);
  return rows.map((row) => toStored(vault, row));
}

/** Links both sides of a reversal. What was taken back qualifies no more, and no person need look at it. */
export async function linkReversal(
  tx: Transaction,
  link: { transactionId: string; reversalId: string; at: Date },
): Promise<void> {
  await sql`
    update bank_transaction
    set verdict = 'failed', verdict_reason = 'reversed', reversed_by = ${link.reversalId}, reversed_at = ${link.at},
        review_state = case when review_state = 'open' then 'refused' else review_state end,
        review_actor = case when review_state = 'open' then 'system' else review_actor end,
        review_reason = case when review_state = 'open' then 'reversed' else review_reason end,
        reviewed_at = case when review_state = 'open' then ${link.at}::timestamptz else reviewed_at end
    where transaction_id = ${link.transactionId}
  `.execute(tx);
  await sql`
    update bank_transaction as reversal
    set reverses = original.transaction_id, verdict = 'failed', verdict_reason = 'reversed', app_id = original.app_id,
        flow_id = original.flow_id, company_name = original.company_name, flow_opened_at = original.flow_opened_at
    from bank_transaction as original
    where reversal.transaction_id = ${link.reversalId} and original.transaction_id = ${link.transactionId}
  `.execute(tx);
}

/** Payments that came to a channel, the newest first. */
export async function findPayments(
  executor: Executor,
  vault: Vault,
  filter: { channel?: string; verdict: Verdict['kind']; limit: number },
): Promise<(StoredTransaction & { receivedAt: Date })[]> {
  // A constant where it is one, so that the index of the unclaimed serves.
  const verdict = filter.verdict === 'unclaimed' ? sql`verdict = 'unclaimed'` : sql`verdict = ${filter.verdict}`;
  const { rows } = await sql<StoredRow & { receivedAt: Date }>`
    select ${COLUMNS}, received_at as "receivedAt" from bank_transaction
    where ${verdict} and credit_debit = 'credit' and not reversal
      and (${filter.channel ?? null}::text is null or channel = ${filter.channel ?? null})
    order by received_at desc, transaction_id desc
    limit ${filter.limit}
  `.execute(executor);
  return rows.map(({ receivedAt, ...row }) => Object.assign(toStored(vault, row), { receivedAt }));
}

/** One transaction, locked. */
export async function lockTransaction(
  tx: Transaction,
  vault: Vault,
  transactionId: string,
): Promise<StoredTransaction | undefined> {
  const { rows } = await sql<StoredRow>`
    select ${COLUMNS} from bank_transaction where transaction_id = ${transactionId} for update
  `.execute(tx);
  return rows[0] && toStored(vault, rows[0]);
}

export interface ReviewRow extends StoredTransaction {
  nearMissReason: string | null;
  reviewActor: string | null;
  reviewReason: string | null;
  reviewedAt: Date | null;
  receivedAt: Date;
}

type StoredReviewRow = StoredRow &
  Pick<ReviewRow, 'nearMissReason' | 'reviewActor' | 'reviewReason' | 'reviewedAt' | 'receivedAt'>;

/** The manual queue, what waits longest first. */
export async function findReviews(
  executor: Executor,
  vault: Vault,
  filter: { state?: string; transactionId?: string; limit: number },
): Promise<ReviewRow[]> {
  const { rows } = await sql<StoredReviewRow>`
    select ${COLUMNS}, near_miss_reason as "nearMissReason", review_actor as "reviewActor", review_reason as "reviewReason", reviewed_at as "reviewedAt",
           received_at as "receivedAt"
    from bank_transaction
    where review_state is not null
      and (${filter.state ?? null}::text is null or review_state = ${filter.state ?? null})
      and (${filter.transactionId ?? null}::uuid is null or transaction_id = ${filter.transactionId ?? null})
    order by received_at, transaction_id
    limit ${filter.limit}
  `.execute(executor);
  return rows.map((row) => {
    const { nearMissReason, reviewActor, reviewReason, reviewedAt, receivedAt, ...transaction } = row;
    return Object.assign(toStored(vault, transaction), {
      nearMissReason,
      reviewActor,
      reviewReason,
      reviewedAt,
      receivedAt,
    });
  });
}

export async function writeReview(
  tx: Transaction,
  review: {
    transactionId: string;
    state: 'accepted' | 'refused';
    verdict: Verdict;
    actor: string;
    reason: string;
    at: Date;
  },
): Promise<void> {
  const reason = 'reason' in review.verdict ? review.verdict.reason : null;
  await sql`
    update bank_transaction
    set review_state = ${review.state}, review_actor = ${review.actor}, review_reason = ${review.reason},
        reviewed_at = ${review.at}, verdict = ${review.verdict.kind}, verdict_reason = ${reason}
    where transaction_id = ${review.transactionId}
  `.execute(tx);
}

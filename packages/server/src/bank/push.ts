import { createHmac } from 'node:crypto';
import { equalConstantTime } from '../platform/constant-time.ts';
import type { Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { JsonTextError, parseJsonObject, type JsonMember } from '../platform/json-text.ts';
import { parseAmount } from './amount.ts';
import { storeArrivals, type Arrival } from './arrivals.ts';
import type { BankErrorCode, PushedNotice, ReceivedTransaction } from './bank.ts';
import { findChannel, openChannelSecret, type StoredChannel } from './channel-store.ts';
import type { BankContext } from './context.ts';
import { AHEAD_HOURS_MAX, isAhead } from './match.ts';
import { inTransactionRetried } from './retried.ts';
import { parseMoment } from './statements/moment.ts';
import { checkedEntry, textOrNull, type StatementEntry } from './statements/statement.ts';

const TIMESTAMP_TOLERANCE_MS = 5 * 60_000;
const NONCE = /^[\w-]{8,64}$/;
const BODY_BYTES_MAX = 64 * 1024;
const DEPTH_MAX = 4;

function invalid(field: string, expected: string): DomainError<BankErrorCode> {
  return new DomainError('bank_notice_invalid', { field, expected });
}

/**
 * Stores one transaction that the bank pushed. The same notice again, also the very same bytes, is the same transaction,
 * so a repeat within the time window does no harm and answers what the first one did.
 */
export async function pushTransaction(context: BankContext, notice: PushedNotice): Promise<ReceivedTransaction> {
  const channel = await authenticated(context, notice);
  const entry = parseNotice(notice.body, context.clock.now());
  const raw = new TextDecoder().decode(notice.body);
  return storeOne(context, channel, { entry, raw, source: 'push', importId: null });
}

/**
 * Stores one line in a transaction of its own, and what `record` writes with it.
 *
 * @throws DomainError `bank_transaction_conflict`
 */
export async function storeOne(
  context: BankContext,
  channel: StoredChannel,
  arrival: Arrival,
  record: (tx: Transaction, received: ReceivedTransaction) => Promise<void> = async () => undefined,
): Promise<ReceivedTransaction> {
  return inTransactionRetried(context.db, async (tx) => {
    const [outcome] = await storeArrivals(context, tx, channel, [arrival]);
    if (outcome?.kind !== 'stored') {
      throw new DomainError<BankErrorCode>('bank_transaction_conflict', { bizFlowNo: arrival.entry.bizFlowNo });
    }
    const { transactionId, known, verdict } = outcome;
    await record(tx, { transactionId, known, verdict });
    return { transactionId, known, verdict };
  });
}

/** What the signature of a notice is made over. */
export function noticeSignature(secret: Buffer, timestamp: string, nonce: string, body: Uint8Array): Buffer {
  return createHmac('sha256', secret).update(`${timestamp}\n${nonce}\n`, 'utf8').update(body).digest();
}

/** Stands where a channel has no secret, so that an unknown one takes as long to refuse. */
const NO_SECRET = Buffer.alloc(32);

async function authenticated(context: BankContext, notice: PushedNotice): Promise<StoredChannel> {
  const channel = await findChannel(context.db, notice.channel);
  const secret = channel === undefined ? null : openChannelSecret(context.vault, channel);
  const expected = noticeSignature(secret ?? NO_SECRET, notice.timestamp, notice.nonce, notice.body);
  const given = decodedSignature(notice.signature);
  const isSigned = equalConstantTime(expected, given);
  const sentAt = /^\d{13}$/.test(notice.timestamp) ? Number(notice.timestamp) : Number.NaN;
  const isInTime = Math.abs(context.clock.now().getTime() - sentAt) <= TIMESTAMP_TOLERANCE_MS;
  if (channel === undefined || secret === null || !isSigned || !isInTime || !NONCE.test(notice.nonce)) {
    throw new DomainError<BankErrorCode>('bank_notice_unauthorized');
  }
  return channel;
}

/** 32 bytes in hex or Base64; of another form is nothing that could be right. */
function decodedSignature(text: string): Buffer {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  return /^[A-Za-z0-9+/]{43}=$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
}

const FIELDS = new Set([
  'sub_account_no',
  'biz_flow_no',
  'amount',
  'currency',
  'credit_debit',
  'booked',
  'reversal',
  'payer_name',
  'payer_account_no',
  'payer_bank_name',
  'traded_at',
  'remittance',
]);

/** Reads a notice's body. An amount is taken from the source text: `0.01` and `"0.01"` are the same, no float is made. */
export function parseNotice(body: Uint8Array, now: Date): StatementEntry {
  const members = readMembers(body);
  const text = (name: string): string => {
    const member = members.get(name);
    if (member === undefined || member.kind === 'null') return '';
    if (member.kind !== 'string') throw invalid(name, 'a string');
    return (member.value as string).trim();
  };
  const flag = (name: string, fallback: boolean): boolean => {
    const member = members.get(name);
    if (member === undefined || member.kind === 'null') return fallback;
    if (member.kind !== 'boolean') throw invalid(name, 'true or false');
    return member.value === true;
  };
  const required = (name: string): string => {
    const value = text(name);
    if (value === '') throw invalid(name, 'given');
    return value;
  };
  const amountMember = members.get('amount');
  const amount = parseAmount(amountMember?.kind === 'number' ? amountMember.source : text('amount'), 'decimal');
  if ('fault' in amount) throw invalid('amount', 'yuan such as "0.01", to the fen');
  const creditDebit = text('credit_debit') || 'credit';
  if (creditDebit !== 'credit' && creditDebit !== 'debit') throw invalid('credit_debit', 'credit or debit');
  const moment = parseMoment(required('traded_at'));
  if (moment === undefined) throw invalid('traded_at', 'a time such as 20260322182428 or 2026-03-22T18:24:28+08:00');
  if (isAhead(moment.at, now)) throw invalid('traded_at', `${AHEAD_HOURS_MAX} hours ahead of now at most`);
  const checked = checkedEntry({
    bizFlowNo: required('biz_flow_no'),
    amountFen: amount.fen,
    currency: text('currency') || 'CNY',
    creditDebit,
    booked: flag('booked', true),
    reversal: flag('reversal', false),
    payerName: text('payer_name'),
    payerAccountNo: textOrNull(text('payer_account_no')),
    payerBankName: textOrNull(text('payer_bank_name')),
    tradedAt: moment.at,
    dateOnly: moment.dateOnly,
    remittance: text('remittance'),
    accounts: [required('sub_account_no')],
    otherReferences: [],
  });
  if ('fault' in checked) throw invalid('body', `one transaction: ${checked.fault}`);
  return checked.entry;
}

function readMembers(body: Uint8Array): Map<string, JsonMember> {
  try {
    const limits = { bytesMax: BODY_BYTES_MAX, depthMax: DEPTH_MAX, duplicateKeys: 'refuse' } as const;
    const { members } = parseJsonObject(body, limits);
    const unknown = members.find(({ key }) => !FIELDS.has(key));
    if (unknown !== undefined) throw invalid('body', `only ${[...FIELDS].join(', ')}`);
    return new Map(members.map((member) => [member.key, member]));
  } catch (error) {
    if (error instanceof JsonTextError) throw invalid('body', `one JSON object in UTF-8: ${error.code}`);
    throw error;
  }
}

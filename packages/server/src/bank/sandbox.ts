import { randomInt } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { BankErrorCode, ReceivedTransaction, SandboxPayment } from './bank.ts';
import { findChannel } from './channel-store.ts';
import { OPERATORS_CHAIN, type BankContext } from './context.ts';
import { storeOne } from './push.ts';
import { checkedEntry } from './statements/statement.ts';

const REFERENCE_DIGITS = 12;

/** A payment that no bank made, on a channel that says so of itself. Who made it up stands in the audit. */
export async function paySandbox(context: BankContext, payment: SandboxPayment): Promise<ReceivedTransaction> {
  const { db, clock } = context;
  const channel = await findChannel(db, payment.channel);
  if (channel === undefined) {
    throw new DomainError<BankErrorCode>('bank_channel_not_found', { channel: payment.channel });
  }
  if (!channel.sandbox) throw new DomainError<BankErrorCode>('bank_channel_not_sandbox', { channel: payment.channel });
  if (!channel.enabled) throw new DomainError<BankErrorCode>('bank_channel_off', { channel: payment.channel });
  const at = clock.now();
  const { actor, ...told } = payment;
  const bizFlowNo = payment.bizFlowNo ?? `SANDBOX${randomInt(10 ** REFERENCE_DIGITS)}`;
  const reversal = payment.reversal === true;
  const checked = checkedEntry({
    bizFlowNo,
    amountFen: payment.amountFen,
    currency: 'CNY',
    creditDebit: reversal ? 'debit' : 'credit',
    booked: true,
    reversal,
    payerName: payment.payerName,
    payerAccountNo: payment.payerAccountNo ?? null,
    payerBankName: payment.payerBankName ?? null,
    tradedAt: at,
    dateOnly: false,
    remittance: payment.remittance ?? '',
    accounts: [payment.subAccountNo],
    otherReferences: [],
  });
  if ('fault' in checked) {
    throw new DomainError<BankErrorCode>('bank_notice_invalid', { field: 'payment', expected: checked.fault });
  }
  const raw = JSON.stringify({ ...told, bizFlowNo, at });
  const arrival = { entry: checked.entry, raw, source: 'sandbox', importId: null } as const;
  return storeOne(context, channel, arrival, (tx, { transactionId }) =>
    appendAudit(tx, {
      appId: OPERATORS_CHAIN,
      actor,
      action: 'bank_sandbox.pay',
      subject: `bank_transaction:${transactionId}`,
      detail: { channel: payment.channel, payerName: payment.payerName, amountFen: payment.amountFen, reversal },
      at,
    }),
  );
}

import { randomInt } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import type { BankErrorCode, NewPaymentOrder, PaymentOrder, PaymentOrderConfirmation } from './bank.ts';
import { findChannels } from './channel-store.ts';
import type { BankContext } from './context.ts';
import { endOrder, insertOrder, lockOrder } from './order-store.ts';

/** A company tells which amount it got: 0.01 to 0.99 yuan (contracts/tsign-identity.md, verifyRandomAmount). */
const AMOUNT_FEN_MIN = 1;
const AMOUNT_FEN_MAX = 99;
const TEXT_CHARACTERS_MAX = 200;
const ACCOUNT_NO = /^[0-9A-Za-z-]{4,34}$/;

function invalid(field: string, expected: string): DomainError<BankErrorCode> {
  return new DomainError('payment_order_invalid', { field, expected });
}

/** Writes an order that the operator's bank executes, of an amount drawn evenly from 1 to 99 fen. */
export async function createOrder(
  { vault, clock }: BankContext,
  tx: Transaction,
  input: NewPaymentOrder,
): Promise<PaymentOrder> {
  const channel = (await findChannels(tx)).find(({ enabled }) => enabled);
  if (channel === undefined) throw new DomainError<BankErrorCode>('no_bank_channel');
  for (const field of ['payeeName', 'payeeBank', 'payeeSubbranch', 'province', 'city', 'cnapsCode'] as const) {
    const length = Array.from(input[field] ?? '-').length;
    if (length < 1 || length > TEXT_CHARACTERS_MAX) throw invalid(field, `1 to ${TEXT_CHARACTERS_MAX} characters`);
  }
  if (!ACCOUNT_NO.test(input.payeeAccountNo)) throw invalid('payeeAccountNo', '4 to 34 digits, letters or -');
  const order: PaymentOrder = {
    ...input,
    orderId: hexId(),
    channel: channel.channel,
    amountFen: randomInt(AMOUNT_FEN_MIN, AMOUNT_FEN_MAX + 1),
    province: input.province ?? null,
    city: input.city ?? null,
    cnapsCode: input.cnapsCode ?? null,
    state: 'created',
    bizFlowNo: null,
    failureReason: null,
    createdAt: clock.now(),
    endedAt: null,
  };
  await insertOrder(tx, vault, order);
  await appendAudit(tx, {
    appId: order.appId,
    actor: 'system',
    action: 'bank_payment_order.create',
    subject: `bank_payment_order:${order.orderId}`,
    // Not the amount: whoever knows it can pass for the company.
    detail: { flowId: order.flowId, channel: order.channel, payeeName: order.payeeName },
    at: order.createdAt,
  });
  return order;
}

/** The operator says what came of an order. Said again with the same outcome, nothing changes. */
export async function confirmOrder(
  context: BankContext,
  { orderId, outcome, actor }: PaymentOrderConfirmation,
): Promise<PaymentOrder> {
  const { db, vault, clock } = context;
  if (outcome.state === 'failed' && !isText(outcome.reason)) {
    throw invalid('reason', `1 to ${TEXT_CHARACTERS_MAX} characters`);
  }
  return db.transaction().execute(async (tx) => {
    const order = await lockOrder(tx, vault, orderId);
    if (order === undefined) throw new DomainError<BankErrorCode>('payment_order_not_found', { orderId });
    if (order.state === outcome.state) return order;
    if (order.state !== 'created') {
      throw new DomainError<BankErrorCode>('payment_order_ended', { orderId, state: order.state });
    }
    const ended: PaymentOrder = {
      ...order,
      state: outcome.state,
      bizFlowNo: outcome.state === 'paid' ? (outcome.bizFlowNo ?? null) : null,
      failureReason: outcome.state === 'failed' ? outcome.reason.trim() : null,
      endedAt: clock.now(),
    };
    await endOrder(tx, ended);
    await context.listener?.paymentOrderEnded?.(tx, ended);
    await appendAudit(tx, {
      appId: order.appId,
      actor,
      action: `bank_payment_order.${outcome.state}`,
      subject: `bank_payment_order:${orderId}`,
      detail: { flowId: order.flowId, bizFlowNo: ended.bizFlowNo, reason: ended.failureReason },
      at: clock.now(),
    });
    return ended;
  });
}

/** An order whole, for whoever makes the transfer. */
export async function revealOrder(
  { db, vault, clock }: BankContext,
  { orderId, actor }: { orderId: string; actor: string },
): Promise<PaymentOrder> {
  return db.transaction().execute(async (tx) => {
    const order = await lockOrder(tx, vault, orderId);
    if (order === undefined) throw new DomainError<BankErrorCode>('payment_order_not_found', { orderId });
    await appendAudit(tx, {
      appId: order.appId,
      actor,
      action: 'bank_payment_order.reveal',
      subject: `bank_payment_order:${orderId}`,
      detail: { flowId: order.flowId },
      at: clock.now(),
    });
    return order;
  });
}

function isText(text: string): boolean {
  const length = Array.from(text.trim()).length;
  return length >= 1 && length <= TEXT_CHARACTERS_MAX;
}

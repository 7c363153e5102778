import type { PaymentOrder } from '../bank/index.ts';
import type { AppNotify } from '../notify/index.ts';
import { inTransactionRetried, type Transaction } from '../platform/database/index.ts';
import type { DomainError } from '../platform/errors.ts';
import { maskAccount } from './mask.ts';
import { assertOpen, isOver, keyOf, refused, type IdentityContext } from './context.ts';
import { audit, endUnverified, verifyFlow } from './end-flow.ts';
import { judgeRandomAmount, RANDOM_AMOUNT_LIFE_MS, TRANSFER_FLOW_LIFE_MS, TRANSFERS_MAX } from './flow.ts';
import { findFlow, lockFlow, updateFlow } from './store.ts';
import type { FlowRow } from './tables.ts';
import type { FlowKey, TransferProcess, TransferProcessView, TransferRandomAmount } from './terms.ts';

const MISSES = '打款金额校验失败次数超过限制';

/**
 * Writes a payment order of 1 to 99 fen, which the operator's bank executes. Asking again replaces it.
 *
 * @throws DomainError verification_not_found, _ended, _expired, transfer_limit_reached, no_bank_channel
 */
export async function transferRandomAmount(context: IdentityContext, command: TransferRandomAmount): Promise<void> {
  const { appId, flowId, notifyUrl, contextId } = command;
  const key = { appId, flowId };
  if (notifyUrl !== null && !context.egress.checkUrl(notifyUrl).ok) throw refused('notify_url_invalid');
  await inTransactionRetried(context.db, async (tx) => {
    const flow = await lockFlow(tx, key);
    const at = context.clock.now();
    assertOpen(flow, key, at);
    if (flow.transfers >= TRANSFERS_MAX) throw refused('transfer_limit_reached');
    const order = await context.bank.createOrder(tx, {
      ...key,
      payeeName: flow.company_name,
      payeeAccountNo: command.cardNo,
      payeeBank: command.bank,
      payeeSubbranch: command.subbranch,
      province: command.province,
      city: command.city,
      cnapsCode: command.cnapsCode,
    });
    const livesUntil = new Date(at.getTime() + TRANSFER_FLOW_LIFE_MS);
    await updateFlow(tx, key, {
      transfers: flow.transfers + 1,
      transfer_asked_at: at,
      ...(contextId !== null && { context_id: contextId }),
      ...(notifyUrl !== null && { notify_url: notifyUrl }),
      expires_at: livesUntil > flow.expires_at ? livesUntil : flow.expires_at,
      modified_at: at,
    });
    const detail = { orderId: order.orderId, bank: command.bank, cardNo: maskAccount(command.cardNo) };
    await audit(tx, flow, 'verification.ask_transfer', { actor: command.actor, detail }, at);
  });
}

/**
 * Compares what the company found in its account with what was sent.
 *
 * @throws DomainError random_amount_wrong, random_amount_misses_exhausted (and the flow has failed),
 *   random_amount_expired, transfer_missing, verification_not_found, _ended, _expired
 */
export async function verifyRandomAmount(
  context: IdentityContext,
  command: FlowKey & { amountFen: number; actor: string },
): Promise<void> {
  const { appId, flowId, amountFen, actor } = command;
  const key = { appId, flowId };
  const notify = await context.notify.forApp(appId);
  // A miss counts although it is refused, so the refusal is thrown after the transaction that counts it.
  const refusal = await inTransactionRetried(context.db, async (tx) => {
    const flow = await lockFlow(tx, key);
    const at = context.clock.now();
    assertOpen(flow, key, at);
    const order = await context.bank.orderOf(tx, key);
    const askedAt = flow.transfer_asked_at;
    if (order === null || askedAt === null || order.state === 'failed') return refused('transfer_missing');
    if (at.getTime() >= askedAt.getTime() + RANDOM_AMOUNT_LIFE_MS) return refused('random_amount_expired');
    // Before the bank has paid, whoever tells the amount has guessed it.
    if (order.state !== 'paid') return refused('transfer_missing');
    return takeAmount(context, tx, flow, { order, amountFen, actor, notify });
  });
  if (refusal !== null) throw refusal;
}

/** Null where the amount is right and the company is verified; else what to answer. */
async function takeAmount(
  context: IdentityContext,
  tx: Transaction,
  flow: FlowRow,
  told: { order: PaymentOrder; amountFen: number; actor: string; notify: AppNotify },
): Promise<DomainError | null> {
  const { order, actor, notify } = told;
  const step = judgeRandomAmount({ amountFen: order.amountFen, misses: flow.random_misses }, told.amountFen);
  const act = { actor, detail: { orderId: order.orderId } };
  if (step.kind === 'verify') {
    await verifyFlow(context, tx, flow, {
      authType: 'ORGANIZATION_TRANSFER_RANDOM_AMOUNT',
      change: {},
      act,
      notify,
    });
    return null;
  }
  const change = { random_misses: step.misses };
  if (step.kind === 'fail') {
    await endUnverified(context, tx, flow, { state: 'failed', reason: MISSES, change, act, notify });
    return refused('random_amount_misses_exhausted');
  }
  const at = context.clock.now();
  await updateFlow(tx, keyOf(flow), { ...change, modified_at: at });
  await audit(tx, flow, 'verification.miss_amount', { actor, detail: { misses: step.misses } }, at);
  return refused('random_amount_wrong', { remaining: String(step.remaining) });
}

/** @throws DomainError verification_not_found, _ended, _expired */
export async function transferProcess(context: IdentityContext, key: FlowKey): Promise<TransferProcessView> {
  const flow = await findFlow(context.db, key);
  if (flow === undefined) throw refused('verification_not_found', { flowId: key.flowId });
  if (isOver(flow, context.clock.now())) throw refused('verification_expired', { flowId: key.flowId });
  if (flow.state !== 'verified' && flow.state !== 'open') throw refused('verification_ended', { flowId: key.flowId });
  const order = await context.bank.orderOf(context.db, keyOf(flow));
  const process = transferProcessOf(flow, order);
  return {
    process,
    message: order?.state === 'failed' ? `打款失败：${order.failureReason ?? '请核对账户信息'}` : MESSAGES[process],
    cardNo: order === null ? null : maskAccount(order.payeeAccountNo),
    subbranch: order?.payeeSubbranch ?? null,
    bankName: order?.payeeBank ?? null,
    cnapsCode: order?.cnapsCode ?? null,
    province: order?.province ?? null,
    city: order?.city ?? null,
    remain: 0,
    remainTimes: Math.max(0, TRANSFERS_MAX - flow.transfers),
    bizFlowNo: order?.bizFlowNo ?? null,
  };
}

const MESSAGES: Readonly<Record<TransferProcess, string | null>> = {
  INIT: null,
  PAID: '打款申请成功',
  PAID_FAILED: '打款失败',
  PAID_SUCCESS: '打款成功，请在7天内回填收到的金额',
  ORGANFINISHED: '打款金额校验成功，企业认证完成',
};

export function transferProcessOf(flow: FlowRow, order: PaymentOrder | null): TransferProcess {
  if (flow.state === 'verified') return 'ORGANFINISHED';
  if (order === null) return 'INIT';
  return ({ created: 'PAID', paid: 'PAID_SUCCESS', failed: 'PAID_FAILED' } as const)[order.state];
}

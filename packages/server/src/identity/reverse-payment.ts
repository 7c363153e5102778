import { inTransactionRetried, type Transaction } from '../platform/database/index.ts';
import { assertOpen, flowOwner, isOver, keyOf, openText, refused, type IdentityContext } from './context.ts';
import { audit } from './end-flow.ts';
import { processOf } from './flow.ts';
import { processView } from './process-view.ts';
import { findFlow, lockFlow, updateFlow } from './store.ts';
import type { FlowRow } from './tables.ts';
import type { FlowKey, ProcessView, ReversePaymentOrder, ReversePaymentProcess } from './terms.ts';

/**
 * Gives the flow its receiving sub-account, or answers the one it has; a letter that is named with it goes to review.
 *
 * @throws DomainError verification_not_found, _ended, _expired, no_bank_channel, sub_accounts_exhausted,
 *   letter_file_not_found
 */
export async function reversePayment(
  context: IdentityContext,
  command: FlowKey & { authLetterFileId: string | null; actor: string },
): Promise<ReversePaymentOrder> {
  const { authLetterFileId, actor, appId, flowId } = command;
  const key = { appId, flowId };
  const known = await findFlow(context.db, key);
  assertOpen(known, key, context.clock.now());
  if (authLetterFileId !== null && authLetterFileId !== known.letter_file_id) {
    const file = await context.documents.findFile({ appId, fileId: authLetterFileId });
    if (file === undefined) throw refused('letter_file_not_found', { fileId: authLetterFileId });
  }
  return inTransactionRetried(context.db, async (tx) => {
    const flow = await lockFlow(tx, key);
    assertOpen(flow, key, context.clock.now());
    if (authLetterFileId !== null) await attachLetter(context, tx, flow, { fileId: authLetterFileId, actor });
    return orderOf(await orderPayment(context, tx, flow, actor));
  });
}

/** Puts a signed letter before the operators; the same file once more changes nothing. */
export async function attachLetter(
  { clock }: Pick<IdentityContext, 'clock'>,
  tx: Transaction,
  flow: FlowRow,
  { fileId, actor }: { fileId: string; actor: string },
): Promise<void> {
  if (flow.letter_file_id === fileId || flow.letter_status === 'SUCCESS') return;
  const at = clock.now();
  const change = { letter_file_id: fileId, letter_status: 'INIT', letter_opinion: null, modified_at: at } as const;
  await updateFlow(tx, keyOf(flow), change);
  await audit(tx, flow, 'verification.submit_letter', { actor, detail: { fileId } }, at);
}

/** The flow with a sub-account: its own, or a new one. The caller holds the flow's lock and knows that it is open. */
export async function orderPayment(
  { bank, clock }: Pick<IdentityContext, 'bank' | 'clock'>,
  tx: Transaction,
  flow: FlowRow,
  actor: string,
): Promise<FlowRow> {
  if (flow.sub_account_no !== null) return flow;
  const account = await bank.allocateSubAccount(tx, keyOf(flow));
  const at = clock.now();
  const ordered = await updateFlow(tx, keyOf(flow), {
    channel: account.channel,
    sub_account_no: account.subAccountNo,
    main_account_name: account.mainAccountName,
    main_account_bank: account.mainAccountBank,
    main_account_no: account.mainAccountNo,
    ordered_at: at,
    modified_at: at,
  });
  const detail = { channel: account.channel, subAccountNo: account.subAccountNo };
  await audit(tx, flow, 'verification.order_payment', { actor, detail }, at);
  return ordered;
}

function orderOf(flow: FlowRow): ReversePaymentOrder {
  const { main_account_name: mainAccountName, sub_account_no: subAccountNo, main_account_bank: mainAccountBank } = flow;
  if (mainAccountName === null || subAccountNo === null || mainAccountBank === null) {
    throw new Error('an order without an account');
  }
  return { mainAccountName, subAccountNo, mainAccountBank, paymentAmount: '0.01' };
}

/**
 * Seed 001. A verified flow answers for ever; one that ended otherwise is refused.
 *
 * @throws DomainError verification_not_found, _ended, _expired
 */
export async function reversePaymentProcess(context: IdentityContext, key: FlowKey): Promise<ProcessView> {
  const flow = await findFlow(context.db, key);
  if (flow === undefined) throw refused('verification_not_found', { flowId: key.flowId });
  if (isOver(flow, context.clock.now())) throw refused('verification_expired', { flowId: key.flowId });
  if (flow.state !== 'verified' && flow.state !== 'open') throw refused('verification_ended', { flowId: key.flowId });
  return processView(flow, await currentProcess(context, flow), payerAccountNo(context, flow));
}

/** How far the flow's reverse payment is, asked of the bank where that tells. */
export async function currentProcess(
  { bank, db }: Pick<IdentityContext, 'bank' | 'db'>,
  flow: FlowRow,
): Promise<ReversePaymentProcess> {
  const { channel, sub_account_no: subAccountNo, ordered_at: orderedAt } = flow;
  const isWaiting = flow.state === 'open' && flow.payment === 'none';
  const wasAsked = isWaiting && channel !== null && subAccountNo !== null && orderedAt !== null;
  return processOf(
    { state: flow.state, payment: flow.payment, hasSubAccount: subAccountNo !== null },
    {
      isAvailable: !isWaiting || (await bank.available(db)),
      wasAsked: wasAsked && (await bank.consultedSince(db, { channel, subAccountNo }, orderedAt)),
    },
  );
}

/** The number of the account that the last payment came from. */
export function payerAccountNo(context: Pick<IdentityContext, 'vault'>, flow: FlowRow): string | null {
  if (flow.payer_account_sealed === null) return null;
  return openText(context, flowOwner(keyOf(flow)), 'payer_account', flow.payer_account_sealed);
}

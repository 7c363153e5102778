import { maskedPayerName } from '../bank/index.ts';
import { inTransactionRetried } from '../platform/database/index.ts';
import { assertOpen, refused, type IdentityContext } from './context.ts';
import { legalRepIdNo } from './detail.ts';
import { audit, endUnverified } from './end-flow.ts';
import type { OperatorAct, VerificationFilter } from './identity.ts';
import { maskAccount } from './mask.ts';
import { failureMessage, yuan } from './process-view.ts';
import { transferProcessOf } from './random-transfer.ts';
import { currentProcess, payerAccountNo } from './reverse-payment.ts';
import { findFlow, findFlowOfAnyApp, listFlows, lockFlow } from './store.ts';
import type { FlowRow } from './tables.ts';
import type { VerificationRecord, VerificationSummary } from './terms.ts';

async function summary(context: IdentityContext, flow: FlowRow): Promise<VerificationSummary> {
  return {
    appId: flow.app_id,
    flowId: flow.flow_id,
    state: flow.state,
    process: await currentProcess(context, flow),
    companyName: flow.company_name,
    orgCode: flow.org_code,
    etcOrgNo: flow.etc_org_no,
    etcMemberNo: flow.etc_member_no,
    letterStatus: flow.letter_status,
    createdAt: flow.created_at,
    modifiedAt: flow.modified_at,
    expiresAt: flow.expires_at,
  };
}

/** The newest first. */
export async function list(
  context: IdentityContext,
  filter: VerificationFilter,
): Promise<readonly VerificationSummary[]> {
  const flows = await listFlows(context.db, filter);
  const summaries: VerificationSummary[] = [];
  for (const flow of flows) summaries.push(await summary(context, flow));
  return summaries;
}

/** One flow; `reveal` shows numbers and a person who paid in full and is audited before they are. @throws DomainError verification_not_found */
export async function show(
  context: IdentityContext,
  { appId, flowId }: { appId?: string; flowId: string },
  reveal?: { actor: string; reason: string },
): Promise<VerificationRecord> {
  const { db, bank, clock } = context;
  const flow = appId === undefined ? await findFlowOfAnyApp(db, flowId) : await findFlow(db, { appId, flowId });
  if (flow === undefined) throw refused('verification_not_found', { flowId });
  if (reveal !== undefined) {
    const { actor, reason } = reveal;
    await inTransactionRetried(db, (tx) =>
      audit(tx, flow, 'verification.reveal', { actor, detail: { reason } }, clock.now()),
    );
  }
  const inFull = reveal !== undefined;
  const shown = (accountNo: string | null): string | null =>
    accountNo === null || inFull ? accountNo : maskAccount(accountNo);
  const order = flow.transfers === 0 ? null : await bank.orderOf(db, { appId: flow.app_id, flowId });
  return {
    ...(await summary(context, flow)),
    origin: flow.origin,
    legalRepName: flow.legal_rep_name,
    legalRepIdNo: legalRepIdNo(context, flow, inFull),
    subAccount: flow.sub_account_no,
    payerName: flow.payer_name === null || inFull ? flow.payer_name : maskedPayerName(flow.payer_name),
    payerAccountNo: shown(payerAccountNo(context, flow)),
    payAmount: flow.amount_fen === null ? null : yuan(flow.amount_fen),
    bizFlowNo: flow.biz_flow_no,
    failure: flow.payment_failure === null ? null : failureMessage(flow.payment_failure),
    endReason: flow.end_reason,
    letterOpinion: flow.letter_opinion,
    transfer:
      order === null
        ? null
        : {
            state: transferProcessOf(flow, order),
            bank: order.payeeBank,
            subbranch: order.payeeSubbranch,
            cnapsCode: order.cnapsCode ?? '',
            cardNo: shown(order.payeeAccountNo) ?? '',
            amount: inFull ? yuan(order.amountFen) : null,
            bizFlowNo: order.bizFlowNo,
          },
  };
}

/** Ends an open flow by an operator's word. @throws DomainError verification_not_found, _ended, _expired */
export async function cancel(context: IdentityContext, act: OperatorAct): Promise<void> {
  const key = { appId: act.appId, flowId: act.flowId };
  const notify = await context.notify.forApp(act.appId);
  await inTransactionRetried(context.db, async (tx) => {
    const flow = await lockFlow(tx, key);
    assertOpen(flow, key, context.clock.now());
    const { actor, reason } = act;
    await endUnverified(context, tx, flow, { state: 'cancelled', reason, act: { actor, detail: { reason } }, notify });
  });
}

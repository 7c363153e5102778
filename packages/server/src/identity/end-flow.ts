import { appendAudit } from '../audit/index.ts';
import type { AppNotify } from '../notify/index.ts';
import { isSocialCreditCode } from '../parties/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { isDomainError } from '../platform/errors.ts';
import { keyOf, type IdentityContext } from './context.ts';
import { FLOW_LIFE_MS } from './flow.ts';
import { updateFlow, type FlowChange } from './store.ts';
import type { FlowRow } from './tables.ts';
import type { AuthType } from './terms.ts';
import { verifyCodeOf } from './verify-code.ts';

/** Who did it, and what else the audit should know. */
export interface Act {
  readonly actor: string;
  readonly detail: Record<string, unknown>;
}

/**
 * The company proved itself: flow, company, audit rows and the notification, all in the caller's transaction, which
 * holds the flow's lock. `change` is what else becomes of the row.
 */
export async function verifyFlow(
  context: IdentityContext,
  tx: Transaction,
  flow: FlowRow,
  { authType, change, act, notify }: { authType: AuthType; change: Partial<FlowChange>; act: Act; notify: AppNotify },
): Promise<void> {
  const at = context.clock.now();
  const marked = await markParty(context, tx, flow, act);
  const verified = await updateFlow(tx, keyOf(flow), {
    ...change,
    state: 'verified',
    auth_type: authType,
    verified_party: marked,
    end_reason: null,
    modified_at: at,
    ended_at: at,
  });
  await audit(tx, flow, 'verification.verify', act, at);
  await tell(context, tx, notify, verified, { ok: true }, at);
}

/** The company's own record, where the flow stands for one. False where it was verified before, or is none. */
async function markParty({ parties }: IdentityContext, tx: Transaction, flow: FlowRow, act: Act): Promise<boolean> {
  if (flow.etc_org_no === null) return false;
  return parties.markVerified(tx, {
    appId: flow.app_id,
    etcOrgNo: flow.etc_org_no,
    socialCreditCode: isSocialCreditCode(flow.org_code) ? flow.org_code : null,
    legalPerson: flow.legal_rep_name,
    actor: act.actor,
    detail: { flowId: flow.flow_id, orgName: flow.company_name },
  });
}

/** A flow's end without a verification: nobody paid in time, an operator stopped it, the misses were too many. */
export async function endUnverified(
  context: IdentityContext,
  tx: Transaction,
  flow: FlowRow,
  end: {
    state: 'expired' | 'cancelled' | 'failed';
    /** For a person, in Chinese: it stands in answers and notifications. */
    reason: string;
    change?: Partial<FlowChange>;
    act: Act;
    notify: AppNotify;
  },
): Promise<void> {
  const at = context.clock.now();
  const letterWaits = flow.letter_status === 'INIT' || flow.letter_status === 'ING';
  const ended = await updateFlow(tx, keyOf(flow), {
    ...end.change,
    state: end.state,
    end_reason: end.reason,
    ...(letterWaits && { letter_status: 'TERMINATED' as const }),
    ...(flow.sub_account_no !== null && { released_at: at }),
    modified_at: at,
    ended_at: at,
  });
  if (flow.sub_account_no !== null) await context.bank.releaseSubAccount(tx, keyOf(flow));
  await audit(tx, flow, `verification.${END_ACTIONS[end.state]}`, end.act, at);
  await tell(context, tx, end.notify, ended, { ok: false, reason: end.reason }, at);
}

const END_ACTIONS = { expired: 'expire', cancelled: 'cancel', failed: 'fail' } as const;
const REVERSED = '打款已被银行冲正或退回，企业认证已撤回，请重新打款0.01元';

/** The bank took the payment back: the company is not verified any more and may pay again. */
export async function reopenFlow(
  context: IdentityContext,
  tx: Transaction,
  flow: FlowRow,
  { act, notify }: { act: Act; notify: AppNotify },
): Promise<void> {
  const at = context.clock.now();
  if (flow.verified_party && flow.etc_org_no !== null) {
    const detail = { flowId: flow.flow_id, reason: 'payment reversed' };
    await context.parties.withdrawVerification(tx, {
      appId: flow.app_id,
      etcOrgNo: flow.etc_org_no,
      actor: act.actor,
      detail,
    });
  }
  const reopened = await updateFlow(tx, keyOf(flow), {
    state: 'open',
    payment: 'failed',
    payment_failure: 'reversed',
    auth_type: null,
    verified_party: false,
    // The number went back already: another one is given when the company asks where to pay.
    ...(flow.released_at !== null && NO_SUB_ACCOUNT),
    modified_at: at,
    expires_at: new Date(at.getTime() + FLOW_LIFE_MS),
    ended_at: null,
  });
  await audit(tx, flow, 'verification.reopen', act, at);
  await tell(context, tx, notify, reopened, { ok: false, reason: REVERSED }, at);
}

export const NO_SUB_ACCOUNT = {
  channel: null,
  sub_account_no: null,
  main_account_name: null,
  main_account_bank: null,
  main_account_no: null,
  ordered_at: null,
  released_at: null,
} as const;

export async function audit(tx: Transaction, flow: FlowRow, action: string, act: Act, at: Date): Promise<void> {
  const { app_id: appId, flow_id: flowId } = flow;
  await appendAudit(tx, { appId, actor: act.actor, action, subject: `verification:${flowId}`, detail: act.detail, at });
}

/** Tells the end in the form of the contract that began the flow. */
async function tell(
  context: IdentityContext,
  tx: Transaction,
  notify: AppNotify,
  flow: FlowRow,
  result: { ok: true } | { ok: false; reason: string },
  at: Date,
): Promise<void> {
  if (flow.origin === 'tsign') {
    await notify.identityEnded(tx, {
      notifyUrl: flow.notify_url,
      flowId: flow.flow_id,
      contextId: flow.context_id,
      success: result.ok,
      verifyCode: result.ok ? verifyCodeOf(context.vault, flow) : null,
      accountId: flow.etc_org_no,
      agentAccountId: flow.etc_member_no,
      agentFlowId: flow.agent_flow_id,
      at,
    });
    return;
  }
  if (flow.etc_member_no === null || flow.etc_org_no === null) return;
  await notify.verificationEnded(tx, {
    notifyUrl: flow.notify_url,
    etcMemberNo: flow.etc_member_no,
    orgSealUrl: result.ok ? await sealUrlOf(context, tx, flow, flow.etc_org_no) : '',
    result,
    at,
  });
}

/** A link to the company's default seal; empty where the seal font cannot write its name. */
async function sealUrlOf(
  { seals, parties, log }: IdentityContext,
  tx: Transaction,
  { app_id: appId, company_name: toldName }: FlowRow,
  etcOrgNo: string,
): Promise<string> {
  try {
    // As signing calls it: two names would be two seals.
    const companyName = (await parties.findOrg(tx, appId, etcOrgNo))?.orgName ?? toldName;
    const { sealId } = await seals.defaultSeal(tx, { appId, etcOrgNo, companyName });
    return seals.sealUrl({ appId, sealId });
  } catch (error) {
    if (!isDomainError(error, 'seal_character_missing')) throw error;
    log.error({ appId, etcOrgNo, err: error }, 'a verified company has no seal: the font has not its characters');
    return '';
  }
}

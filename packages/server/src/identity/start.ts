import { randomInt } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import { inTransactionRetried, type Transaction } from '../platform/database/index.ts';
import { openText, orgOwner, refused, sealText, flowOwner, type IdentityContext } from './context.ts';
import { assertFactors } from './factor-source.ts';
import { foldName } from './factors.ts';
import { FLOW_LIFE_MS } from './flow.ts';
import { findOrgAuthInfo, insertFlow } from './store.ts';
import type { CompanyFactors, LegalRepDocument, MemberKey, StartForAccount, StartOrganization } from './terms.ts';

const IDS_TRIED_MAX = 5;

/** 19 digits that a signed 64-bit integer holds: milliseconds since 1970 and six random digits. */
function newFlowId(at: Date): string {
  return `${at.getTime()}${String(randomInt(1_000_000)).padStart(6, '0')}`;
}

/** Begins a verification of a company that no account stands for. */
export async function startOrganization(
  context: IdentityContext,
  command: StartOrganization,
): Promise<{ flowId: string }> {
  const { company, legalRep } = command;
  assertNotifyUrl(context, command.notifyUrl);
  await assertFactors(context, { ...company, legalRep });
  return inTransactionRetried(context.db, (tx) =>
    openFlow(context, tx, { ...command, origin: 'tsign', account: null }),
  );
}

/** Begins a verification of a company that an account stands for; what it is called is what was told of it. */
export async function startForAccount(context: IdentityContext, command: StartForAccount): Promise<{ flowId: string }> {
  const { appId, accountId, agentAccountId } = command;
  assertNotifyUrl(context, command.notifyUrl);
  const org = await context.parties.findOrg(context.db, appId, accountId);
  if (org === undefined) throw refused('account_not_found', { accountId });
  const agent = await context.parties.findMember(context.db, appId, agentAccountId);
  if (agent?.org.etcOrgNo !== accountId) throw refused('account_not_found', { accountId: agentAccountId });
  if (!command.repetition && org.verifiedAt !== null) throw refused('already_verified');
  const known = await findOrgAuthInfo(context.db, appId, accountId);
  const company: CompanyFactors = {
    orgName: org.orgName,
    orgCode: org.socialCreditCode ?? known?.org_code ?? incomplete(accountId, 'orgCode'),
    legalRepName: org.legalPerson ?? known?.legal_rep_name ?? incomplete(accountId, 'legalRepName'),
  };
  let legalRep: LegalRepDocument | null = null;
  if (command.factors === 4) {
    if (known === undefined) return incomplete(accountId, 'legalRepIdNo');
    const idNo = openText(context, orgOwner(appId, accountId), 'legal_rep_id', known.legal_rep_id_sealed);
    legalRep = { idNo, certType: 'INDIVIDUAL_CH_IDCARD' };
  }
  await assertFactors(context, { ...company, legalRep });
  return inTransactionRetried(context.db, (tx) =>
    openFlow(context, tx, {
      ...command,
      company,
      legalRep,
      agentFlowId: null,
      origin: 'tsign',
      account: { appId, etcOrgNo: accountId, etcMemberNo: agentAccountId },
    }),
  );
}

function incomplete(accountId: string, field: string): never {
  throw refused('account_incomplete', { accountId, field });
}

function assertNotifyUrl({ egress }: IdentityContext, notifyUrl: string | null): void {
  if (notifyUrl !== null && !egress.checkUrl(notifyUrl).ok) throw refused('notify_url_invalid');
}

export interface NewFlow extends StartOrganization {
  readonly origin: 'tsign' | 'etc';
  readonly account: (MemberKey & { etcOrgNo: string }) | null;
}

/** Writes the flow and its audit row. The factors were compared. */
export async function openFlow(
  context: IdentityContext,
  tx: Transaction,
  { appId, company, legalRep, account, ...flow }: NewFlow,
): Promise<{ flowId: string }> {
  const at = context.clock.now();
  for (let tries = 0; tries < IDS_TRIED_MAX; tries += 1) {
    const flowId = newFlowId(at);
    const inserted = await insertFlow(tx, {
      app_id: appId,
      flow_id: flowId,
      origin: flow.origin,
      factors: legalRep === null ? 3 : 4,
      state: 'open',
      etc_org_no: account?.etcOrgNo ?? null,
      etc_member_no: account?.etcMemberNo ?? null,
      company_name: company.orgName,
      org_code: company.orgCode,
      legal_rep_name: company.legalRepName,
      legal_rep_id_sealed:
        legalRep === null ? null : sealText(context, flowOwner({ appId, flowId }), 'legal_rep_id', legalRep.idNo),
      legal_rep_cert_type: legalRep?.certType ?? null,
      agent_flow_id: flow.agentFlowId,
      context_id: flow.contextId,
      notify_url: flow.notifyUrl,
      created_at: at,
      modified_at: at,
      expires_at: new Date(at.getTime() + FLOW_LIFE_MS),
    });
    if (!inserted) continue;
    await appendAudit(tx, {
      appId,
      actor: flow.actor,
      action: 'verification.start',
      subject: `verification:${flowId}`,
      detail: {
        companyName: company.orgName,
        orgCode: company.orgCode,
        factors: legalRep === null ? 3 : 4,
        ...(account !== null && { etcOrgNo: account.etcOrgNo, etcMemberNo: account.etcMemberNo }),
      },
      at,
    });
    return { flowId };
  }
  throw new Error('no flow id is free');
}

/** Whether what a member tells is the company that the account stands for. */
export function isSameCompany(org: { orgName: string; socialCreditCode: string | null }, told: CompanyFactors) {
  if (foldName(org.orgName) !== foldName(told.orgName)) return 'orgName';
  return org.socialCreditCode === null || org.socialCreditCode === told.orgCode ? undefined : 'orgCode';
}

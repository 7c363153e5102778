import { inTransactionRetried } from '../platform/database/index.ts';
import { appendAudit } from '../audit/index.ts';
import { SEAL_VARIANTS, type SealVariant } from '../seals/index.ts';
import { isOver, keyOf, openText, orgOwner, refused, type IdentityContext } from './context.ts';
import { endUnverified } from './end-flow.ts';
import { assertFactors } from './factor-source.ts';
import { memberWithOrg } from './member-view.ts';
import { orderPayment } from './reverse-payment.ts';
import { isSameCompany, openFlow } from './start.ts';
import { findOrgAuthInfo, lockFlow, lockMember, newestFlowOfMember } from './store.ts';
import type { FlowRow } from './tables.ts';
import type { CompanyFactors, LegalRepDocument, MemberKey } from './terms.ts';

const REPLACED = '企业信息已修改，请使用新的认证流程';

/**
 * Compares the factors and makes the receiving account in one go. The same company once more goes on with the flow that
 * is open; another one ends it, unless money for it has come.
 *
 * @throws DomainError member_not_found, already_verified, identity_invalid, factor_source_failed, flow_open,
 *   no_bank_channel, sub_accounts_exhausted
 */
export async function startForMember(
  context: IdentityContext,
  { actor, company: told, ...member }: MemberKey & { company: CompanyFactors; actor: string },
): Promise<void> {
  const { appId, etcMemberNo } = member;
  const { org } = await memberWithOrg(context, member);
  if (org.verifiedAt !== null) throw refused('already_verified');
  const legalRep = await savedDocument(context, appId, org.etcOrgNo, told);
  await assertFactors(context, { ...told, legalRep });
  const difference = isSameCompany(org, told);
  if (difference !== undefined) throw refused('identity_invalid', { field: difference, reason: 'mismatch' });
  // As the company is called in its own record: that is what its seal and certificate say.
  const company = { ...told, orgName: org.orgName };
  const notify = await context.notify.forApp(appId);
  await inTransactionRetried(context.db, async (tx) => {
    await lockMember(tx, member);
    const newest = await newestFlowOfMember(tx, member);
    const open = newest === undefined ? undefined : await lockFlow(tx, keyOf(newest));
    if (open?.state === 'open' && !isOver(open, context.clock.now())) {
      if (saysTheSame(open, company)) {
        await orderPayment(context, tx, open, actor);
        return;
      }
      if (open.payment === 'review' || open.payment === 'held') throw refused('flow_open');
      await endUnverified(context, tx, open, {
        state: 'cancelled',
        reason: REPLACED,
        act: { actor, detail: { reason: 'replaced by the member' } },
        notify,
      });
    }
    const { flowId } = await openFlow(context, tx, {
      appId,
      company,
      legalRep,
      agentFlowId: null,
      contextId: null,
      notifyUrl: null,
      actor,
      origin: 'etc',
      account: { appId, etcOrgNo: org.etcOrgNo, etcMemberNo },
    });
    const flow = await lockFlow(tx, { appId, flowId });
    if (flow !== undefined) await orderPayment(context, tx, flow, actor);
  });
}

function saysTheSame(flow: FlowRow, { orgName, orgCode, legalRepName }: CompanyFactors): boolean {
  return flow.company_name === orgName && flow.org_code === orgCode && flow.legal_rep_name === legalRepName;
}

/** The fourth factor, where saveOrgAuthInfo told it of the same legal representative. */
async function savedDocument(
  context: IdentityContext,
  appId: string,
  etcOrgNo: string,
  told: CompanyFactors,
): Promise<LegalRepDocument | null> {
  const known = await findOrgAuthInfo(context.db, appId, etcOrgNo);
  if (known?.legal_rep_name !== told.legalRepName) return null;
  const idNo = openText(context, orgOwner(appId, etcOrgNo), 'legal_rep_id', known.legal_rep_id_sealed);
  return { idNo, certType: 'INDIVIDUAL_CH_IDCARD' };
}

function knownVariant(variant: string): SealVariant {
  const known = SEAL_VARIANTS.find((name) => name === variant);
  if (known === undefined) throw refused('seal_variant_unknown', { variant });
  return known;
}

/** @throws DomainError member_not_found, not_verified, seal_variant_unknown, seal_character_missing */
export async function sealPicture(
  context: IdentityContext,
  { variant, ...member }: MemberKey & { variant: string },
): Promise<Buffer> {
  const { org } = await memberWithOrg(context, member);
  if (org.verifiedAt === null) throw refused('not_verified');
  const company = { companyName: org.orgName, code: org.socialCreditCode };
  return context.seals.variantImage(company, knownVariant(variant));
}

/** @throws DomainError member_not_found, not_verified, seal_variant_unknown, seal_character_missing */
export async function chooseSeal(
  context: IdentityContext,
  { variant, actor, ...member }: MemberKey & { variant: string; actor: string },
): Promise<void> {
  const { org } = await memberWithOrg(context, member);
  if (org.verifiedAt === null) throw refused('not_verified');
  const design = knownVariant(variant);
  const { appId, etcOrgNo, orgName: companyName, socialCreditCode: code } = org;
  await inTransactionRetried(context.db, async (tx) => {
    const { sealId } = await context.seals.chooseVariant(tx, { appId, etcOrgNo, companyName, code }, design);
    const detail = { variant: design, sealId };
    const entry = { appId, actor, action: 'org.choose_seal', subject: `org:${etcOrgNo}`, detail };
    await appendAudit(tx, { ...entry, at: context.clock.now() });
  });
}

/** @throws DomainError member_not_found, not_verified */
export async function consentSilentSigning(
  context: IdentityContext,
  { textVersion, actor, ...member }: MemberKey & { textVersion: string; actor: string },
): Promise<void> {
  const { org } = await memberWithOrg(context, member);
  if (org.verifiedAt === null) throw refused('not_verified');
  const detail = { textVersion, etcMemberNo: member.etcMemberNo };
  await inTransactionRetried(context.db, (tx) =>
    context.parties.consentSilentSigning(tx, { appId: org.appId, etcOrgNo: org.etcOrgNo, actor, detail }),
  );
}

import { X509Certificate } from 'node:crypto';
import { maskedPayerName } from '../bank/index.ts';
import type { MemberWithOrg } from '../parties/index.ts';
import { isDomainError } from '../platform/errors.ts';
import { SEAL_VARIANTS } from '../seals/index.ts';
import { isOver, refused, type IdentityContext } from './context.ts';
import { maskAccount } from './mask.ts';
import { currentProcess, payerAccountNo } from './reverse-payment.ts';
import { findOrgAuthInfo, newestFlowOfMember } from './store.ts';
import type { FlowRow } from './tables.ts';
import type { CertificateSummary, MemberFlow, MemberKey, MemberVerification, SealChoice } from './terms.ts';

/** The one amount of a reverse payment. */
const PAYMENT_FEN = 1;

/**
 * An application that was disabled has no members any more, those whose page is open among them.
 *
 * @throws DomainError member_not_found
 */
export async function memberWithOrg(
  { parties, apps, db }: Pick<IdentityContext, 'parties' | 'apps' | 'db'>,
  { appId, etcMemberNo }: MemberKey,
): Promise<MemberWithOrg> {
  const app = await apps.find(appId);
  if (app === undefined || app.disabledAt !== null) throw refused('member_not_found', { etcMemberNo });
  const found = await parties.findMember(db, appId, etcMemberNo);
  if (found === undefined) throw refused('member_not_found', { etcMemberNo });
  return found;
}

/** Everything that the member's page shows. */
export async function memberView(context: IdentityContext, key: MemberKey): Promise<MemberVerification> {
  const { db, apps, bank } = context;
  const found = await memberWithOrg(context, key);
  const { member, org } = found;
  const [app, known, flow, isBankAvailable] = await Promise.all([
    apps.find(key.appId),
    findOrgAuthInfo(db, key.appId, org.etcOrgNo),
    newestFlowOfMember(db, key),
    bank.available(db),
  ]);
  const orgCode = org.socialCreditCode ?? known?.org_code ?? flow?.org_code ?? null;
  return {
    appName: app?.name ?? key.appId,
    memberName: member.memberName,
    company: {
      orgName: org.orgName,
      orgCode,
      legalRepName: org.legalPerson ?? known?.legal_rep_name ?? flow?.legal_rep_name ?? null,
    },
    isBankAvailable,
    flow: flow === undefined ? null : await memberFlow(context, flow),
    verifiedAt: org.verifiedAt,
    seals: org.verifiedAt === null ? [] : await sealChoices(context, found),
    silentSigningConsentedAt: org.silentSigningAt,
    certificate: org.silentSigningAt === null ? null : await certificateOf(context, found),
  };
}

async function memberFlow(context: IdentityContext, flow: FlowRow): Promise<MemberFlow> {
  const process = await currentProcess(context, flow);
  const accountNo = payerAccountNo(context, flow);
  const { sub_account_no: subAccountNo, main_account_name: name, main_account_bank: bankName, channel } = flow;
  const hasEnded = isOver(flow, context.clock.now()) || (flow.state !== 'open' && flow.state !== 'verified');
  const isPaid = flow.payment === 'paid' && flow.state === 'verified';
  return {
    flowId: flow.flow_id,
    process,
    state: hasEnded ? 'ended' : flow.state === 'verified' ? 'verified' : 'open',
    expiresAt: flow.expires_at,
    payTo:
      subAccountNo === null || name === null || bankName === null
        ? null
        : { accountName: name, accountNo: subAccountNo, bankName, amountFen: PAYMENT_FEN },
    failure:
      flow.payment === 'failed' && flow.payment_failure !== null && flow.paid_at !== null
        ? {
            reason: flow.payment_failure,
            amountFen: flow.amount_fen,
            payerName: flow.payer_name === null ? null : maskedPayerName(flow.payer_name),
            at: flow.paid_at,
          }
        : null,
    inReviewSince: flow.payment === 'review' ? flow.paid_at : null,
    bankAskedAt: process === 'UN_RECEIVED' && channel !== null ? await bankAskedAt(context, channel) : null,
    payment:
      isPaid && flow.payer_name !== null && flow.traded_at !== null && flow.biz_flow_no !== null
        ? {
            payerName: flow.payer_name,
            payerAccountNo: accountNo === null ? null : maskAccount(accountNo),
            tradedAt: flow.traded_at,
            bizFlowNo: flow.biz_flow_no,
          }
        : null,
  };
}

async function bankAskedAt({ bank }: IdentityContext, channel: string): Promise<Date | null> {
  return (await bank.showChannel(channel)).consultedAt;
}

async function sealChoices({ seals, db }: IdentityContext, { org }: MemberWithOrg): Promise<SealChoice[]> {
  const { appId, etcOrgNo, orgName: companyName } = org;
  const chosen = await seals.chosenVariant(db, { appId, etcOrgNo, companyName });
  return SEAL_VARIANTS.filter((variant) => variant !== 'numbered' || org.socialCreditCode !== null).map((variant) => ({
    variant,
    isChosen: variant === chosen,
  }));
}

/** The company's certificate: issued now if it has none yet. */
async function certificateOf(
  { trust, db, log }: IdentityContext,
  { org }: MemberWithOrg,
): Promise<CertificateSummary | null> {
  try {
    const { certificate } = await trust.companySigner(db, {
      appId: org.appId,
      etcOrgNo: org.etcOrgNo,
      companyName: org.orgName,
      ...(org.socialCreditCode !== null && { socialCreditCode: org.socialCreditCode }),
    });
    const { subject, issuer, serialNumber, validFromDate, validToDate } = new X509Certificate(certificate);
    return { subject, issuer, serialNumber, notBefore: validFromDate, notAfter: validToDate };
  } catch (error) {
    // Another node issued one at this moment, or an operator must act: import one, plug the token in. The rest of the
    // page holds, and is read again anyway.
    if (!isDomainError(error)) throw error;
    log.warn({ err: error }, 'certificate not ready');
    return null;
  }
}

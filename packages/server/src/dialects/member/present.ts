import type { MemberFlow, MemberVerification } from '../../identity/index.ts';
import type { CompanyField, PaymentProgress, Step, TransferAnswer, VerificationAnswer } from './contract.ts';

/** The page's path of a seal's picture; the session in it makes a picture of another company impossible to mix in. */
function pictureUrl(session: string, variant: string): string {
  return `member/v1/seals/${encodeURIComponent(variant)}?session=${encodeURIComponent(session)}`;
}

/**
 * Where the member is: what is done decides, not what was clicked. A verified company has a seal from the start, so the
 * page itself goes from the seals on to the consent.
 */
export function stepOf({ verifiedAt, flow, silentSigningConsentedAt }: MemberVerification): Step {
  if (verifiedAt !== null) return silentSigningConsentedAt === null ? 'seal' : 'done';
  // A payment that was taken back reopens the flow without an account: the member asks for one again.
  return flow?.state === 'open' && flow.payTo !== null ? 'transfer' : 'company';
}

/** A payment that an operator looks at comes before one that failed: its member has nothing to do. */
export function progressOf(flow: MemberFlow): PaymentProgress {
  if (flow.process === 'ORGANFINISHED') return { kind: 'confirmed' };
  if (flow.inReviewSince !== null) return { kind: 'in_review', since: flow.inReviewSince.toISOString() };
  if (flow.process === 'UNAVAILABLE') return { kind: 'unavailable' };
  if (flow.process === 'PAY_FAILED' && flow.failure !== null) {
    const { reason, amountFen, payerName, at } = flow.failure;
    return { kind: 'failed', reason, amount: amountFen === null ? null : yuan(amountFen), payerName, at: iso(at) };
  }
  if (flow.process === 'UN_RECEIVED') {
    return { kind: 'not_found', askedAt: flow.bankAskedAt === null ? null : iso(flow.bankAskedAt) };
  }
  return { kind: 'waiting' };
}

function presentTransfer(flow: MemberFlow): TransferAnswer {
  const { flowId, expiresAt, payTo } = flow;
  return {
    flowId,
    expiresAt: iso(expiresAt),
    payTo:
      payTo === null
        ? null
        : {
            accountName: payTo.accountName,
            accountNo: payTo.accountNo,
            bankName: payTo.bankName,
            amount: yuan(payTo.amountFen),
          },
    progress: progressOf(flow),
  };
}

/**
 * The name is always the platform's. Before the first flow everything that is known comes from there; afterwards some of
 * it may be what the member typed, who must be able to mend a slip.
 */
function givenFields({ company, flow }: MemberVerification): CompanyField[] {
  if (flow !== null) return ['orgName'];
  return (['orgName', 'orgCode', 'legalRepName'] as const).filter((field) => company[field] !== null);
}

/** The holder's name out of a distinguished name as Node prints it, one attribute a line; the whole where there is none. */
export function commonName(name: string): string {
  return /^CN=(.+)$/m.exec(name)?.[1] ?? name;
}

export function presentVerification(view: MemberVerification, session: string): VerificationAnswer {
  const { appName, memberName, company, isBankAvailable, flow, verifiedAt, certificate } = view;
  const payment = flow?.payment ?? null;
  return {
    step: stepOf(view),
    appName,
    memberName,
    company: { orgName: company.orgName, orgCode: company.orgCode, legalRepName: company.legalRepName },
    givenFields: givenFields(view),
    isBankAvailable,
    hasExpired: verifiedAt === null && flow?.state === 'ended',
    transfer: flow === null || flow.state === 'ended' ? null : presentTransfer(flow),
    payment: payment === null ? null : { ...payment, tradedAt: iso(payment.tradedAt) },
    verifiedAt: verifiedAt === null ? null : iso(verifiedAt),
    seals: view.seals.map(({ variant, isChosen }) => ({ variant, isChosen, pictureUrl: pictureUrl(session, variant) })),
    silentSigningConsentedAt: view.silentSigningConsentedAt === null ? null : iso(view.silentSigningConsentedAt),
    certificate:
      certificate === null
        ? null
        : {
            subject: commonName(certificate.subject),
            issuer: commonName(certificate.issuer),
            serialNumber: certificate.serialNumber,
            notBefore: iso(certificate.notBefore),
            notAfter: iso(certificate.notAfter),
          },
  };
}

function iso(time: Date): string {
  return time.toISOString();
}

/** Fen as yuan: 1 → `0.01`. Whole numbers only, no float. */
export function yuan(fen: number): string {
  const sign = fen < 0 ? '-' : '';
  const digits = String(Math.abs(fen)).padStart(3, '0');
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

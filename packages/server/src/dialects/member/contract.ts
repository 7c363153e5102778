/**
 * JSON between the verification page and `/member/v1`. The page is built from these types too, so that the two cannot
 * drift apart. Times are ISO 8601 in UTC, amounts are yuan with two decimals.
 */

export const STEPS = ['company', 'transfer', 'seal', 'consent', 'done'] as const;
export type Step = (typeof STEPS)[number];

/** Sent with every call but the one that opens the session: two tabs with two companies must not mix. */
export const SESSION_HEADER = 'x-member-session';

export interface SessionAnswer {
  session: string;
}

export interface CompanyForm {
  orgName: string;
  orgCode: string;
  legalRepName: string;
}
export type CompanyField = keyof CompanyForm;

export type PaymentFailureReason =
  | 'wrong_amount'
  | 'wrong_payer'
  | 'personal_account'
  | 'reversed'
  | 'not_booked'
  | 'wrong_currency'
  | 'debit';

/** What the member has to know of the payment now. */
export type PaymentProgress =
  | { kind: 'unavailable' }
  | { kind: 'waiting' }
  | { kind: 'not_found'; askedAt: string | null }
  | { kind: 'failed'; reason: PaymentFailureReason; amount: string | null; payerName: string | null; at: string }
  | { kind: 'in_review'; since: string }
  | { kind: 'confirmed' };

export interface TransferAnswer {
  flowId: string;
  expiresAt: string;
  /** Null: nobody can pay now. */
  payTo: { accountName: string; accountNo: string; bankName: string; amount: string } | null;
  progress: PaymentProgress;
}

export interface SealAnswer {
  variant: string;
  /** Relative to the page. */
  pictureUrl: string;
  isChosen: boolean;
}

export interface VerificationAnswer {
  step: Step;
  appName: string;
  memberName: string;
  company: { orgName: string; orgCode: string | null; legalRepName: string | null };
  /** What the platform told and the member cannot change. */
  givenFields: CompanyField[];
  isBankAvailable: boolean;
  /** The flow before ended without a payment that counted: its receiving account is no longer good. */
  hasExpired: boolean;
  /** The flow under way, or the one that verified the company. */
  transfer: TransferAnswer | null;
  payment: { payerName: string; payerAccountNo: string | null; tradedAt: string; bizFlowNo: string } | null;
  verifiedAt: string | null;
  seals: SealAnswer[];
  silentSigningConsentedAt: string | null;
  certificate: { subject: string; issuer: string; serialNumber: string; notBefore: string; notAfter: string } | null;
}

export type MemberApiErrorCode =
  | 'session_missing'
  | 'session_replaced'
  | 'token_invalid'
  | 'token_expired'
  | 'member_gone'
  | 'invalid'
  | 'conflict'
  | 'flow_busy'
  | 'unavailable'
  | 'character_missing'
  | 'too_many_requests'
  | 'internal';

export type FieldProblem = 'required' | 'format' | 'check_digit' | 'mismatch' | 'spaces';

/** A refusal. `fields` stands with `invalid`: what is wrong with which field of the form. */
export interface ErrorAnswer {
  error: MemberApiErrorCode;
  message: string;
  fields?: Partial<Record<CompanyField, FieldProblem>>;
}

/** Whom a token or a session speaks for. */
export interface Member {
  appId: string;
  etcMemberNo: string;
}

/** What a member tells of the company; names as they stand on the business licence. */
export interface CompanyFactors {
  orgName: string;
  /** GB 32100-2015, 18 characters. */
  orgCode: string;
  legalRepName: string;
}

/** Why a payment did not count; a correct one to the same account may still follow. */
export type PaymentFailure =
  | 'wrong_amount'
  | 'wrong_payer'
  | 'personal_account'
  | 'reversed'
  | 'not_booked'
  | 'wrong_currency'
  | 'debit';

/** A verification's course as its member may see it. */
export interface MemberFlow {
  flowId: string;
  /** The processes of contracts/tsign-identity.md. */
  process: 'UNAVAILABLE' | 'INIT' | 'CREATED' | 'UN_RECEIVED' | 'PAY_FAILED' | 'ORGANFINISHED';
  /** `ended`: expired or cancelled; another one may be started. */
  state: 'open' | 'verified' | 'ended';
  expiresAt: Date;
  /** Where to pay; null before a receiving account was made. */
  payTo: { accountName: string; accountNo: string; bankName: string; amountFen: number } | null;
  /** The last payment that did not count. */
  failure: { reason: PaymentFailure; amountFen: number | null; payerName: string | null; at: Date } | null;
  /** A payment whose payer's name is nearly the company's waits for an operator since then. */
  inReviewSince: Date | null;
  /** When the bank was last asked and had nothing. */
  bankAskedAt: Date | null;
  /** The payment that verified the company. The account's number is masked. */
  payment: { payerName: string; payerAccountNo: string | null; tradedAt: Date; bizFlowNo: string } | null;
}

export interface SealChoice {
  /** Stable name of the design, such as `plain`. */
  variant: string;
  isChosen: boolean;
}

export interface CertificateSummary {
  subject: string;
  issuer: string;
  serialNumber: string;
  notBefore: Date;
  notAfter: Date;
}

/** Everything the page shows, read in one go. */
export interface MemberVerification {
  /** The platform that sent the member here. */
  appName: string;
  memberName: string;
  /** As far as it is known. */
  company: { orgName: string; orgCode: string | null; legalRepName: string | null };
  /** False: no bank channel is on, nobody can pay now. */
  isBankAvailable: boolean;
  flow: MemberFlow | null;
  /** Null while the company is not verified. */
  verifiedAt: Date | null;
  /** Two or three designs to choose from; empty while the company is not verified. */
  seals: readonly SealChoice[];
  silentSigningConsentedAt: Date | null;
  certificate: CertificateSummary | null;
}

/**
 * - `member_token_invalid`, `member_token_expired`: of `openToken`
 * - `member_not_found`: the member is gone
 * - `identity_invalid` {field: orgName|orgCode|legalRepName, reason: required|format|check_digit|mismatch|spaces}
 * - `already_verified`; `flow_open` the flow under way cannot be left; `not_verified` too early for a seal or consent
 * - `no_bank_channel`, `sub_accounts_exhausted`: nobody can pay now
 * - `seal_variant_unknown`, `seal_character_missing` {characters}
 */
export type MemberErrorCode =
  | 'member_token_invalid'
  | 'member_token_expired'
  | 'member_not_found'
  | 'identity_invalid'
  | 'already_verified'
  | 'flow_open'
  | 'not_verified'
  | 'no_bank_channel'
  | 'sub_accounts_exhausted'
  | 'seal_variant_unknown'
  | 'seal_character_missing';

/** What the page needs of identity. Each command answers nothing: the page reads the view anew. */
export interface MemberPort {
  /** The etc-token of gateway.getToken. @throws DomainError `member_token_invalid`, `member_token_expired` */
  openToken(token: string): Promise<Member>;
  memberView(member: Member): Promise<MemberVerification>;
  /** Compares the factors and makes the receiving account, so that the member can pay at once. */
  startForMember(command: Member & { company: CompanyFactors; actor: string }): Promise<void>;
  /** A design of the company's seal as a PNG, 600 pixels wide, on a transparent ground. */
  sealPicture(seal: Member & { variant: string }): Promise<Buffer>;
  chooseSeal(command: Member & { variant: string; actor: string }): Promise<void>;
  /** `textVersion` names the wording the member agreed to; it stands in the audit. */
  consentSilentSigning(command: Member & { textVersion: string; actor: string }): Promise<void>;
}

/** The words of company verification: commands, views and errors, as dialects and other capabilities use them. */

/** What a legal representative is known by (contracts/tsign-identity.md, legalRepCertType). */
export const LEGAL_REP_CERT_TYPES = [
  'INDIVIDUAL_CH_IDCARD',
  'INDIVIDUAL_CH_TWCARD',
  'INDIVIDUAL_CH_HONGKONG_MACAO',
  'INDIVIDUAL_PASSPORT',
] as const;
export type LegalRepCertType = (typeof LEGAL_REP_CERT_TYPES)[number];

/** The factors of a company as somebody tells them. */
export interface CompanyFactors {
  readonly orgName: string;
  /** Unified social credit code (GB 32100-2015, 18 characters) or a registration number of 15 digits. */
  readonly orgCode: string;
  readonly legalRepName: string;
}

/** The fourth factor: the legal representative's document. */
export interface LegalRepDocument {
  readonly idNo: string;
  readonly certType: LegalRepCertType;
}

export interface FlowKey {
  readonly appId: string;
  readonly flowId: string;
}

/** Starts a verification of a company that no account stands for. */
export interface StartOrganization {
  readonly appId: string;
  readonly company: CompanyFactors;
  readonly legalRep: LegalRepDocument | null;
  /** The agent's own verification, kept and told again; nothing is concluded from it. */
  readonly agentFlowId: string | null;
  readonly contextId: string | null;
  readonly notifyUrl: string | null;
  readonly actor: string;
}

/** Starts a verification of a company that is known by its number; `accountId` is an etc_org_no. */
export interface StartForAccount {
  readonly appId: string;
  readonly accountId: string;
  /** An etc_member_no of that company. */
  readonly agentAccountId: string;
  /** Three factors, or four with the legal representative's ID number that saveOrgAuthInfo kept. */
  readonly factors: 3 | 4;
  /** False: refuse a company that is verified already. */
  readonly repetition: boolean;
  readonly contextId: string | null;
  readonly notifyUrl: string | null;
  readonly actor: string;
}

/** Where a company pays its fen. */
export interface ReversePaymentOrder {
  readonly mainAccountName: string;
  readonly subAccountNo: string;
  readonly mainAccountBank: string;
  readonly paymentAmount: '0.01';
}

export type ReversePaymentProcess = 'UNAVAILABLE' | 'INIT' | 'CREATED' | 'UN_RECEIVED' | 'PAY_FAILED' | 'ORGANFINISHED';

export type LetterStatus = 'INIT' | 'ING' | 'FAIL' | 'TERMINATED' | 'SUCCESS';

/** Seed 001's answer: every key always there, strings or null, in the order of its sample. */
export interface ProcessView {
  readonly process: ReversePaymentProcess;
  readonly subAccount: string | null;
  readonly subAccountChannelName: string | null;
  readonly mainAccountName: string | null;
  readonly oppAccountNo: string | null;
  readonly oppAccountName: string | null;
  readonly oppBankName: string | null;
  /** Yuan; the four letters `null` while no payment was found. */
  readonly payAmount: string | null;
  /** yyyyMMddHHmmss, China time. */
  readonly tradeTime: string | null;
  /** Milliseconds since 1970. */
  readonly createTime: string | null;
  readonly modifyTime: string | null;
  readonly message: string | null;
  readonly bizFlowNo: string | null;
  readonly auditing: string | null;
  readonly authLetterAuditStatus: LetterStatus | null;
}

/** The account that a random amount is sent to. */
export interface TransferRandomAmount extends FlowKey {
  readonly bank: string;
  readonly province: string;
  readonly city: string;
  readonly subbranch: string;
  readonly cardNo: string;
  readonly cnapsCode: string;
  readonly contextId: string | null;
  readonly notifyUrl: string | null;
  readonly actor: string;
}

export type TransferProcess = 'INIT' | 'PAID' | 'PAID_FAILED' | 'PAID_SUCCESS' | 'ORGANFINISHED';

export interface TransferProcessView {
  readonly process: TransferProcess;
  readonly message: string | null;
  /** Masked. */
  readonly cardNo: string | null;
  readonly subbranch: string | null;
  readonly bankName: string | null;
  readonly cnapsCode: string | null;
  readonly province: string | null;
  readonly city: string | null;
  /** Minutes to wait before another transfer may be asked for: none. */
  readonly remain: number;
  /** How often a transfer may still be asked for. */
  readonly remainTimes: number;
  readonly bizFlowNo: string | null;
}

export interface Subbranch {
  readonly bankName: string;
  readonly bank: string;
  readonly cnapsCode: string;
  readonly city: string;
  readonly province: string;
}

/** INIT: nothing was begun beyond the factors; ING: a payment or transfer is on. */
export type FlowStatus = 'INIT' | 'ING' | 'SUCCESS' | 'FAIL';

export type AuthType =
  | 'ORGANIZATION_INFO_AUTH'
  | 'ORGANIZATION_REVERSE_PAYMENT'
  | 'ORGANIZATION_TRANSFER_RANDOM_AMOUNT';

export interface DetailView {
  readonly flowId: string;
  readonly status: FlowStatus;
  readonly objectType: 'ORGANIZATION';
  readonly authType: AuthType | null;
  /** Milliseconds since 1970. */
  readonly startTime: number;
  readonly endTime: number | null;
  readonly failReason: string | null;
  readonly organInfo: {
    readonly accountId: string | null;
    readonly name: string;
    readonly certNo: string;
    readonly certType: 'ORGANIZATION_USC_CODE' | 'ORGANIZATION_REG_CODE';
    readonly legalRepName: string;
    readonly legalRepNationality: string | null;
    /** Masked. */
    readonly legalRepCertNo: string | null;
    readonly legalRepCertType: LegalRepCertType | null;
  };
  readonly indivInfo: {
    readonly accountId: string;
    readonly name: string;
    readonly certNo: null;
    readonly certType: null;
    readonly nationality: null;
    readonly mobileNo: null;
    readonly bankCardNo: null;
    readonly facePhotoUrl: null;
  } | null;
}

export interface OutlineView {
  readonly flowId: string;
  readonly flowStatus: FlowStatus;
  readonly objectType: 'ORGANIZATION';
  readonly contextId: string | null;
  readonly failReason: string | null;
  readonly createTime: number;
  readonly modifyTime: number;
  readonly subFlows: readonly {
    readonly subFlowId: string;
    readonly subFlowType: AuthType;
    readonly status: FlowStatus;
  }[];
  readonly relatedFlows: readonly {
    readonly flowId: string;
    readonly flowStatus: FlowStatus | null;
    readonly objectType: 'INDIVIDUAL';
  }[];
}

/** A comparison that answers and does not begin a flow (esign.verify.*). */
export interface Comparison {
  readonly result: boolean;
  /** For a person, in Chinese. */
  readonly message: string;
}

export interface CompareOrganization {
  readonly orgName: string;
  readonly orgCode: string;
  readonly legalRepName: string | null;
  readonly legalRepIdNo: string | null;
}

export interface ComparePerson {
  readonly name: string;
  readonly idNumber: string;
  readonly mobile: string | null;
}

/** What partner.org.saveOrgAuthInfo tells of a company before its member comes to the page. */
export interface SaveOrgAuthInfo {
  readonly appId: string;
  readonly etcOrgNo: string;
  readonly company: CompanyFactors;
  readonly legalRepIdNo: string;
  readonly legalRepMobile: string;
  /** The rest as it was told: dates, address, pictures. Sealed. */
  readonly further: Readonly<Record<string, unknown>>;
  readonly actor: string;
}

/** Why a payment did not count; a correct one to the same account may still follow. */
export const PAYMENT_FAILURES = [
  'wrong_amount',
  'wrong_payer',
  'personal_account',
  'reversed',
  'not_booked',
  'wrong_currency',
  'debit',
] as const;
export type PaymentFailure = (typeof PAYMENT_FAILURES)[number];

export interface MemberKey {
  readonly appId: string;
  readonly etcMemberNo: string;
}

/** A verification's course as its member may see it. */
export interface MemberFlow {
  readonly flowId: string;
  readonly process: ReversePaymentProcess;
  /** `ended`: expired or cancelled; another one may be started. */
  readonly state: 'open' | 'verified' | 'ended';
  readonly expiresAt: Date;
  /** Where to pay; null before a receiving account was made. */
  readonly payTo: { accountName: string; accountNo: string; bankName: string; amountFen: number } | null;
  /** The last payment that did not count. */
  readonly failure: { reason: PaymentFailure; amountFen: number | null; payerName: string | null; at: Date } | null;
  /** A payment whose payer's name is nearly the company's waits for an operator since then. */
  readonly inReviewSince: Date | null;
  /** When the bank was last asked and had nothing. */
  readonly bankAskedAt: Date | null;
  /** The payment that verified the company. The account's number is masked. */
  readonly payment: { payerName: string; payerAccountNo: string | null; tradedAt: Date; bizFlowNo: string } | null;
}

export interface SealChoice {
  /** Stable name of the design, such as `plain`. */
  readonly variant: string;
  readonly isChosen: boolean;
}

export interface CertificateSummary {
  readonly subject: string;
  readonly issuer: string;
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** Everything the member's page shows, read in one go. */
export interface MemberVerification {
  readonly appName: string;
  readonly memberName: string;
  readonly company: { orgName: string; orgCode: string | null; legalRepName: string | null };
  /** False: no bank channel is on, nobody can pay now. */
  readonly isBankAvailable: boolean;
  readonly flow: MemberFlow | null;
  /** Null while the company is not verified. */
  readonly verifiedAt: Date | null;
  /** Empty while the company is not verified. */
  readonly seals: readonly SealChoice[];
  readonly silentSigningConsentedAt: Date | null;
  readonly certificate: CertificateSummary | null;
}

/** `open` until one of the others, which are final but for a reversal: it opens a verified flow again. */
export type VerificationState = 'open' | 'verified' | 'expired' | 'cancelled' | 'failed';

/** A verification as an operator sees it; numbers and a person who paid are masked unless they were revealed. */
export interface VerificationSummary {
  readonly appId: string;
  readonly flowId: string;
  readonly state: VerificationState;
  readonly process: ReversePaymentProcess;
  readonly companyName: string;
  readonly orgCode: string;
  readonly etcOrgNo: string | null;
  readonly etcMemberNo: string | null;
  readonly letterStatus: LetterStatus | null;
  readonly createdAt: Date;
  readonly modifiedAt: Date;
  readonly expiresAt: Date;
}

export interface VerificationRecord extends VerificationSummary {
  readonly origin: 'tsign' | 'etc';
  readonly legalRepName: string;
  readonly legalRepIdNo: string | null;
  readonly subAccount: string | null;
  readonly payerName: string | null;
  readonly payerAccountNo: string | null;
  readonly payAmount: string | null;
  readonly bizFlowNo: string | null;
  readonly failure: string | null;
  readonly endReason: string | null;
  readonly letterOpinion: string | null;
  readonly transfer: {
    readonly state: TransferProcess;
    readonly bank: string;
    readonly subbranch: string;
    readonly cnapsCode: string;
    readonly cardNo: string;
    /** Shown on a reveal alone: who knows it can pass the check. */
    readonly amount: string | null;
    readonly bizFlowNo: string | null;
  } | null;
}

/**
 * - `verification_not_found`, `verification_ended`, `verification_expired` {flowId}
 * - `identity_invalid` {field, reason: required|format|check_digit|mismatch|spaces}
 * - `factor_source_failed` {id}: the log line with this id tells why
 * - `already_verified`; `account_not_found` {accountId}; `account_incomplete` {accountId, field}
 * - `no_bank_channel`, `sub_accounts_exhausted`: nobody can pay now
 * - `letter_file_not_found` {fileId}; `letter_not_waiting` {flowId}
 * - `transfer_limit_reached`; `transfer_missing`: no transfer to check, or it failed
 * - `random_amount_wrong` {remaining}, `random_amount_misses_exhausted`, `random_amount_expired`
 * - `member_token_invalid`, `member_token_expired`, `member_not_found`, `org_not_found`
 * - `flow_open` the flow under way cannot be left; `not_verified` too early for a seal or consent
 * - `seal_variant_unknown`, `seal_character_missing` {characters}; `notify_url_invalid`
 * - `register_invalid` {line, reason}
 */
export type IdentityErrorCode =
  | 'verification_not_found'
  | 'verification_ended'
  | 'verification_expired'
  | 'identity_invalid'
  | 'factor_source_failed'
  | 'already_verified'
  | 'account_not_found'
  | 'account_incomplete'
  | 'no_bank_channel'
  | 'sub_accounts_exhausted'
  | 'letter_file_not_found'
  | 'letter_not_waiting'
  | 'transfer_limit_reached'
  | 'transfer_missing'
  | 'random_amount_wrong'
  | 'random_amount_misses_exhausted'
  | 'random_amount_expired'
  | 'member_token_invalid'
  | 'member_token_expired'
  | 'member_not_found'
  | 'org_not_found'
  | 'flow_open'
  | 'not_verified'
  | 'seal_variant_unknown'
  | 'seal_character_missing'
  | 'notify_url_invalid'
  | 'register_invalid';

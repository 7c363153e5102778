import type { Executor, Transaction } from '../platform/database/index.ts';

/** 01 company, 02 store, 03 city (contracts/etc-gateway.md, partner.org.create). */
export const ORG_TYPES = ['01', '02', '03'] as const;
type OrgType = (typeof ORG_TYPES)[number];

/** 01 … 06 (contracts/etc-gateway.md, partner.member.create). */
export const MEMBER_ROLES = ['01', '02', '03', '04', '05', '06'] as const;
type RoleType = (typeof MEMBER_ROLES)[number];

/** 01 verified, 02 not. */
type OrgAuthStatus = '01' | '02';

/** What the caller tells of a company beyond its name; every field may be absent. Kept as told. */
interface OrgDetails {
  readonly parentBizOrgNo?: string | undefined;
  readonly address?: string | undefined;
  readonly contactName?: string | undefined;
  readonly contactMobile?: string | undefined;
  readonly contactEmail?: string | undefined;
  readonly provName?: string | undefined;
  readonly provCode?: string | undefined;
  readonly cityName?: string | undefined;
  readonly cityCode?: string | undefined;
  readonly legalMobile?: string | undefined;
  readonly bizOrgBusinessNo?: string | undefined;
  readonly etcOrgLabelNo?: string | undefined;
  /** GB 32100-2015, 18 characters. */
  readonly socialCreditCode?: string | undefined;
  readonly legalPerson?: string | undefined;
}

export interface CreateOrgInput {
  readonly appId: string;
  /** The caller's own number, unique within the app. */
  readonly bizOrgNo: string;
  readonly orgType: OrgType;
  readonly orgName: string;
  readonly details: OrgDetails;
  /** Who does it, for the audit. */
  readonly actor: string;
}

export interface Org {
  readonly appId: string;
  /** 32 lower-case hex digits. */
  readonly etcOrgNo: string;
  readonly bizOrgNo: string;
  readonly orgType: OrgType;
  readonly orgName: string;
  readonly parentBizOrgNo: string | null;
  readonly socialCreditCode: string | null;
  readonly legalPerson: string | null;
  /** When it was verified or vouched for; null while it is not. */
  readonly verifiedAt: Date | null;
  /** When it agreed to be signed for without a person; an operator who vouches for it vouches for this too. */
  readonly silentSigningAt: Date | null;
  readonly createdAt: Date;
}

export interface CreateMemberInput {
  readonly appId: string;
  readonly etcOrgNo: string;
  /** The caller's own number, unique within the company. */
  readonly bizMemberNo: string;
  readonly memberName: string;
  readonly mobile?: string | undefined;
  readonly roleType?: RoleType | undefined;
  readonly actor: string;
}

/** A member. Its mobile stays in the vault and is not part of this. */
export interface Member {
  readonly appId: string;
  readonly etcMemberNo: string;
  readonly etcOrgNo: string;
  readonly bizMemberNo: string;
  readonly memberName: string;
  readonly roleType: RoleType | null;
  readonly createdAt: Date;
}

/** A change of a company that another capability decided; `detail` goes into the audit. */
export interface OrgChange {
  readonly appId: string;
  readonly etcOrgNo: string;
  readonly actor: string;
  readonly detail: Record<string, unknown>;
}

export interface VerificationProof extends OrgChange {
  readonly socialCreditCode: string | null;
  readonly legalPerson: string | null;
}

export interface MemberWithOrg {
  readonly member: Member;
  readonly org: Org;
}

/**
 * - `org_not_found` {etcOrgNo}; `parent_org_not_found` {parentBizOrgNo}
 * - `org_conflict` {bizOrgNo}, `member_conflict` {bizMemberNo}: the number exists with other data
 * - `party_invalid` {field, expected}
 */
export type PartyErrorCode =
  | 'org_not_found'
  | 'parent_org_not_found'
  | 'org_conflict'
  | 'member_conflict'
  | 'party_invalid';

export interface Parties {
  /** Repeating a bizOrgNo with the same data returns the first company; with other data it throws `org_conflict`. */
  createOrg(input: CreateOrgInput): Promise<Org>;
  /** Repeating a bizMemberNo within the company behaves as createOrg does, with `member_conflict`. */
  createMember(input: CreateMemberInput): Promise<Member>;
  /** Throws `org_not_found`, which is also the answer for another app's company. */
  orgAuthStatus(appId: string, etcOrgNo: string): Promise<OrgAuthStatus>;
  /** An operator vouches for the company; audited with the reason. Repeating it changes nothing. */
  verifyOrg(change: { appId?: string; etcOrgNo: string; reason: string; actor: string }): Promise<Org>;
  /**
   * The company proved itself in another capability; audited with `detail`. True where it was not verified before: then
   * what it proved fills in a code and a legal person that nobody told.
   */
  markVerified(tx: Transaction, proof: VerificationProof): Promise<boolean>;
  /** Takes a verification back, and the consent to silent signing with it; audited. False where there was none. */
  withdrawVerification(tx: Transaction, change: OrgChange): Promise<boolean>;
  /** The company agrees to be signed for without a person; audited. False where it had agreed before. */
  consentSilentSigning(tx: Transaction, change: OrgChange): Promise<boolean>;
  listOrgs(filter?: { appId?: string }): Promise<readonly Org[]>;
  showOrg(etcOrgNo: string, appId?: string): Promise<Org | undefined>;
  findOrg(executor: Executor, appId: string, etcOrgNo: string): Promise<Org | undefined>;
  findMember(executor: Executor, appId: string, etcMemberNo: string): Promise<MemberWithOrg | undefined>;
  /** Members of a company who can be written to, or the one of them that is named; the first of them first, `rowsMax` at most. */
  reachableMembers(
    executor: Executor,
    filter: { appId: string; etcOrgNo: string; etcMemberNo: string | null; rowsMax: number },
  ): Promise<Member[]>;
  /** The member's mobile, to write to them; null where none was told. */
  memberMobile(executor: Executor, appId: string, etcMemberNo: string): Promise<string | null>;
}

import { sql } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import type { Member, MemberWithOrg, Org } from './party.ts';

const ORG_COLUMNS = sql`
  org.app_id as "appId", org.etc_org_no as "etcOrgNo", org.biz_org_no as "bizOrgNo", org.org_type as "orgType",
  org.org_name as "orgName", org.parent_biz_org_no as "parentBizOrgNo", org.social_credit_code as "socialCreditCode",
  org.legal_person as "legalPerson", org.verified_at as "verifiedAt",
  org.silent_signing_at as "silentSigningAt", org.created_at as "createdAt"`;

const MEMBER_COLUMNS = sql`
  app_id as "appId", etc_member_no as "etcMemberNo", etc_org_no as "etcOrgNo", biz_member_no as "bizMemberNo",
  member_name as "memberName", role_type as "roleType", created_at as "createdAt"`;

/** Adds the company unless the app has one of this biz_org_no. */
export async function insertOrg(
  executor: Executor,
  org: Org,
  told: { detailsSealed: Buffer; hash: Buffer },
): Promise<boolean> {
  const { rows } = await sql`
    insert into org (app_id, etc_org_no, biz_org_no, org_type, org_name, parent_biz_org_no, social_credit_code,
                     legal_person, details_sealed, told_hash, verified_at, created_at)
    values (${org.appId}, ${org.etcOrgNo}, ${org.bizOrgNo}, ${org.orgType}, ${org.orgName}, ${org.parentBizOrgNo},
            ${org.socialCreditCode}, ${org.legalPerson}, ${told.detailsSealed}, ${told.hash}, ${org.verifiedAt},
            ${org.createdAt})
    on conflict (app_id, biz_org_no) do nothing
    returning etc_org_no
  `.execute(executor);
  return rows.length > 0;
}

export async function findOrgByBizNo(
  executor: Executor,
  appId: string,
  bizOrgNo: string,
): Promise<{ org: Org; toldHash: Buffer } | undefined> {
  const { rows } = await sql<Org & { toldHash: Buffer }>`
    select ${ORG_COLUMNS}, org.told_hash as "toldHash" from org where app_id = ${appId} and biz_org_no = ${bizOrgNo}
  `.execute(executor);
  if (rows[0] === undefined) return undefined;
  const { toldHash, ...org } = rows[0];
  return { org, toldHash };
}

export async function findOrg(executor: Executor, appId: string, etcOrgNo: string): Promise<Org | undefined> {
  const { rows } = await sql<Org>`
    select ${ORG_COLUMNS} from org where app_id = ${appId} and etc_org_no = ${etcOrgNo}
  `.execute(executor);
  return rows[0];
}

/** For operators, who name a company without its app; its number is 128 random bits. */
export async function findOrgOfAnyApp(executor: Executor, etcOrgNo: string): Promise<Org | undefined> {
  const { rows } = await sql<Org>`select ${ORG_COLUMNS} from org where etc_org_no = ${etcOrgNo}`.execute(executor);
  return rows[0];
}

export async function listOrgs(executor: Executor, appId: string | undefined): Promise<readonly Org[]> {
  const { rows } = await sql<Org>`
    select ${ORG_COLUMNS} from org
    where ${appId ?? null}::text is null or app_id = ${appId ?? null}
    order by created_at, etc_org_no
  `.execute(executor);
  return rows;
}

/** An operator vouches: verified and consenting from now on where it was not; undefined where nothing changes. */
export async function vouchFor(
  executor: Executor,
  company: { appId: string; etcOrgNo: string; at: Date },
): Promise<Org | undefined> {
  const { rows } = await sql<Org>`
    update org set verified_at = coalesce(verified_at, ${company.at}),
                   silent_signing_at = coalesce(silent_signing_at, ${company.at})
    where app_id = ${company.appId} and etc_org_no = ${company.etcOrgNo}
      and (verified_at is null or silent_signing_at is null)
    returning ${ORG_COLUMNS}
  `.execute(executor);
  return rows[0];
}

/** Marks a company verified and fills in what nobody told; undefined where it is so already, or is not there. */
export async function markVerified(
  executor: Executor,
  company: { appId: string; etcOrgNo: string; socialCreditCode: string | null; legalPerson: string | null; at: Date },
): Promise<Org | undefined> {
  const { rows } = await sql<Org>`
    update org set verified_at = ${company.at},
                   social_credit_code = coalesce(social_credit_code, ${company.socialCreditCode}),
                   legal_person = coalesce(legal_person, ${company.legalPerson})
    where app_id = ${company.appId} and etc_org_no = ${company.etcOrgNo} and verified_at is null
    returning ${ORG_COLUMNS}
  `.execute(executor);
  return rows[0];
}

/** Undefined where the company is not verified, or is not there. */
export async function withdrawVerification(
  executor: Executor,
  company: { appId: string; etcOrgNo: string },
): Promise<Org | undefined> {
  const { rows } = await sql<Org>`
    update org set verified_at = null, silent_signing_at = null
    where app_id = ${company.appId} and etc_org_no = ${company.etcOrgNo} and verified_at is not null
    returning ${ORG_COLUMNS}
  `.execute(executor);
  return rows[0];
}

/** Undefined where the company had agreed before, or is not verified, or is not there. */
export async function consentSilentSigning(
  executor: Executor,
  company: { appId: string; etcOrgNo: string; at: Date },
): Promise<Org | undefined> {
  const { rows } = await sql<Org>`
    update org set silent_signing_at = ${company.at}
    where app_id = ${company.appId} and etc_org_no = ${company.etcOrgNo}
      and verified_at is not null and silent_signing_at is null
    returning ${ORG_COLUMNS}
  `.execute(executor);
  return rows[0];
}

/** Adds the member unless the company has one of this biz_member_no. */
export async function insertMember(
  executor: Executor,
  member: Member,
  told: { mobileSealed: Buffer | null; hash: Buffer },
): Promise<boolean> {
  const { rows } = await sql`
    insert into member (app_id, etc_member_no, etc_org_no, biz_member_no, member_name, mobile_sealed, role_type,
                        told_hash, created_at)
    values (${member.appId}, ${member.etcMemberNo}, ${member.etcOrgNo}, ${member.bizMemberNo}, ${member.memberName},
            ${told.mobileSealed}, ${member.roleType}, ${told.hash}, ${member.createdAt})
    on conflict (app_id, etc_org_no, biz_member_no) do nothing
    returning etc_member_no
  `.execute(executor);
  return rows.length > 0;
}

export async function findMemberByBizNo(
  executor: Executor,
  place: { appId: string; etcOrgNo: string; bizMemberNo: string },
): Promise<{ member: Member; toldHash: Buffer } | undefined> {
  const { rows } = await sql<Member & { toldHash: Buffer }>`
    select ${MEMBER_COLUMNS}, told_hash as "toldHash" from member
    where app_id = ${place.appId} and etc_org_no = ${place.etcOrgNo} and biz_member_no = ${place.bizMemberNo}
  `.execute(executor);
  if (rows[0] === undefined) return undefined;
  const { toldHash, ...member } = rows[0];
  return { member, toldHash };
}

/** Members of a company whose mobile was told. */
export async function reachableMembers(
  executor: Executor,
  {
    appId,
    etcOrgNo,
    etcMemberNo,
    rowsMax,
  }: { appId: string; etcOrgNo: string; etcMemberNo: string | null; rowsMax: number },
): Promise<Member[]> {
  const { rows } = await sql<Member>`
    select ${MEMBER_COLUMNS} from member
    where app_id = ${appId} and etc_org_no = ${etcOrgNo} and mobile_sealed is not null
      and (${etcMemberNo}::text is null or etc_member_no = ${etcMemberNo})
    order by created_at, etc_member_no
    limit ${rowsMax}
  `.execute(executor);
  return rows;
}

/** The member's mobile as the vault sealed it; null where none was told. */
export async function findMemberMobile(executor: Executor, appId: string, etcMemberNo: string): Promise<Buffer | null> {
  const { rows } = await sql<{ sealed: Buffer | null }>`
    select mobile_sealed as sealed from member where app_id = ${appId} and etc_member_no = ${etcMemberNo}
  `.execute(executor);
  return rows[0]?.sealed ?? null;
}

export async function findMember(
  executor: Executor,
  appId: string,
  etcMemberNo: string,
): Promise<MemberWithOrg | undefined> {
  const { rows: members } = await sql<Member>`
    select ${MEMBER_COLUMNS} from member where app_id = ${appId} and etc_member_no = ${etcMemberNo}
  `.execute(executor);
  const member = members[0];
  if (member === undefined) return undefined;
  const org = await findOrg(executor, appId, member.etcOrgNo);
  return org === undefined ? undefined : { member, org };
}

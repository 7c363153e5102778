import { createHmac } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import type { Vault } from '../platform/vault.ts';
import type { CreateMemberInput, CreateOrgInput, Member, Org, Parties, PartyErrorCode } from './party.ts';
import { isSocialCreditCode } from './social-credit-code.ts';
import * as store from './store.ts';

interface PartiesDependencies {
  readonly db: Database;
  readonly vault: Vault;
  readonly clock: Clock;
}

const REASON_CHARACTERS_MAX = 200;

const refused = (code: PartyErrorCode, params: Record<string, string>): DomainError<PartyErrorCode> =>
  new DomainError(code, params);

/** Companies and members on PostgreSQL. Every change and its audit row are one transaction. */
export function createParties(dependencies: PartiesDependencies): Parties {
  const { db, vault, clock } = dependencies;
  const hashKey = vault.deriveKey('party_told_hash');
  /** Tells whether a repeat says the same, without keeping in the clear what was said. */
  const toldHash = (told: unknown): Buffer =>
    createHmac('sha256', hashKey).update(JSON.stringify(told), 'utf8').digest();
  const seal = (context: string, text: string): Buffer => vault.seal(Buffer.from(text, 'utf8'), context);

  return {
    async createOrg(input) {
      const org = newOrg(input, clock.now());
      const details = JSON.stringify(input.details);
      const told = {
        detailsSealed: seal(`org:${org.etcOrgNo}:details`, details),
        hash: toldHash([org.orgType, org.orgName, sortedEntries(input.details)]),
      };
      return db.transaction().execute(async (tx) => {
        const { appId, bizOrgNo, parentBizOrgNo } = org;
        if (parentBizOrgNo !== null && (await store.findOrgByBizNo(tx, appId, parentBizOrgNo)) === undefined) {
          throw refused('parent_org_not_found', { parentBizOrgNo });
        }
        if (!(await store.insertOrg(tx, org, told))) {
          const first = await store.findOrgByBizNo(tx, appId, bizOrgNo);
          if (first?.toldHash.equals(told.hash) !== true) throw refused('org_conflict', { bizOrgNo });
          return first.org;
        }
        await appendAudit(tx, {
          appId,
          actor: input.actor,
          action: 'org.create',
          subject: `org:${org.etcOrgNo}`,
          detail: { bizOrgNo, orgType: org.orgType, orgName: org.orgName, socialCreditCode: org.socialCreditCode },
          at: org.createdAt,
        });
        return org;
      });
    },

    async createMember(input) {
      const member = newMember(input, clock.now());
      const { appId, etcOrgNo, bizMemberNo, etcMemberNo, roleType } = member;
      const told = {
        mobileSealed: input.mobile === undefined ? null : seal(`member:${etcMemberNo}:mobile`, input.mobile),
        hash: toldHash([member.memberName, input.mobile ?? null, roleType]),
      };
      return db.transaction().execute(async (tx) => {
        if ((await store.findOrg(tx, appId, etcOrgNo)) === undefined) throw refused('org_not_found', { etcOrgNo });
        if (!(await store.insertMember(tx, member, told))) {
          const first = await store.findMemberByBizNo(tx, { appId, etcOrgNo, bizMemberNo });
          if (first?.toldHash.equals(told.hash) !== true) throw refused('member_conflict', { bizMemberNo });
          return first.member;
        }
        await appendAudit(tx, {
          appId,
          actor: input.actor,
          action: 'member.create',
          subject: `member:${etcMemberNo}`,
          detail: { etcOrgNo, bizMemberNo, roleType },
          at: member.createdAt,
        });
        return member;
      });
    },

    async orgAuthStatus(appId, etcOrgNo) {
      const org = await store.findOrg(db, appId, etcOrgNo);
      if (org === undefined) throw refused('org_not_found', { etcOrgNo });
      return org.verifiedAt === null ? '02' : '01';
    },

    async verifyOrg({ appId, etcOrgNo, reason, actor }) {
      const why = reason.trim();
      if (why === '' || Array.from(why).length > REASON_CHARACTERS_MAX) {
        throw refused('party_invalid', { field: 'reason', expected: `1 to ${REASON_CHARACTERS_MAX} characters` });
      }
      return db.transaction().execute(async (tx) => {
        const org =
          appId === undefined ? await store.findOrgOfAnyApp(tx, etcOrgNo) : await store.findOrg(tx, appId, etcOrgNo);
        if (org === undefined) throw refused('org_not_found', { etcOrgNo });
        const at = clock.now();
        const verified = await store.vouchFor(tx, { appId: org.appId, etcOrgNo, at });
        // Verified before, perhaps by another operator at this moment: that record stands.
        if (verified === undefined) return (await store.findOrg(tx, org.appId, etcOrgNo)) ?? org;
        await appendAudit(tx, {
          appId: org.appId,
          actor,
          action: 'org.verify',
          subject: `org:${etcOrgNo}`,
          detail: { reason: why, orgName: org.orgName },
          at,
        });
        return verified;
      });
    },

    async markVerified(tx, { appId, etcOrgNo, socialCreditCode, legalPerson, actor, detail }) {
      const at = clock.now();
      const org = await store.markVerified(tx, { appId, etcOrgNo, socialCreditCode, legalPerson, at });
      if (org === undefined) return false;
      await appendAudit(tx, { appId, actor, action: 'org.verify', subject: `org:${etcOrgNo}`, detail, at });
      return true;
    },

    async withdrawVerification(tx, { appId, etcOrgNo, actor, detail }) {
      const org = await store.withdrawVerification(tx, { appId, etcOrgNo });
      if (org === undefined) return false;
      const entry = { appId, actor, action: 'org.withdraw_verification', subject: `org:${etcOrgNo}`, detail };
      await appendAudit(tx, { ...entry, at: clock.now() });
      return true;
    },

    async consentSilentSigning(tx, { appId, etcOrgNo, actor, detail }) {
      const at = clock.now();
      const org = await store.consentSilentSigning(tx, { appId, etcOrgNo, at });
      if (org === undefined) return false;
      const entry = { appId, actor, action: 'org.consent_silent_signing', subject: `org:${etcOrgNo}`, detail };
      await appendAudit(tx, { ...entry, at });
      return true;
    },

    listOrgs: async (filter = {}) => store.listOrgs(db, filter.appId),
    showOrg: async (etcOrgNo, appId) =>
      appId === undefined ? store.findOrgOfAnyApp(db, etcOrgNo) : store.findOrg(db, appId, etcOrgNo),
    findOrg: store.findOrg,
    findMember: store.findMember,
    reachableMembers: store.reachableMembers,
    async memberMobile(executor, appId, etcMemberNo) {
      const sealed = await store.findMemberMobile(executor, appId, etcMemberNo);
      return sealed === null ? null : vault.open(sealed, `member:${etcMemberNo}:mobile`).toString('utf8');
    },
  };
}

function newOrg(input: CreateOrgInput, createdAt: Date): Org {
  const { parentBizOrgNo = null, socialCreditCode = null, legalPerson = null } = input.details;
  if (socialCreditCode !== null && !isSocialCreditCode(socialCreditCode)) {
    throw refused('party_invalid', { field: 'social_credit_code', expected: '校验位正确的18位统一社会信用代码' });
  }
  const { appId, bizOrgNo, orgType, orgName } = input;
  const given = { appId, bizOrgNo, orgType, orgName, parentBizOrgNo, socialCreditCode, legalPerson };
  return { ...given, etcOrgNo: hexId(), verifiedAt: null, silentSigningAt: null, createdAt };
}

function newMember(input: CreateMemberInput, createdAt: Date): Member {
  const { appId, etcOrgNo, bizMemberNo, memberName, roleType = null } = input;
  return { appId, etcOrgNo, bizMemberNo, memberName, roleType, etcMemberNo: hexId(), createdAt };
}

/** What was told, in an order that does not depend on the teller; what was not told is left out. */
function sortedEntries(details: object): [string, unknown][] {
  return Object.entries(details)
    .filter(([, value]) => value !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** Companies and their members. This file is the capability's whole public face. */
export type {
  CreateMemberInput,
  CreateOrgInput,
  Member,
  MemberWithOrg,
  Org,
  OrgAuthStatus,
  OrgDetails,
  OrgType,
  Parties,
  PartyErrorCode,
  RoleType,
} from './party.ts';
export { MEMBER_ROLES, ORG_TYPES } from './party.ts';
export { isSocialCreditCode } from './social-credit-code.ts';
export { createParties } from './commands.ts';
export type { PartiesDependencies } from './commands.ts';

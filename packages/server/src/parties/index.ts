/** Companies and their members. This file is the capability's whole public face. */
export type { MemberWithOrg, Org, Parties, PartyErrorCode } from './party.ts';
export { MEMBER_ROLES, ORG_TYPES } from './party.ts';
export { isSocialCreditCode, socialCreditCheckCharacter } from './social-credit-code.ts';
export { createParties } from './commands.ts';

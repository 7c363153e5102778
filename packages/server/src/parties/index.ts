/** Companies and their members. This file is the capability's whole public face. */
export type { Org, Parties, PartyErrorCode } from './party.ts';
export { MEMBER_ROLES, ORG_TYPES } from './party.ts';
export { createParties } from './commands.ts';

export { registerMemberApi, type MemberApiDependencies } from './api-routes.ts';
export { SESSION_HEADER } from './contract.ts';
export type { SessionAnswer, VerificationAnswer } from './contract.ts';

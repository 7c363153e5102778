import type { FastifyInstance } from 'fastify';
import { registerMemberApi, type MemberApiDependencies } from './api-routes.ts';
import { registerPageRoutes, type PageDependencies } from './page-routes.ts';

export { SESSION_HEADER } from './contract.ts';
export type { SessionAnswer, VerificationAnswer } from './contract.ts';

export type MemberPageDependencies = MemberApiDependencies & PageDependencies;

/** The member's own verification page: `/verify` with its assets, and `/member/v1`, which it alone calls. */
export function registerMemberRoutes(server: FastifyInstance, dependencies: MemberPageDependencies): void {
  registerPageRoutes(server, dependencies);
  registerMemberApi(server, dependencies);
}

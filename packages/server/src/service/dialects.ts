import type { FastifyInstance } from 'fastify';
import { registerAdminRoutes, type AdminDependencies } from '../dialects/admin/index.ts';
import { registerBankNoticeRoute, type BankNoticeDependencies } from '../dialects/bank/index.ts';
import {
  registerCallbackRoutes,
  registerGatewayRoutes,
  registerSubscriptionRoutes,
  type CallbackDependencies,
  type GatewayDependencies,
  type SubscriptionDependencies,
} from '../dialects/etc/index.ts';
import { registerFileRoutes, type FileRouteDependencies } from '../dialects/files/index.ts';
import { registerMemberApi, type MemberApiDependencies } from '../dialects/member/index.ts';
import { registerPageRoutes, type PageDependencies } from '../dialects/pages/index.ts';
import { registerPkiRoutes, type PkiDependencies } from '../dialects/pki/index.ts';
import { registerTimestampRoute, type TimestampRouteDependencies } from '../dialects/tsa/index.ts';
import { identityRoutes, registerTsignRoutes, type TsignDependencies } from '../dialects/tsign/index.ts';
import type { Identity } from '../identity/index.ts';
import { registerProbes, type ProbeDependencies } from '../http/probes.ts';

/** What the routes of the service are made of, dialect by dialect. */
export interface Dialects {
  probes: ProbeDependencies;
  gateway: GatewayDependencies;
  callback: CallbackDependencies;
  subscription: SubscriptionDependencies;
  bankNotice: BankNoticeDependencies;
  files: FileRouteDependencies;
  admin: AdminDependencies;
  member: MemberApiDependencies;
  pages: PageDependencies;
  pki: PkiDependencies;
  tsa: TimestampRouteDependencies;
  tsign: Omit<TsignDependencies, 'routes'> & { identity: Identity };
}

/** Every route of the service. */
export function registerDialects(server: FastifyInstance, dialects: Dialects): void {
  registerProbes(server, dialects.probes);
  registerGatewayRoutes(server, dialects.gateway);
  registerCallbackRoutes(server, dialects.callback);
  registerSubscriptionRoutes(server, dialects.subscription);
  registerBankNoticeRoute(server, dialects.bankNotice);
  registerFileRoutes(server, dialects.files);
  registerPkiRoutes(server, dialects.pki);
  registerTimestampRoute(server, dialects.tsa);
  registerAdminRoutes(server, dialects.admin);
  registerMemberApi(server, dialects.member);
  registerPageRoutes(server, dialects.pages);
  registerTsignRoutes(server, { ...dialects.tsign, routes: identityRoutes(dialects.tsign.identity) });
}

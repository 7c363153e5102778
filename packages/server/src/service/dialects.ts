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
import { registerSignerApi, type SignerDependencies } from '../dialects/signer/index.ts';
import { identityRoutes, registerTsignRoutes, type TsignDependencies } from '../dialects/tsign/index.ts';
import { registerValidationRoute, type ValidationRouteDependencies } from '../dialects/validation/index.ts';
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
  signer: SignerDependencies;
  member: MemberApiDependencies;
  pages: PageDependencies;
  pki: PkiDependencies;
  tsa: TimestampRouteDependencies;
  validation: ValidationRouteDependencies;
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
  registerValidationRoute(server, dialects.validation);
  registerAdminRoutes(server, dialects.admin);
  registerMemberApi(server, dialects.member);
  registerSignerApi(server, dialects.signer);
  registerPageRoutes(server, dialects.pages);
  registerTsignRoutes(server, { ...dialects.tsign, routes: identityRoutes(dialects.tsign.identity) });
}

import type { FastifyInstance } from 'fastify';
import { registerAdminRoutes, type AdminDependencies } from '../dialects/admin/index.ts';
import {
  registerCallbackRoutes,
  registerGatewayRoutes,
  type CallbackDependencies,
  type GatewayDependencies,
} from '../dialects/etc/index.ts';
import { registerFileRoutes, type FileRouteDependencies } from '../dialects/files/index.ts';
import { identityRoutes, registerTsignRoutes, type TsignDependencies } from '../dialects/tsign/index.ts';
import type { Identity } from '../identity/index.ts';
import { registerProbes, type ProbeDependencies } from '../http/probes.ts';

/** What the routes of the service are made of, dialect by dialect. */
export interface Dialects {
  probes: ProbeDependencies;
  gateway: GatewayDependencies;
  callback: CallbackDependencies;
  files: FileRouteDependencies;
  admin: AdminDependencies;
  tsign: Omit<TsignDependencies, 'routes'> & { identity: Identity };
}

/** Every route of the service. */
export function registerDialects(server: FastifyInstance, dialects: Dialects): void {
  registerProbes(server, dialects.probes);
  registerGatewayRoutes(server, dialects.gateway);
  registerCallbackRoutes(server, dialects.callback);
  registerFileRoutes(server, dialects.files);
  registerAdminRoutes(server, dialects.admin);
  registerTsignRoutes(server, { ...dialects.tsign, routes: identityRoutes(dialects.tsign.identity) });
}

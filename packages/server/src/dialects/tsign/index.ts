/** The e签宝 open API: authentication and envelope of every /v1, /v2 and /v3 path (contracts/tsign-auth.md). */
export { FORM, TsignRefusal, type Refusal } from './errors.ts';
export type { TsignRequest, TsignRoute } from './route.ts';
export { identityRoutes } from './identity/index.ts';
export { registerTsignRoutes, type TsignDependencies } from './routes.ts';

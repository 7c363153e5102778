export { registerAdminRoutes, type AdminDependencies } from './server.ts';
export type { Finding } from './status-routes.ts';
export { loadAdminToken, readAdminToken } from './token.ts';

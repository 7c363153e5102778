export { registerAdminRoutes, type AdminDependencies } from './server.ts';
export type { Finding } from './status-routes.ts';
export { STALL_FIXES } from './stall-fixes.ts';
export { loadAdminToken } from './token.ts';

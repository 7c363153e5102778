export { registerPkiRoutes, type PkiDependencies } from './routes.ts';

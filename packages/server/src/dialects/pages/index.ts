export { registerPageRoutes, type PageDependencies } from './page-routes.ts';

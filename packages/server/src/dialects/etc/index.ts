/** The ETC wire formats: the merchant gateway in both dialects, and the callback gateway. */
export { registerCallbackRoutes, type CallbackDependencies } from './callback.ts';
export { registerGatewayRoutes, type GatewayDependencies } from './gateway/routes.ts';

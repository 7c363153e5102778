/** The ETC wire formats: the merchant gateway in both dialects, and the callback gateway. */
export { registerCallbackRoutes } from './callback.ts';
export { registerGatewayRoutes } from './gateway/routes.ts';

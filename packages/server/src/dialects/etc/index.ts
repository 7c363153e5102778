/** The ETC wire formats: the merchant gateway in both dialects, the callback gateway and its event subscriptions. */
export { registerCallbackRoutes, type CallbackDependencies } from './callback.ts';
export { registerGatewayRoutes, type GatewayDependencies } from './gateway/routes.ts';
export { registerSubscriptionRoutes, type SubscriptionDependencies } from './subscription.ts';

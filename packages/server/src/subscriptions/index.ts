/**
 * Events that an application publishes, and who of its partners is told of which. Deliveries are the relay's. This file
 * is the capability's whole public face.
 */
export { EVENT_KEY_CHARACTERS_MAX, EVENT_KEY_LEVELS_MAX } from './event-key.ts';
export { SUBSCRIPTION_LIMITS } from './subscription.ts';
export type {
  NewSubscription,
  PublishedEvent,
  Subscription,
  SubscriptionErrorCode,
  SubscriptionPlace,
  Subscriptions,
} from './subscription.ts';
export { createSubscriptions } from './commands.ts';

/** Limits that the source is silent about. What one publish writes is at most their product, 64 MB. */
export const SUBSCRIPTION_LIMITS = {
  subscriptionsPerAppMax: 1_000,
  /** Of one event as it is sent, in UTF-8. */
  eventBytesMax: 65_536,
  /** For so long the same idempotency key is the same event. */
  idempotencyHours: 72,
  publishing: { inFlightMax: 3, inFlightPerAppMax: 2, waitingMax: 256, waitingPerAppMax: 64 },
} as const;

/** When to come again after `publishing_full`. */
export const RETRY_AFTER_SECONDS = 1;

/** That an application's events go to a URL. */
export interface Subscription {
  readonly subscriptionId: string;
  readonly appId: string;
  /** One to four whole levels: every event whose key begins with them. */
  readonly eventKey: string;
  readonly callbackUrl: string;
  /** Who subscribed, in the subscriber's own words; kept and shown. */
  readonly subscriber: string | null;
  /** Whether events come in the signed envelope (profile `etc-relay`) or as they are (`etc-notify`). */
  readonly isSignature: boolean;
  readonly createdAt: Date;
}

/** One URL under one key of one application is one subscription. */
export interface SubscriptionPlace {
  readonly appId: string;
  readonly eventKey: string;
  readonly callbackUrl: string;
}

export interface NewSubscription extends SubscriptionPlace {
  readonly subscriber: string | null;
  readonly isSignature: boolean;
}

export interface PublishedEvent {
  readonly appId: string;
  /** Null: made of `levels`. */
  readonly eventKey: string | null;
  /** event_source, event_topic, event_type, event_status. */
  readonly levels: readonly [string, string, string, string];
  /** The event as source text, compact; it goes out byte for byte. */
  readonly content: string;
  /** The same key and event of one application is published once. */
  readonly idempotencyKey?: string;
}

export interface Publication {
  readonly eventId: string;
  /** To how many subscriptions it goes. */
  readonly deliveries: number;
}

export interface SubscriptionFilter {
  readonly appId?: string;
  readonly eventKey?: string;
  /** Only subscriptions older than this one: the last `subscriptionId` of the page before. */
  readonly before?: string;
  readonly limit: number;
}

/**
 * `event_key_invalid` · `callback_url_invalid` and `callback_url_forbidden` {reason} · `subscription_exists`
 * {subscriptionId} · `subscription_not_found` · `subscriptions_full` {max} · `event_too_large` {max} ·
 * `event_idempotency_conflict` {eventId} · `publishing_full` {retryAfterSeconds}: nothing was stored
 */
export type SubscriptionErrorCode =
  | 'event_key_invalid'
  | 'callback_url_invalid'
  | 'callback_url_forbidden'
  | 'subscription_exists'
  | 'subscription_not_found'
  | 'subscriptions_full'
  | 'event_too_large'
  | 'event_idempotency_conflict'
  | 'publishing_full';

/** Events of an application, and who is told of them. Nothing goes from one application to another's subscriptions. */
export interface Subscriptions {
  /**
   * Every event published from now on whose key begins with `eventKey` goes to `callbackUrl`. Audited. Throws
   * `event_key_invalid`, `callback_url_invalid`, `callback_url_forbidden`, `subscription_exists`, `subscriptions_full`.
   */
  subscribe(request: NewSubscription): Promise<Subscription>;
  /** What was published before is still delivered. Audited. Throws `subscription_not_found`. */
  unsubscribe(place: SubscriptionPlace): Promise<Subscription>;
  /**
   * Writes one delivery for each subscription that the event's key falls under, all of them or none, in one transaction
   * with the audit row. Throws `event_key_invalid`, `event_too_large`, `event_idempotency_conflict`, `publishing_full`.
   */
  publish(event: PublishedEvent): Promise<Publication>;

  /** The newest first. */
  list(filter: SubscriptionFilter): Promise<readonly Subscription[]>;
  find(subscriptionId: string): Promise<Subscription | null>;
  /** What an operator does for a subscriber who cannot. Audited. Throws `subscription_not_found`. */
  remove(subscriptionId: string, actor: string): Promise<Subscription>;
  /** Forgets idempotency keys whose time is over (`SUBSCRIPTION_LIMITS.idempotencyHours`). */
  pruneKeys(): Promise<void>;
}

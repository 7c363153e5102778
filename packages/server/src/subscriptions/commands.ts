import { createHash } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Transaction } from '../platform/database/index.ts';
import type { Egress } from '../platform/egress/index.ts';
import { DomainError } from '../platform/errors.ts';
import { uuidV7 } from '../platform/ids.ts';
import type { Relay } from '../relay/index.ts';
import { coveringKeys, deriveEventKey, isEventKey } from './event-key.ts';
import { fanOut } from './fan-out.ts';
import { PublishingGate } from './publishing-gate.ts';
import * as store from './store.ts';
import {
  SUBSCRIPTION_LIMITS,
  type Publication,
  type PublishedEvent,
  type Subscription,
  type SubscriptionErrorCode,
  type Subscriptions,
} from './subscription.ts';

export interface SubscriptionsDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly egress: Pick<Egress, 'checkUrl'>;
  readonly relay: Pick<Relay, 'enqueueMany'>;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Event subscriptions on PostgreSQL. Every change and its audit row are one transaction. */
export function createSubscriptions(dependencies: SubscriptionsDependencies): Subscriptions {
  const { db, clock, egress } = dependencies;
  const gate = new PublishingGate(SUBSCRIPTION_LIMITS.publishing);

  return {
    async subscribe(request) {
      const { appId, eventKey } = request;
      const callbackUrl = withoutFragment(request.callbackUrl);
      if (!isEventKey(eventKey)) throw failure('event_key_invalid');
      const check = egress.checkUrl(callbackUrl);
      if (!check.ok) throw failure(URL_ERRORS[check.code], { reason: check.reason });
      const at = clock.now();
      const { subscriber, isSignature } = request;
      const subscriptionId = uuidV7(at);
      const made: Subscription = {
        subscriptionId,
        appId,
        eventKey,
        callbackUrl,
        subscriber,
        isSignature,
        createdAt: at,
      };
      await db.transaction().execute(async (tx) => {
        await store.lockSubscribing(tx, appId);
        const existing = await store.findAtPlace(tx, made);
        if (existing !== null) throw failure('subscription_exists', { subscriptionId: existing.subscriptionId });
        const { subscriptionsPerAppMax: max } = SUBSCRIPTION_LIMITS;
        if ((await store.countSubscriptions(tx, appId)) >= max)
          throw failure('subscriptions_full', { max: String(max) });
        if (!(await store.insertSubscription(tx, made))) throw new Error('a subscription was made under the lock');
        await record(tx, made, { action: 'subscription.create', actor: `app:${appId}`, at });
      });
      return made;
    },

    async unsubscribe(place) {
      const actor = `app:${place.appId}`;
      return end({ db, clock }, actor, async (tx) => {
        // As it is written first: subscriptions of earlier versions kept their fragments.
        const ended = await store.deleteAtPlace(tx, place);
        return ended ?? store.deleteAtPlace(tx, { ...place, callbackUrl: withoutFragment(place.callbackUrl) });
      });
    },

    async publish(event) {
      const eventKey = event.eventKey ?? deriveEventKey(event.levels);
      if (eventKey === null || !isEventKey(eventKey)) throw failure('event_key_invalid');
      const { eventBytesMax: max } = SUBSCRIPTION_LIMITS;
      if (Buffer.byteLength(event.content, 'utf8') > max) throw failure('event_too_large', { max: String(max) });
      return gate.run(event.appId, () => publish(dependencies, { ...event, eventKey }));
    },

    list: (filter) => store.findPage(db, filter),
    find: async (subscriptionId) => (UUID.test(subscriptionId) ? store.findById(db, subscriptionId) : null),

    async remove(subscriptionId, actor) {
      if (!UUID.test(subscriptionId)) throw failure('subscription_not_found', { subscriptionId });
      return end({ db, clock }, actor, (tx) => store.deleteById(tx, subscriptionId), { subscriptionId });
    },

    pruneKeys: () =>
      store.deleteKeys(db, new Date(clock.now().getTime() - SUBSCRIPTION_LIMITS.idempotencyHours * 3_600_000)),
  };
}

/** A fragment is not sent (RFC 9110, 7.1): with another one it is the same URL. */
function withoutFragment(url: string): string {
  const at = url.indexOf('#');
  return at < 0 ? url : url.slice(0, at);
}

async function publish(
  { db, clock, relay }: SubscriptionsDependencies,
  event: PublishedEvent & { readonly eventKey: string },
): Promise<Publication> {
  const { appId, eventKey, content, idempotencyKey } = event;
  const at = clock.now();
  const eventId = uuidV7(at);
  return db.transaction().execute(async (tx) => {
    const receivers = await store.findCovering(tx, appId, coveringKeys(eventKey));
    const deliveries = receivers.length;
    if (idempotencyKey !== undefined) {
      const keyed = { appId, idempotencyKey, fingerprint: fingerprint(eventKey, content), eventId, deliveries };
      if (!(await store.claimKey(tx, keyed, at))) return publishedBefore(tx, keyed);
    }
    await fanOut(relay, tx, { appId, content, messageType: eventKey, occurredAt: at }, receivers);
    // Last: it locks the head of the application's chain until the commit.
    await appendAudit(tx, {
      appId,
      actor: `app:${appId}`,
      action: 'event.publish',
      subject: `event:${eventId}`,
      detail: { eventKey, deliveries },
      at,
    });
    return { eventId, deliveries };
  });
}

/** The idempotency key is taken: the same event gets the first one's answer. */
async function publishedBefore(tx: Transaction, keyed: store.KeyedEvent): Promise<Publication> {
  const holder = await store.findKey(tx, keyed.appId, keyed.idempotencyKey);
  if (holder === null) throw new Error('an idempotency key was taken and is gone');
  const { eventId, deliveries } = holder;
  if (!holder.fingerprint.equals(keyed.fingerprint)) throw failure('event_idempotency_conflict', { eventId });
  return { eventId, deliveries };
}

/** What makes two events under one idempotency key the same: the key they are published under, and every byte. */
function fingerprint(eventKey: string, content: string): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([eventKey, content]), 'utf8')
    .digest();
}

async function end(
  { db, clock }: Pick<SubscriptionsDependencies, 'db' | 'clock'>,
  actor: string,
  remove: (tx: Transaction) => Promise<Subscription | null>,
  params: Record<string, string> = {},
): Promise<Subscription> {
  return db.transaction().execute(async (tx) => {
    const ended = await remove(tx);
    if (ended === null) throw failure('subscription_not_found', params);
    await record(tx, ended, { action: 'subscription.remove', actor, at: clock.now() });
    return ended;
  });
}

async function record(
  tx: Transaction,
  subscription: Subscription,
  act: { action: string; actor: string; at: Date },
): Promise<void> {
  const { appId, subscriptionId, eventKey, callbackUrl, subscriber, isSignature } = subscription;
  // The path and query may hold what is the subscriber's secret; the host says enough.
  const detail = { eventKey, host: new URL(callbackUrl).host, subscriber, isSignature };
  await appendAudit(tx, { ...act, appId, subject: `subscription:${subscriptionId}`, detail });
}

const URL_ERRORS = {
  url_invalid: 'callback_url_invalid',
  address_forbidden: 'callback_url_forbidden',
} as const satisfies Record<string, SubscriptionErrorCode>;

function failure(code: SubscriptionErrorCode, params: Record<string, string> = {}): DomainError<SubscriptionErrorCode> {
  return new DomainError(code, params);
}

import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { Subscription, SubscriptionFilter, SubscriptionPlace } from './subscription.ts';
import type { SubscriptionTables } from './tables.ts';

const COLUMNS = [
  'subscription_id as subscriptionId',
  'app_id as appId',
  'event_key as eventKey',
  'callback_url as callbackUrl',
  'subscriber',
  'is_signature as isSignature',
  'created_at as createdAt',
] as const;

/** Until the transaction ends, nobody else adds a subscription to this application: their number can be counted. */
export async function lockSubscribing(tx: Transaction, appId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`event_subscription:${appId}`}, 0))`.execute(tx);
}

export async function countSubscriptions(db: Executor, appId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from event_subscription where app_id = ${appId}
  `.execute(db);
  return rows[0]?.count ?? 0;
}

/** False where the same URL has the same key already. */
export async function insertSubscription(tx: Transaction, subscription: Subscription): Promise<boolean> {
  const inserted = await tx
    .withTables<SubscriptionTables>()
    .insertInto('event_subscription')
    .values({
      app_id: subscription.appId,
      subscription_id: subscription.subscriptionId,
      event_key: subscription.eventKey,
      callback_url: subscription.callbackUrl,
      callback_url_sha256: urlDigest(subscription.callbackUrl),
      subscriber: subscription.subscriber,
      is_signature: subscription.isSignature,
      created_at: subscription.createdAt,
    })
    .onConflict((conflict) => conflict.columns(['app_id', 'event_key', 'callback_url_sha256']).doNothing())
    .returning('subscription_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function findAtPlace(db: Executor, place: SubscriptionPlace): Promise<Subscription | null> {
  const row = await db
    .withTables<SubscriptionTables>()
    .selectFrom('event_subscription')
    .select([...COLUMNS])
    .where('app_id', '=', place.appId)
    .where('event_key', '=', place.eventKey)
    .where('callback_url_sha256', '=', urlDigest(place.callbackUrl))
    .executeTakeFirst();
  return row ?? null;
}

export async function deleteAtPlace(tx: Transaction, place: SubscriptionPlace): Promise<Subscription | null> {
  const row = await tx
    .withTables<SubscriptionTables>()
    .deleteFrom('event_subscription')
    .where('app_id', '=', place.appId)
    .where('event_key', '=', place.eventKey)
    .where('callback_url_sha256', '=', urlDigest(place.callbackUrl))
    .returning([...COLUMNS])
    .executeTakeFirst();
  return row ?? null;
}

export async function deleteById(tx: Transaction, subscriptionId: string): Promise<Subscription | null> {
  const row = await tx
    .withTables<SubscriptionTables>()
    .deleteFrom('event_subscription')
    .where('subscription_id', '=', subscriptionId)
    .returning([...COLUMNS])
    .executeTakeFirst();
  return row ?? null;
}

export async function findById(db: Executor, subscriptionId: string): Promise<Subscription | null> {
  const row = await db
    .withTables<SubscriptionTables>()
    .selectFrom('event_subscription')
    .select([...COLUMNS])
    .where('subscription_id', '=', subscriptionId)
    .executeTakeFirst();
  return row ?? null;
}

/** One page, the newest first: ids sort by the time of subscribing. */
export async function findPage(db: Executor, filter: SubscriptionFilter): Promise<Subscription[]> {
  let query = db
    .withTables<SubscriptionTables>()
    .selectFrom('event_subscription')
    .select([...COLUMNS])
    .orderBy('subscription_id', 'desc')
    .limit(filter.limit);
  if (filter.appId !== undefined) query = query.where('app_id', '=', filter.appId);
  if (filter.eventKey !== undefined) query = query.where('event_key', '=', filter.eventKey);
  if (filter.before !== undefined) query = query.where('subscription_id', '<', filter.before);
  return query.execute();
}

/** Where an event goes, and in which form. One statement, so that all of it is of one moment. */
export async function findCovering(
  db: Executor,
  appId: string,
  eventKeys: readonly string[],
): Promise<{ callbackUrl: string; isSignature: boolean }[]> {
  const { rows } = await sql<{ callbackUrl: string; isSignature: boolean }>`
    select callback_url as "callbackUrl", is_signature as "isSignature"
    from event_subscription
    where app_id = ${appId} and event_key = any(${eventKeys}::text[])
    order by subscription_id
  `.execute(db);
  return rows;
}

/** An idempotency key and what stands behind it. */
export interface KeyedEvent {
  readonly appId: string;
  readonly idempotencyKey: string;
  readonly fingerprint: Buffer;
  readonly eventId: string;
  readonly deliveries: number;
}

/**
 * Takes the key for this event; false where another event has it. It waits for whoever takes the same key at the same
 * time to commit or to fail.
 */
export async function claimKey(tx: Transaction, event: KeyedEvent, at: Date): Promise<boolean> {
  const inserted = await tx
    .withTables<SubscriptionTables>()
    .insertInto('event_idempotency_key')
    .values({
      app_id: event.appId,
      idempotency_key: event.idempotencyKey,
      fingerprint: event.fingerprint,
      event_id: event.eventId,
      deliveries: event.deliveries,
      created_at: at,
    })
    .onConflict((conflict) => conflict.columns(['app_id', 'idempotency_key']).doNothing())
    .returning('event_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function findKey(db: Executor, appId: string, idempotencyKey: string): Promise<KeyedEvent | null> {
  const row = await db
    .withTables<SubscriptionTables>()
    .selectFrom('event_idempotency_key')
    .select([
      'app_id as appId',
      'idempotency_key as idempotencyKey',
      'fingerprint',
      'event_id as eventId',
      'deliveries',
    ])
    .where('app_id', '=', appId)
    .where('idempotency_key', '=', idempotencyKey)
    .executeTakeFirst();
  return row ?? null;
}

/** Forgets the keys that are older. */
export async function deleteKeys(db: Executor, before: Date): Promise<void> {
  await db
    .withTables<SubscriptionTables>()
    .deleteFrom('event_idempotency_key')
    .where('created_at', '<', before)
    .execute();
}

/** Of the normal form, where there is one: `HTTPS://A.example` and `https://a.example/` are one place. */
function urlDigest(url: string): Buffer {
  const normal = URL.canParse(url) ? new URL(url).href : url;
  return createHash('sha256').update(normal, 'utf8').digest();
}

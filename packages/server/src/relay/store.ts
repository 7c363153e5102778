import { sql } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import type { RecordedAttempt } from './attempt-record-store.ts';
import type { AcceptedDelivery, DeliveryState } from './delivery.ts';
import type { Destination } from './destination.ts';
import type { LaneName } from './lane.ts';
import type { ProfileName } from './profiles.ts';
import type { Next } from './retry-policy.ts';

/** The channel on which committed transactions say that a delivery waits; the payload is its lane. */
export const WAKE_CHANNEL = 'yinxin_relay';

/** A delivery that this node holds for the length of a lease. */
export interface LeasedDelivery extends AcceptedDelivery {
  readonly lane: LaneName;
  readonly leaseToken: number;
  readonly leaseEndsAt: Date;
  readonly orderingKey: string | null;
  /** The callee's version of `url`; null for a bare URL. */
  readonly urlVersion: number | null;
  readonly content: string;
  readonly attemptsMax: number | null;
  /** The message's own waits; null: the destination's or the profile's. */
  readonly delaysMs: readonly number[] | null;
  /** W3C trace context that came with the message. */
  readonly traceParent: string | null;
  /** The number of the attempt that this lease is for. */
  readonly attempts: number;
  readonly scheduleAttempts: number;
  /** The registered destination's present settings; null for a delivery to a bare URL. */
  readonly destination: Destination | null;
}

export interface NewDelivery {
  readonly appId: string;
  readonly requestId: string;
  readonly lane: LaneName;
  /** `leased` to this node for the first attempt, `waiting` for a dispatcher, or `failed` from the start. */
  readonly state: 'leased' | 'waiting' | 'failed';
  readonly orderingKey: string | null;
  /** It takes the place of messages of its key that wait. */
  readonly latestOnly: boolean;
  readonly profile: ProfileName;
  readonly url: string;
  readonly urlVersion: number | null;
  readonly calleeAppId: string | null;
  readonly calleeNo: string | null;
  readonly callerNo: string | null;
  readonly messageType: string;
  readonly content: string;
  readonly contentBytes: number;
  readonly attemptsMax: number | null;
  /** The message's own waits; null: the destination's or the profile's. */
  readonly delaysMs: readonly number[] | null;
  readonly traceParent: string | null;
  readonly leaseOwner: string;
  readonly dueAt: Date | null;
  readonly reason: string | null;
  readonly acceptedAt: Date;
  readonly occurredAt: Date | null;
  readonly idempotency: { readonly key: string; readonly fingerprint: Buffer } | null;
}

/** What an attempt came to, for the delivery and for the record. */
export interface Settlement extends RecordedAttempt {
  readonly lane: LaneName;
  readonly orderingKey: string | null;
  /** Where a later one of its key waits, there is no other try. */
  readonly latestOnly: boolean;
  readonly leaseToken: number;
  readonly next: Next;
  readonly endedAt: Date;
}

/** The delivery that holds an idempotency key. */
export async function findIdempotencyKey(
  db: Executor,
  appId: string,
  key: string,
): Promise<{ requestId: string; fingerprint: Buffer } | null> {
  const { rows } = await sql<{ requestId: string; fingerprint: Buffer }>`
    select request_id as "requestId", fingerprint
    from delivery_idempotency_key
    where app_id = ${appId} and idempotency_key = ${key}
  `.execute(db);
  return rows[0] ?? null;
}

/** Wakes the dispatchers of every node for a lane when the caller's transaction commits. */
export async function notifyWake(db: Executor, lanes: readonly LaneName[]): Promise<void> {
  await sql`select pg_notify(${WAKE_CHANNEL}, lane) from unnest(${[...lanes]}::text[]) as lane`.execute(db);
}

/** Whether what waits is held back by its destination: switched off, or left alone until a probe. */
export const IS_HELD_BACK = sql<boolean>`
  (callee.enabled is false or coalesce(coalesce(queue.due_at, queue.accepted_at) < circuit.probe_at, false))`;

/**
 * The state of a delivery as people and callers know it. `queue`, `callee` and `relay_lane` stand joined beside
 * `delivery`: what waits for a destination that is switched off or whose circuit is open is parked, without a row having
 * been written for it.
 */
export const DELIVERY_STATE = sql<DeliveryState>`
  case when queue.request_id is null then case when delivery.failed_at is null then 'delivered' else 'failed' end
       when queue.state in ('waiting', 'queued') and ${IS_HELD_BACK} then 'parked'
       else queue.state end`;

/** Joins what `DELIVERY_STATE` needs. */
export const DELIVERY_JOINS = sql`
  left join delivery_queue queue on queue.app_id = delivery.app_id and queue.request_id = delivery.request_id
  left join callee on callee.app_id = delivery.callee_app_id and callee.callee_no = delivery.callee_no
  left join relay_lane circuit on circuit.lane = queue.lane`;

export async function findState(
  db: Executor,
  requestId: string,
): Promise<{ appId: string; state: DeliveryState; reason: string | null } | null> {
  const { rows } = await sql<{ appId: string; state: DeliveryState; reason: string | null }>`
    select delivery.app_id as "appId", ${DELIVERY_STATE} as state, coalesce(queue.reason, delivery.reason) as reason
    from delivery ${DELIVERY_JOINS}
    where delivery.request_id = ${requestId}
  `.execute(db);
  return rows[0] ?? null;
}

import { sql, type RawBuilder } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import type { Attempt, Delivery } from './delivery.ts';
import type { DeliveryFilter } from './relay.ts';
import { DELIVERY_JOINS, DELIVERY_STATE, IS_HELD_BACK } from './store.ts';
import type { RelayTables } from './tables.ts';

/** The last recorded attempt tells of a delivery that has no queue row any more. */
const LAST_ATTEMPT = sql`
  left join lateral (
    select number, started_at + duration_ms * interval '1 millisecond' as ended_at
    from delivery_attempt attempt
    where attempt.app_id = delivery.app_id and attempt.request_id = delivery.request_id
    order by number desc
    limit 1
  ) as last on true`;

const COLUMNS = sql`
  delivery.request_id as "requestId", delivery.app_id as "appId", ${DELIVERY_STATE} as state, delivery.profile,
  delivery.url, delivery.callee_app_id as "calleeAppId", delivery.callee_no as "calleeNo",
  delivery.caller_no as "callerNo", delivery.message_type as "messageType",
  coalesce(queue.attempts, last.number, 0) as attempts,
  case when queue.request_id is null then delivery.reason
       when queue.state in ('waiting', 'queued') and callee.enabled is false then 'destination_disabled'
       when queue.state in ('waiting', 'queued') and ${IS_HELD_BACK} then 'circuit_open'
       else queue.reason end as reason,
  queue.ordering_key as "orderingKey",
  delivery.accepted_at as "acceptedAt", delivery.occurred_at as "occurredAt",
  case when queue.state = 'leased' or not ${IS_HELD_BACK} then queue.due_at end as "dueAt",
  case when queue.request_id is null then coalesce(delivery.failed_at, last.ended_at) end as "endedAt"`;

/** What stands in the queue while a delivery is in a state; null: it has no row there. */
const QUEUED: Readonly<Record<Delivery['state'], RawBuilder<unknown> | null>> = {
  leased: sql`queue.state = 'leased'`,
  waiting: sql`queue.state = 'waiting' and not ${IS_HELD_BACK}`,
  queued: sql`queue.state = 'queued' and not ${IS_HELD_BACK}`,
  parked: sql`(queue.state = 'parked' or (queue.state in ('waiting', 'queued') and ${IS_HELD_BACK}))`,
  delivered: null,
  failed: null,
};

/** One page of deliveries, the newest first: request ids sort by the time of acceptance. */
export async function findDeliveries(db: Executor, filter: DeliveryFilter): Promise<Delivery[]> {
  const { rows } = await sql<Delivery & { calleeAppId: string | null }>`
    select ${COLUMNS}
    from delivery ${DELIVERY_JOINS} ${LAST_ATTEMPT}
    where ${sql.join([sql`true`, ...conditions(filter)], sql` and `)}
    order by delivery.request_id desc
    limit ${filter.limit}
  `.execute(db);
  return rows.map(({ calleeAppId: _calleeAppId, ...delivery }) => delivery);
}

function conditions(filter: DeliveryFilter): RawBuilder<unknown>[] {
  const { appId, calleeNo, state, messageType, before } = filter;
  const given: RawBuilder<unknown>[] = [];
  if (appId !== undefined) given.push(sql`delivery.app_id = ${appId}`);
  if (calleeNo !== undefined) given.push(sql`delivery.callee_no = ${calleeNo}`);
  if (messageType !== undefined) given.push(sql`delivery.message_type = ${messageType}`);
  if (before !== undefined) given.push(sql`delivery.request_id < ${before}`);
  if (state !== undefined) {
    const ended = state === 'failed' ? sql`delivery.failed_at is not null` : sql`delivery.failed_at is null`;
    given.push(QUEUED[state] ?? sql`queue.request_id is null and ${ended}`);
  }
  return given;
}

/** A delivery as `findDeliveries` has it, with its content (null: dropped) and whose destination it goes to. */
export type WholeDelivery = Delivery & { readonly content: string | null; readonly calleeAppId: string | null };

export async function findDelivery(db: Executor, requestId: string): Promise<WholeDelivery | null> {
  const { rows } = await sql<WholeDelivery>`
    select ${COLUMNS}, delivery.content
    from delivery ${DELIVERY_JOINS} ${LAST_ATTEMPT}
    where delivery.request_id = ${requestId}
  `.execute(db);
  return rows[0] ?? null;
}

export async function findAttempts(db: Executor, appId: string, requestId: string): Promise<Attempt[]> {
  return db
    .withTables<RelayTables>()
    .selectFrom('delivery_attempt')
    .select([
      'number',
      'started_at as startedAt',
      'duration_ms as durationMs',
      'outcome',
      'status',
      'reason',
      'answer',
      'url',
      'remote_address as remoteAddress',
      'tls_fingerprint as tlsFingerprint',
      'request_sha256 as requestSha256',
      'node',
    ])
    .where('app_id', '=', appId)
    .where('request_id', '=', requestId)
    .orderBy('number')
    .execute();
}

import { sql, type RawBuilder } from 'kysely';
import { sqlState, type Database, type Executor, type Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { uuidLowerBound } from '../platform/ids.ts';
import type { Attempt, Delivery } from './delivery.ts';
import { IS_SUPERSEDED } from './requeue-store.ts';
import { assertSearchable, SEARCH_SECONDS_MAX, type DeliveryFilter, type SearchErrorCode } from './search.ts';
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

/**
 * Rows of the queue among which the deliveries of a state are, where there are few as a rule: these are gathered first,
 * or all that was ever accepted would be walked through for them.
 */
const AMONG: Partial<Readonly<Record<Delivery['state'], RawBuilder<unknown>>>> = {
  leased: sql`state = 'leased'`,
  queued: sql`state = 'queued'`,
  parked: sql`
    state = 'parked' or (state in ('waiting', 'queued') and lane = any (array(
      select lane from relay_lane union all select app_id || '/' || callee_no from callee where not enabled)))`,
};

/** One page of deliveries, the newest first: request ids sort by the time of acceptance. */
export async function findDeliveries(db: Database, filter: DeliveryFilter): Promise<Delivery[]> {
  assertSearchable(filter);
  const among = filter.state === undefined ? undefined : AMONG[filter.state];
  const { rows } = await withinSearchTime(db, (tx) =>
    sql<Delivery & { calleeAppId: string | null }>`
      with among as materialized (
        select app_id, request_id from delivery_queue where ${among ?? sql`false`}
      ), page as materialized (
        select delivery.app_id, delivery.request_id
        from ${among === undefined ? sql`delivery` : sql`among join delivery using (app_id, request_id)`} ${DELIVERY_JOINS}
        where ${matching(filter)}
        order by delivery.request_id desc
        limit ${filter.limit}
      )
      select ${COLUMNS}
      from page join delivery on delivery.app_id = page.app_id and delivery.request_id = page.request_id
      ${DELIVERY_JOINS} ${LAST_ATTEMPT}
      order by delivery.request_id desc
    `.execute(tx),
  );
  return rows.map(({ calleeAppId: _calleeAppId, ...delivery }) => delivery);
}

/** Runs a search under its own limit of time. Throws `search_too_slow`. */
export async function withinSearchTime<T>(
  db: Database,
  search: (tx: Transaction) => Promise<T>,
  secondsMax: number = SEARCH_SECONDS_MAX,
): Promise<T> {
  try {
    return await db.transaction().execute(async (tx) => {
      await sql`select set_config('statement_timeout', ${`${secondsMax}s`}, true)`.execute(tx);
      return search(tx);
    });
  } catch (error) {
    if (sqlState(error) !== QUERY_CANCELED) throw error;
    throw new DomainError<SearchErrorCode>('search_too_slow', { seconds: `${secondsMax}` }, { cause: error });
  }
}

const QUERY_CANCELED = '57014';

/** The condition of a filter over `delivery` and its joins. */
export function matching(filter: Omit<DeliveryFilter, 'limit'>): RawBuilder<unknown> {
  const { appId, calleeNo, state, messageType, orderingKey, from, to, text, superseded, before } = filter;
  const given: RawBuilder<unknown>[] = [sql`true`];
  if (appId !== undefined) given.push(sql`delivery.app_id = ${appId}`);
  if (calleeNo !== undefined) given.push(sql`delivery.callee_no = ${calleeNo}`);
  if (messageType !== undefined) given.push(sql`delivery.message_type = ${messageType}`);
  if (orderingKey !== undefined) given.push(sql`queue.ordering_key = ${orderingKey}`);
  // Times as bounds of ids: whole days of others are left out unread.
  if (from !== undefined) given.push(sql`delivery.request_id >= ${uuidLowerBound(from)}`);
  if (to !== undefined) given.push(sql`delivery.request_id < ${uuidLowerBound(to)}`);
  if (before !== undefined) given.push(sql`delivery.request_id < ${before}`);
  if (state !== undefined) {
    const ended = state === 'failed' ? sql`delivery.failed_at is not null` : sql`delivery.failed_at is null`;
    given.push(QUEUED[state] ?? sql`queue.request_id is null and ${ended}`);
  }
  if (text !== undefined) given.push(sql`position(${text} in delivery.content) > 0`);
  if (superseded === false) given.push(sql`not ${IS_SUPERSEDED}`);
  return sql.join(given, sql` and `);
}

/** A delivery as `findDeliveries` has it, with its content (null: dropped) and whose destination it goes to. */
export type WholeDelivery = Delivery & {
  readonly content: string | null;
  /** Of a content that was dropped. */
  readonly contentSha256: Buffer | null;
  readonly calleeAppId: string | null;
};

export async function findDelivery(db: Executor, requestId: string): Promise<WholeDelivery | null> {
  const { rows } = await sql<WholeDelivery>`
    select ${COLUMNS}, delivery.content, delivery.content_sha256 as "contentSha256"
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

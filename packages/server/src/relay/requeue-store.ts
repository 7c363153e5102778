import { sql, type RawBuilder } from 'kysely';
import type { Transaction } from '../platform/database/index.ts';
import { laneOfCallee, laneOfUrl, type LaneName } from './lane.ts';
import { orderingKeyOf } from './ordering-key.ts';
import { lockOrderingKeys, promoteNext } from './ordering-store.ts';

/** An ended delivery, and what its lane and its ordering key follow from. */
export interface Replayable {
  readonly appId: string;
  readonly requestId: string;
  readonly url: string;
  readonly calleeAppId: string | null;
  readonly calleeNo: string | null;
  /** The key that it was accepted under. */
  readonly keptKey: string | null;
  /** Where its destination's messages have their key now. */
  readonly orderingKeyPath: string | null;
}

/** The columns of a `Replayable`, over `delivery` joined with `callee`. */
export const REPLAYABLE_COLUMNS = sql`
  delivery.app_id as "appId", delivery.request_id as "requestId", delivery.url,
  delivery.callee_app_id as "calleeAppId", delivery.callee_no as "calleeNo", delivery.ordering_key as "keptKey",
  callee.ordering_key_path as "orderingKeyPath"`;

/**
 * Whether what a row of `delivery` says does not count any more: its destination wants the latest of a key alone, and a
 * later one was accepted, whatever became of that.
 *
 * @param key the row's ordering key
 * @param isAsked superseded ones are asked for: then only a later one that is still under way stands against it
 */
function hasLater(key: RawBuilder<unknown>, isAsked: boolean): RawBuilder<unknown> {
  const later = isAsked
    ? sql`
        select from delivery_queue later
        where later.lane = delivery.callee_app_id || '/' || delivery.callee_no and later.ordering_key = ${key}
          and later.position > coalesce(delivery.ordering_position, 0)`
    : sql`
        select from delivery later
        where later.callee_app_id = delivery.callee_app_id and later.callee_no = delivery.callee_no
          and later.ordering_key = ${key} and later.ordering_position > coalesce(delivery.ordering_position, 0)`;
  return sql`
    exists (
      select from callee latest
      where latest.app_id = delivery.callee_app_id and latest.callee_no = delivery.callee_no and latest.latest_only
        and exists (${later}))`;
}

/** Whether a row of `delivery` that ended is left out of replays unless superseded ones are asked for. */
export const IS_SUPERSEDED = sql`
  (delivery.reason is not distinct from 'superseded' or ${hasLater(sql`delivery.ordering_key`, false)})`;

/**
 * Puts ended deliveries into the queue again, each with a fresh schedule. Those with an ordering key stand where they
 * stood when they were accepted: one after another, behind what is under way under the key. Left out is what is not
 * ended, has no content any more or is superseded. Answers how many there were, and lanes that have work by it.
 */
export async function requeueEnded(
  tx: Transaction,
  asked: readonly Replayable[],
  again: { readonly at: Date; readonly evenSuperseded: boolean },
): Promise<{ readonly count: number; readonly lanes: readonly LaneName[] }> {
  const rows = [];
  for (const row of asked) rows.push({ ...row, lane: laneOf(row), orderingKey: await keyOf(tx, row) });
  await lockOrderingKeys(tx, rows);
  const { at, evenSuperseded } = again;
  const ids = rows.map((row) => row.requestId).toSorted();
  const key = sql`given.ordering_key`;
  const { rows: requeued } = await sql`
    with given as (
      select * from unnest(${rows.map((row) => row.appId)}::text[], ${rows.map((row) => row.requestId)}::uuid[],
                           ${rows.map((row) => row.lane)}::text[], ${rows.map((row) => row.orderingKey)}::text[])
             as given (app_id, request_id, lane, ordering_key)
    ), ended as (
      update delivery set failed_at = null, reason = null
      from given
      where delivery.app_id = given.app_id and delivery.request_id = given.request_id
        and delivery.request_id between ${ids[0]} and ${ids.at(-1)} and delivery.content is not null
        and not exists (
          select from delivery_queue queue
          where queue.app_id = delivery.app_id and queue.request_id = delivery.request_id)
        and not ${hasLater(key, evenSuperseded)}
        and ${evenSuperseded ? sql`true` : sql`delivery.reason is distinct from 'superseded'`}
      returning delivery.app_id, delivery.request_id, given.lane, given.ordering_key, delivery.ordering_position,
                octet_length(delivery.content) as content_bytes, delivery.accepted_at
    )
    insert into delivery_queue (app_id, request_id, lane, state, attempts, schedule_attempts, lease_token, due_at,
                                ordering_key, position, content_bytes, accepted_at)
    overriding system value
    select app_id, request_id, lane, case when ordering_key is null then 'waiting' else 'queued' end, coalesce((
             select max(number) from delivery_attempt attempt
             where attempt.app_id = ended.app_id and attempt.request_id = ended.request_id), 0),
           -- beyond every token that an earlier lease of it had
           0, (extract(epoch from ${at}::timestamptz) * 1000)::bigint,
           case when ordering_key is null then ${at}::timestamptz end, ordering_key,
           coalesce(ordering_position, nextval(pg_get_serial_sequence('delivery_queue', 'position'))),
           content_bytes, accepted_at
    from ended
    order by accepted_at, request_id
    on conflict do nothing
    returning request_id
  `.execute(tx);
  const keyed = rows.filter((row) => row.orderingKey !== null);
  const promoted = keyed.length === 0 ? [] : await promoteNext(tx, keyed, at);
  const plain = rows.flatMap((row) => (row.orderingKey === null ? [row.lane] : []));
  return { count: requeued.length, lanes: [...new Set([...plain, ...promoted])] };
}

/** Whether a later message of its key was accepted for a delivery whose destination wants the latest alone. */
export async function isOutdated(
  tx: Transaction,
  { appId, requestId }: { readonly appId: string; readonly requestId: string },
): Promise<boolean> {
  const { rows } = await sql`
    select from delivery
    where app_id = ${appId} and request_id = ${requestId} and ${hasLater(sql`delivery.ordering_key`, false)}
  `.execute(tx);
  return rows.length === 1;
}

function laneOf({ appId, url, calleeAppId, calleeNo }: Replayable): LaneName {
  if (calleeAppId === null || calleeNo === null) return laneOfUrl(appId, url);
  return laneOfCallee({ appId: calleeAppId, calleeNo });
}

/** The key that was kept, or what the destination's setting makes of the content now; contents are read one by one. */
async function keyOf(tx: Transaction, row: Replayable): Promise<string | null> {
  const { appId, requestId, keptKey, orderingKeyPath } = row;
  if (keptKey !== null || orderingKeyPath === null) return keptKey;
  const { rows } = await sql<{ content: string | null }>`
    select content from delivery where app_id = ${appId} and request_id = ${requestId}
  `.execute(tx);
  const content = rows[0]?.content ?? null;
  return content === null
    ? null
    : orderingKeyOf({ orderingKeyPath, orderingKeyHeader: null }, content, () => undefined);
}

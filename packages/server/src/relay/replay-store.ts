import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import { matching } from './delivery-store.ts';
import type { LaneName } from './lane.ts';
import type { DeliveryFilter } from './search.ts';
import { DELIVERY_JOINS } from './store.ts';

type Filter = Omit<DeliveryFilter, 'limit' | 'before'>;

/** An ended delivery and what its lane follows from. */
export interface Replayable {
  readonly appId: string;
  readonly requestId: string;
  readonly url: string;
  readonly calleeAppId: string | null;
  readonly calleeNo: string | null;
}

/** Ended deliveries that fit and whose content is there, the oldest first, after one of them. */
export async function findReplayable(
  db: Executor,
  filter: Filter,
  page: { readonly after: string | null; readonly limit: number },
): Promise<Replayable[]> {
  const { rows } = await sql<Replayable>`
    select delivery.app_id as "appId", delivery.request_id as "requestId", delivery.url,
           delivery.callee_app_id as "calleeAppId", delivery.callee_no as "calleeNo"
    from delivery ${DELIVERY_JOINS}
    where ${matching(filter)} and delivery.content is not null
      and ${page.after === null ? sql`true` : sql`delivery.request_id > ${page.after}`}
    order by delivery.request_id
    limit ${page.limit}
  `.execute(db);
  return rows;
}

/** How many fit, and how many of those have no content any more. */
export async function countReplayable(
  db: Executor,
  filter: Filter,
  after: string | null,
): Promise<{ count: number; contentDropped: number }> {
  const { rows } = await sql<{ count: number; contentDropped: number }>`
    select count(*) filter (where delivery.content is not null) as count,
           count(*) filter (where delivery.content is null) as "contentDropped"
    from delivery ${DELIVERY_JOINS}
    where ${matching(filter)} and ${after === null ? sql`true` : sql`delivery.request_id > ${after}`}
  `.execute(db);
  return rows[0] ?? { count: 0, contentDropped: 0 };
}

/** Puts ended deliveries into the queue again, each with a fresh schedule; answers how many still were ended. */
export async function requeueMany(
  tx: Transaction,
  rows: readonly (Replayable & { readonly lane: LaneName })[],
  at: Date,
): Promise<number> {
  const ids = rows.map((row) => row.requestId).toSorted();
  const { rows: requeued } = await sql`
    with given as (
      select * from unnest(${rows.map((row) => row.appId)}::text[], ${rows.map((row) => row.requestId)}::uuid[],
                           ${rows.map((row) => row.lane)}::text[]) as given (app_id, request_id, lane)
    ), ended as (
      update delivery set failed_at = null, reason = null
      from given
      where delivery.app_id = given.app_id and delivery.request_id = given.request_id
        and delivery.request_id between ${ids[0]} and ${ids.at(-1)} and delivery.content is not null
        and not exists (
          select from delivery_queue queue
          where queue.app_id = delivery.app_id and queue.request_id = delivery.request_id)
      returning delivery.app_id, delivery.request_id, given.lane, octet_length(delivery.content) as content_bytes,
                delivery.accepted_at
    )
    insert into delivery_queue (app_id, request_id, lane, state, attempts, schedule_attempts, lease_token, due_at,
                                content_bytes, accepted_at)
    select app_id, request_id, lane, 'waiting', coalesce((
             select max(number) from delivery_attempt attempt
             where attempt.app_id = ended.app_id and attempt.request_id = ended.request_id), 0),
           -- beyond every token that an earlier lease of it had
           0, (extract(epoch from ${at}::timestamptz) * 1000)::bigint, ${at}, content_bytes, accepted_at
    from ended
    on conflict do nothing
    returning request_id
  `.execute(tx);
  return requeued.length;
}

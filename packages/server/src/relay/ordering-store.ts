import { sql } from 'kysely';
import type { Transaction } from '../platform/database/index.ts';
import type { LaneName } from './lane.ts';

/** Messages of one lane and key go one after another. */
export interface OrderedMessage {
  readonly lane: LaneName;
  readonly orderingKey: string | null;
}

/**
 * Makes the transactions that insert or end messages of the same keys wait for each other: between a look at what is
 * under way and the write that follows from it nothing may pass. Locks are taken in one order, so none can deadlock.
 */
export async function lockOrderingKeys(tx: Transaction, messages: readonly OrderedMessage[]): Promise<void> {
  const keyed = messages.filter((message) => message.orderingKey !== null);
  if (keyed.length === 0) return;
  await sql`
    select pg_advisory_xact_lock(key) from (
      select distinct hashtextextended(lane || chr(10) || ordering_key, 0) as key
      from unnest(${keyed.map((message) => message.lane)}::text[], ${keyed.map((message) => message.orderingKey)}::text[])
           as message (lane, ordering_key)
      order by key
    ) as keys
  `.execute(tx);
}

/**
 * Lets the next message of each key wait for its attempt, where none before it is under way. Called under the keys'
 * locks, in the transaction that ended or parked one. Answers the lanes that have work by it.
 */
export async function promoteNext(
  tx: Transaction,
  messages: readonly OrderedMessage[],
  now: Date,
): Promise<LaneName[]> {
  const { rows } = await sql<{ lane: LaneName }>`
    with ended as (
      select distinct lane, ordering_key
      from unnest(${messages.map((message) => message.lane)}::text[], ${messages.map((message) => message.orderingKey)}::text[])
           as message (lane, ordering_key)
      where ordering_key is not null
    ), next as materialized (
      select queued.id
      from ended cross join lateral (
        select ctid as id
        from delivery_queue
        where lane = ended.lane and ordering_key = ended.ordering_key and state = 'queued'
        order by position
        limit 1
      ) as queued
      where not exists (
        select from delivery_queue before
        where before.lane = ended.lane and before.ordering_key = ended.ordering_key
          and before.state in ('leased', 'waiting'))
    )
    -- by ctid: nobody moves a queued row without the lock of its key, and a join might read all that waits
    update delivery_queue
    set state = 'waiting', due_at = ${now}
    where ctid = any (array(select id from next))
    returning lane
  `.execute(tx);
  return rows.map((row) => row.lane);
}

/** Keys whose first message is `queued`, which no commit should leave behind; they are let go. */
export async function promoteStranded(tx: Transaction, now: Date): Promise<LaneName[]> {
  const { rows } = await sql<OrderedMessage>`
    select distinct queued.lane, queued.ordering_key as "orderingKey"
    from delivery_queue queued
    where queued.ordering_key is not null and queued.state = 'queued' and not exists (
      select from delivery_queue before
      where before.lane = queued.lane and before.ordering_key = queued.ordering_key
        and before.state in ('leased', 'waiting'))
  `.execute(tx);
  if (rows.length === 0) return [];
  await lockOrderingKeys(tx, rows);
  return promoteNext(tx, rows, now);
}

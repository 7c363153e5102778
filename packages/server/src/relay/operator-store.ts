import { sql } from 'kysely';
import type { Transaction } from '../platform/database/index.ts';
import type { LaneName } from './lane.ts';
import { lockOrderingKeys, promoteNext } from './ordering-store.ts';

interface DeliveryName {
  readonly appId: string;
  readonly requestId: string;
}

interface HeldRow {
  readonly lane: LaneName;
  readonly orderingKey: string | null;
  readonly state: 'leased' | 'waiting' | 'queued' | 'parked';
}

/** Takes a delivery and its ordering key for the rest of the transaction; null where it is not under way. */
export async function holdDelivery(tx: Transaction, name: DeliveryName): Promise<HeldRow | null> {
  const read = async (): Promise<HeldRow | null> => {
    const { rows } = await sql<HeldRow>`
      select lane, ordering_key as "orderingKey", state from delivery_queue
      where app_id = ${name.appId} and request_id = ${name.requestId}
    `.execute(tx);
    return rows[0] ?? null;
  };
  const found = await read();
  if (found === null) return null;
  // Keys before rows, as those that insert and settle do.
  await lockOrderingKeys(tx, [found]);
  await sql`
    select from delivery_queue where app_id = ${name.appId} and request_id = ${name.requestId} for update
  `.execute(tx);
  return read();
}

/** Ends a delivery that waits, as failed. Answers lanes that have work by it. */
export async function endWaiting(
  tx: Transaction,
  name: DeliveryName,
  held: HeldRow,
  end: { readonly reason: string; readonly at: Date },
): Promise<LaneName[]> {
  await sql`delete from delivery_queue where app_id = ${name.appId} and request_id = ${name.requestId}`.execute(tx);
  await sql`
    update delivery set failed_at = ${end.at}, reason = ${end.reason}
    where app_id = ${name.appId} and request_id = ${name.requestId}
  `.execute(tx);
  return held.orderingKey === null ? [] : promoteNext(tx, [held], end.at);
}

/** Holds a delivery that waits. Answers lanes that have work by it. */
export async function parkWaiting(tx: Transaction, name: DeliveryName, held: HeldRow, at: Date): Promise<LaneName[]> {
  await sql`
    update delivery_queue set state = 'parked', due_at = null, reason = 'parked_by_operator'
    where app_id = ${name.appId} and request_id = ${name.requestId}
  `.execute(tx);
  return held.orderingKey === null ? [] : promoteNext(tx, [held], at);
}

/** Lets a parked delivery go on: at once, or behind what is under way under its ordering key. */
export async function releaseParked(tx: Transaction, name: DeliveryName, held: HeldRow, at: Date): Promise<LaneName[]> {
  await sql`
    update delivery_queue
    set state = case when busy then 'queued' else 'waiting' end, due_at = case when busy then null else ${at}::timestamptz end,
        reason = null
    from (
      select exists (
        select from delivery_queue
        where lane = ${held.lane} and ordering_key = ${held.orderingKey} and state in ('leased', 'waiting', 'queued')
      ) as busy
    ) as key
    where app_id = ${name.appId} and request_id = ${name.requestId}
  `.execute(tx);
  return [held.lane];
}

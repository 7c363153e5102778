import { sql } from 'kysely';
import {
  Batch,
  batchColumn,
  instantArray,
  plainArray,
  textArray,
  type Database,
  type Executor,
  type Transaction,
} from '../platform/database/index.ts';
import { attemptColumns, RECORD_ATTEMPTS } from './attempt-record-store.ts';
import type { LaneName } from './lane.ts';
import { lockOrderingKeys, promoteNext } from './ordering-store.ts';
import type { Settlement } from './store.ts';

/** Whether a settlement was still its lease's to make, and what else has work by it. */
export interface Settled {
  readonly own: boolean;
  readonly promoted: readonly LaneName[];
}

/** Whether a settlement needs no more than one statement. */
function isPlain({ next, orderingKey, latestOnly }: Settlement): boolean {
  return next.state !== 'failed' && (orderingKey === null || (next.state === 'waiting' && !latestOnly));
}

/**
 * Records a batch of attempts, puts them into the chains of their applications and moves their deliveries on, as far as
 * the leases are still the attempts' own. Doing it twice does nothing the second time.
 */
export async function settleAttempts(db: Database, asked: readonly Settlement[]): Promise<Settled[]> {
  if (asked.every(isPlain)) {
    const own = await settleQueue(db, asked);
    return asked.map((row) => ({ own: own.has(row.requestId), promoted: [] }));
  }
  return db.transaction().execute(async (tx) => {
    // A failure is told once it is committed, so this commit waits for the disk.
    await sql`set local synchronous_commit = on`.execute(tx);
    await lockOrderingKeys(tx, asked);
    const rows = await withoutSuperseded(tx, asked);
    const own = await settleQueue(tx, rows);
    const settled = rows.filter((row) => own.has(row.requestId));
    await recordFailures(tx, settled);
    const ended = settled.filter((row) => row.next.state !== 'waiting' && row.orderingKey !== null);
    const now = new Date(Math.max(0, ...ended.map((row) => row.endedAt.getTime())));
    const promoted = ended.length === 0 ? [] : await promoteNext(tx, ended, now);
    return rows.map((row) => ({
      own: own.has(row.requestId),
      promoted: promoted.filter((lane) => lane === row.lane),
    }));
  });
}

/** Ends those that would be tried again although a later one of their key says what counts. */
async function withoutSuperseded(tx: Transaction, rows: readonly Settlement[]): Promise<readonly Settlement[]> {
  const again = rows.filter((row) => row.latestOnly && row.orderingKey !== null && row.next.state === 'waiting');
  if (again.length === 0) return rows;
  const { rows: found } = await sql<{ requestId: string }>`
    select own.request_id as "requestId"
    from unnest(${textArray(again.map((row) => row.appId))}::text[], ${plainArray(again.map((row) => row.requestId))}::uuid[])
         as given (app_id, request_id)
    join delivery_queue own on own.app_id = given.app_id and own.request_id = given.request_id
    where exists (
      select from delivery_queue later
      where later.lane = own.lane and later.ordering_key = own.ordering_key and later.position > own.position
        and later.state in ('waiting', 'queued'))
  `.execute(tx);
  const superseded = new Set(found.map((row) => row.requestId));
  return rows.map((row) =>
    superseded.has(row.requestId) ? { ...row, next: { state: 'failed', reason: 'superseded' } as const } : row,
  );
}

const BATCH = new Batch<Settlement>([
  batchColumn('app_id', 'text', textArray, (row) => row.appId),
  batchColumn('request_id', 'uuid', plainArray, (row) => row.requestId),
  batchColumn('lease_token', 'bigint', plainArray, (row) => row.leaseToken),
  batchColumn('state', 'text', plainArray, ({ next }) => next.state),
  batchColumn('reason', 'text', textArray, ({ next }) => (next.state === 'delivered' ? null : next.reason)),
  batchColumn('due_at', 'timestamptz', instantArray, ({ next }) =>
    next.state === 'waiting' ? next.nextAttemptAt : null,
  ),
  ...attemptColumns<Settlement>((row) => row),
]);

const STATEMENT = `/* prepared relay_settle */
  with input as materialized (
    select * from ${BATCH.unnest('input')}
  ), ${RECORD_ATTEMPTS}, held as materialized (
    select input.request_id, input.state, input.reason, input.due_at, row.id
    from input cross join lateral (
      select ctid as id, state from delivery_queue
      where app_id = input.app_id and request_id = input.request_id and lease_token = input.lease_token
      limit 1
      for update
    ) as row
    -- asked inside, it would have the planner walk everything that is leased instead of the primary key
    where row.state = 'leased'
  ), ended as (
    delete from delivery_queue
    where ctid = any (array(select id from held where state <> 'waiting'))
  ), again as (
    update delivery_queue
    set state = 'waiting', reason = held.reason, due_at = held.due_at, lease_owner = null
    from held
    where delivery_queue.ctid = held.id and held.state = 'waiting'
  )
  select request_id from held`;

async function settleQueue(db: Executor, rows: readonly Settlement[]): Promise<Set<string>> {
  const settled = await BATCH.execute<{ request_id: string }>(db, STATEMENT, rows);
  return new Set(settled.map((row) => row.request_id));
}

/** A failure for good stands on the delivery itself; it is rare, so the common way needs no look at that table. */
async function recordFailures(tx: Transaction, settled: readonly Settlement[]): Promise<void> {
  const failed = settled.flatMap((row) => (row.next.state === 'failed' ? [{ ...row, reason: row.next.reason }] : []));
  if (failed.length === 0) return;
  const ids = failed.map((row) => row.requestId).toSorted();
  await sql`
    update delivery
    set failed_at = input.failed_at, reason = input.reason
    from unnest(${failed.map((row) => row.appId)}::text[], ${failed.map((row) => row.requestId)}::uuid[],
                ${instantArray(failed.map((row) => row.endedAt))}::timestamptz[], ${failed.map((row) => row.reason)}::text[])
         as input (app_id, request_id, failed_at, reason)
    where delivery.app_id = input.app_id and delivery.request_id = input.request_id
      and delivery.request_id between ${ids[0]} and ${ids.at(-1)}
  `.execute(tx);
}

import { sql, type RawBuilder } from 'kysely';
import {
  bytesArray,
  instantArray,
  plainArray,
  textArray,
  type Database,
  type Executor,
  type Transaction,
} from '../platform/database/index.ts';
import { lockOrderingKeys } from './ordering-store.ts';
import type { NewDelivery } from './store.ts';

/** What became of a row: `taken` where its idempotency key was another's already. */
export type Inserted = 'leased' | 'waiting' | 'queued' | 'failed' | 'taken';

/**
 * Inserts a batch in one statement, which is one commit. The answers stand in the order of the rows: their states, or
 * `taken` for a row whose idempotency key is taken, by an earlier row of the same batch even, which is left out.
 *
 * No row here has an ordering key: those go through `insertOrdered`.
 */
export async function insertDeliveries(db: Executor, rows: readonly NewDelivery[]): Promise<Inserted[]> {
  const [first] = rows;
  if (first !== undefined && rows.length === 1 && first.idempotency === null && first.state !== 'failed') {
    await insertOne(db, first);
    return [first.state];
  }
  if (rows.every((row) => row.idempotency === null)) {
    await insertPlain(db, rows);
    return rows.map((row) => row.state);
  }
  const inserted = await insertWithKeys(db, rows);
  return rows.map((row) => (inserted.has(row.requestId) ? row.state : 'taken'));
}

/**
 * Inserts a batch of rows with ordering keys in one transaction. A row is `queued` while an earlier one of its key is
 * under way; where only the latest counts, those of its key that wait give way to it.
 */
export async function insertOrdered(db: Database, rows: readonly NewDelivery[]): Promise<Inserted[]> {
  return db.transaction().execute((tx) => insertOrderedWithin(tx, rows));
}

/** As `insertOrdered`, in the caller's transaction. */
export async function insertOrderedWithin(tx: Transaction, rows: readonly NewDelivery[]): Promise<Inserted[]> {
  await lockOrderingKeys(tx, rows);
  const answers: Inserted[] = [];
  // One after another: what comes of a row depends on those before it.
  for (const row of rows) answers.push(await insertBehind(tx, row));
  return answers;
}

async function insertBehind(tx: Transaction, row: NewDelivery): Promise<Inserted> {
  if (row.state === 'failed' || row.orderingKey === null) return (await insertDeliveries(tx, [row]))[0] ?? 'failed';
  const [inserted] = await insertDeliveries(tx, [row]);
  if (inserted === 'taken') return 'taken';
  if (row.latestOnly) await supersede(tx, row);
  const { rows } = await sql`
    update delivery_queue
    set state = 'queued', due_at = null, lease_owner = null, lease_token = 0, attempts = 0, schedule_attempts = 0
    where app_id = ${row.appId} and request_id = ${row.requestId} and exists (
      select from delivery_queue earlier
      where earlier.lane = ${row.lane} and earlier.ordering_key = ${row.orderingKey}
        and earlier.state in ('leased', 'waiting', 'queued') and earlier.position < delivery_queue.position)
    returning request_id
  `.execute(tx);
  return rows.length === 1 ? 'queued' : row.state;
}

/** Ends the messages of a key that wait behind or for an attempt: a later one says what counts. */
async function supersede(tx: Transaction, row: NewDelivery): Promise<void> {
  await sql`
    with given_up as (
      delete from delivery_queue
      where lane = ${row.lane} and ordering_key = ${row.orderingKey} and state in ('waiting', 'queued')
        and not (app_id = ${row.appId} and request_id = ${row.requestId})
      returning app_id, request_id
    )
    update delivery set failed_at = ${row.acceptedAt}, reason = 'superseded'
    from given_up
    where delivery.app_id = given_up.app_id and delivery.request_id = given_up.request_id
  `.execute(tx);
}

/** A row that came alone, as most do at a small load: there are no arrays to write and to take apart. */
async function insertOne(db: Executor, row: NewDelivery): Promise<void> {
  const leased = row.state === 'leased' ? 1 : 0;
  await sql`
    /* prepared relay_insert_one */
    with queued as (
      insert into delivery_queue (app_id, request_id, lane, state, attempts, schedule_attempts, lease_token, lease_owner,
                                  due_at, ordering_key, reason, content_bytes, accepted_at)
      values (${row.appId}, ${row.requestId}::uuid, ${row.lane}, ${row.state}, ${leased}::integer, ${leased}::integer,
              ${leased}::bigint, ${leased === 1 ? row.leaseOwner : null}, ${row.dueAt?.toISOString() ?? null}::timestamptz,
              ${row.orderingKey}, ${row.reason}, ${row.contentBytes}::integer, ${row.acceptedAt.toISOString()}::timestamptz)
      returning position
    )
    insert into delivery (app_id, request_id, profile, url, url_version, callee_app_id, callee_no, caller_no,
                          message_type, content, attempts_max, delays_ms, trace_parent, accepted_at, occurred_at,
                          ordering_key, ordering_position)
    values (${row.appId}, ${row.requestId}::uuid, ${row.profile}, ${row.url}, ${row.urlVersion}::integer,
            ${row.calleeAppId}, ${row.calleeNo}, ${row.callerNo}, ${row.messageType}, ${row.content},
            ${row.attemptsMax}::integer, ${row.delaysMs && plainArray(row.delaysMs)}::integer[], ${row.traceParent},
            ${row.acceptedAt.toISOString()}::timestamptz, ${row.occurredAt?.toISOString() ?? null}::timestamptz,
            ${row.orderingKey}::text, case when ${row.orderingKey}::text is not null then (select position from queued) end)
  `.execute(db);
}

async function insertPlain(db: Executor, rows: readonly NewDelivery[]): Promise<void> {
  await sql`
    /* prepared relay_insert */
    with input as (${input(rows)}), queued as (${intoQueue(sql`input`)})
    ${intoDelivery(sql`input`)}
  `.execute(db);
}

async function insertWithKeys(db: Executor, rows: readonly NewDelivery[]): Promise<Set<string>> {
  const { rows: inserted } = await sql<{ request_id: string }>`
    /* prepared relay_insert_with_keys */
    with given as (${input(rows)}), keyed as (
      select * from unnest(
        ${plainArray(rows.map((row) => row.requestId))}::uuid[],
        ${textArray(rows.map((row) => row.idempotency?.key ?? null))}::text[],
        ${bytesArray(rows.map((row) => row.idempotency?.fingerprint ?? null))}::bytea[]
      ) as keyed (request_id, idempotency_key, fingerprint)
      where idempotency_key is not null
    ), own_key as (
      insert into delivery_idempotency_key (app_id, idempotency_key, fingerprint, request_id, created_at)
      select app_id, idempotency_key, fingerprint, request_id, accepted_at
      from given join keyed using (request_id)
      order by app_id, idempotency_key, request_id
      on conflict do nothing
      returning request_id
    ), input as (
      select * from given
      where request_id in (select request_id from own_key) or request_id not in (select request_id from keyed)
    ), queued as (${intoQueue(sql`input`)} returning request_id, position)
    ${intoDelivery(sql`input`, { keepsOrder: true })}
    returning request_id
  `.execute(db);
  return new Set(inserted.map((row) => row.request_id));
}

function input(rows: readonly NewDelivery[]): RawBuilder<unknown> {
  return sql`
    select * from unnest(
      ${textArray(rows.map((r) => r.appId))}::text[], ${plainArray(rows.map((r) => r.requestId))}::uuid[],
      ${textArray(rows.map((r) => r.lane))}::text[], ${plainArray(rows.map((r) => r.state))}::text[],
      ${textArray(rows.map((r) => r.orderingKey))}::text[], ${plainArray(rows.map((r) => r.profile))}::text[],
      ${textArray(rows.map((r) => r.url))}::text[], ${plainArray(rows.map((r) => r.urlVersion))}::integer[],
      ${textArray(rows.map((r) => r.calleeAppId))}::text[], ${textArray(rows.map((r) => r.calleeNo))}::text[],
      ${textArray(rows.map((r) => r.callerNo))}::text[], ${textArray(rows.map((r) => r.messageType))}::text[],
      ${textArray(rows.map((r) => r.content))}::text[], ${plainArray(rows.map((r) => r.contentBytes))}::integer[],
      ${plainArray(rows.map((r) => r.attemptsMax))}::integer[],
      ${textArray(rows.map((r) => r.delaysMs && plainArray(r.delaysMs)))}::text[],
      ${textArray(rows.map((r) => r.traceParent))}::text[], ${textArray(rows.map((r) => r.leaseOwner))}::text[],
      ${instantArray(rows.map((r) => r.dueAt))}::timestamptz[], ${textArray(rows.map((r) => r.reason))}::text[],
      ${instantArray(rows.map((r) => r.acceptedAt))}::timestamptz[],
      ${instantArray(rows.map((r) => r.occurredAt))}::timestamptz[]
    ) as input (app_id, request_id, lane, state, ordering_key, profile, url, url_version, callee_app_id, callee_no,
                caller_no, message_type, content, content_bytes, attempts_max, delays_ms, trace_parent, lease_owner,
                due_at, reason, accepted_at, occurred_at)`;
}

function intoQueue(from: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    insert into delivery_queue (app_id, request_id, lane, state, attempts, schedule_attempts, lease_token, lease_owner,
                                due_at, ordering_key, reason, content_bytes, accepted_at)
    select app_id, request_id, lane, state, (state = 'leased')::integer, (state = 'leased')::integer,
           (state = 'leased')::integer, case when state = 'leased' then lease_owner end, due_at, ordering_key, reason,
           content_bytes, accepted_at
    from ${from} where state <> 'failed'`;
}

/** @param keep `keepsOrder`: rows may have an ordering key; `queued` tells where they stand in the queue */
function intoDelivery(from: RawBuilder<unknown>, keep = { keepsOrder: false }): RawBuilder<unknown> {
  const columns = keep.keepsOrder ? sql`, ordering_key, ordering_position` : sql``;
  const values = keep.keepsOrder
    ? sql`, ordering_key, case when ordering_key is not null then (
             select position from queued where queued.request_id = ${from}.request_id) end`
    : sql``;
  return sql`
    insert into delivery (app_id, request_id, profile, url, url_version, callee_app_id, callee_no, caller_no,
                          message_type, content, attempts_max, delays_ms, trace_parent, reason, accepted_at, occurred_at,
                          failed_at${columns})
    select app_id, request_id, profile, url, url_version, callee_app_id, callee_no, caller_no, message_type, content,
           attempts_max, delays_ms::integer[], trace_parent, case when state = 'failed' then reason end, accepted_at,
           occurred_at, case when state = 'failed' then accepted_at end${values}
    from ${from}`;
}

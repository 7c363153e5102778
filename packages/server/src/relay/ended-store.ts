import { sql } from 'kysely';
import {
  Batch,
  batchColumn,
  instantArray,
  plainArray,
  textArray,
  type BatchColumn,
  type Database,
} from '../platform/database/index.ts';
import { attemptColumns, RECORD_NEW_ATTEMPTS } from './attempt-record-store.ts';
import type { NewDelivery, Settlement } from './store.ts';

/** A message whose first attempt ended before it had rows of its own. */
export interface EndedFirst {
  readonly row: NewDelivery;
  readonly settlement: Settlement;
}

const ofRow = <Value>(
  name: string,
  type: string,
  array: (values: readonly Value[]) => string,
  value: (row: NewDelivery) => Value,
): BatchColumn<EndedFirst> => batchColumn(name, type, array, ({ row }) => value(row));

const ofEnd = <Value>(
  name: string,
  type: string,
  array: (values: readonly Value[]) => string,
  value: (settlement: Settlement) => Value,
): BatchColumn<EndedFirst> => batchColumn(name, type, array, ({ settlement }) => value(settlement));

const ENDS: readonly BatchColumn<EndedFirst>[] = [
  ofRow('lane', 'text', textArray, (row) => row.lane),
  ofRow('content_bytes', 'integer', plainArray, (row) => row.contentBytes),
  ofEnd('state', 'text', plainArray, ({ next }) => next.state),
  ofEnd('reason', 'text', textArray, ({ next }) => (next.state === 'delivered' ? null : next.reason)),
  ofEnd('due_at', 'timestamptz', instantArray, ({ next }) => (next.state === 'waiting' ? next.nextAttemptAt : null)),
  ...attemptColumns<EndedFirst>((item) => item.settlement),
];

const MESSAGES: readonly BatchColumn<EndedFirst>[] = [
  ofRow('profile', 'text', plainArray, (row) => row.profile),
  ofRow('url', 'text', textArray, (row) => row.url),
  ofRow('url_version', 'integer', plainArray, (row) => row.urlVersion),
  ofRow('callee_app_id', 'text', textArray, (row) => row.calleeAppId),
  ofRow('callee_no', 'text', textArray, (row) => row.calleeNo),
  ofRow('caller_no', 'text', textArray, (row) => row.callerNo),
  ofRow('message_type', 'text', textArray, (row) => row.messageType),
  ofRow('content', 'text', textArray, (row) => row.content),
  ofRow('trace_parent', 'text', textArray, (row) => row.traceParent),
  ofEnd('failed_reason', 'text', textArray, ({ next }) => (next.state === 'failed' ? next.reason : null)),
  ofEnd('failed_at', 'timestamptz', instantArray, ({ next, endedAt }) => (next.state === 'failed' ? endedAt : null)),
];

const SHARED: readonly BatchColumn<EndedFirst>[] = [
  ofRow('app_id', 'text', textArray, (row) => row.appId),
  ofRow('request_id', 'uuid', plainArray, (row) => row.requestId),
  ofRow('accepted_at', 'timestamptz', instantArray, (row) => row.acceptedAt),
];

const BATCH = new Batch<EndedFirst>([...SHARED, ...ENDS, ...MESSAGES]);
const namesOf = (columns: readonly BatchColumn<EndedFirst>[]): string[] => columns.map(({ name }) => name);

// The contents stand in no `with`, whose rows are held twice.
const STATEMENT = `/* prepared relay_insert_ended */
  with input as materialized (
    select * from ${BATCH.unnest('input', namesOf([...SHARED, ...ENDS]))}
  ), ${RECORD_NEW_ATTEMPTS}, queued as (
    insert into delivery_queue (app_id, request_id, lane, state, attempts, schedule_attempts, lease_token, due_at, reason,
                                content_bytes, accepted_at)
    select app_id, request_id, lane, 'waiting', 1, 1, 1, due_at, reason, content_bytes, accepted_at
    from input where state = 'waiting'
  )
  insert into delivery (app_id, request_id, profile, url, url_version, callee_app_id, callee_no, caller_no, message_type,
                        content, trace_parent, accepted_at, reason, failed_at)
  select app_id, request_id, profile, url, url_version, callee_app_id, callee_no, caller_no, message_type, content,
         trace_parent, accepted_at, failed_reason, failed_at
  from ${BATCH.unnest('message', namesOf([...SHARED, ...MESSAGES]))}
  -- the chain's lock before any key: while that is waited for, a message's row may be written without its outcome
  where (select count(*) from head) > 0`;

/**
 * Writes messages with what their first attempts came to, in one statement: of one that is delivered or has failed,
 * nothing ever stands in the queue. Messages here have no ordering key and no idempotency key.
 */
export async function insertEnded(db: Database, items: readonly EndedFirst[]): Promise<void> {
  if (items.every(({ settlement }) => settlement.next.state !== 'failed')) {
    await BATCH.execute(db, STATEMENT, items);
    return;
  }
  await db.transaction().execute(async (tx) => {
    // A failure is told once it is committed, so this commit waits for the disk.
    await sql`set local synchronous_commit = on`.execute(tx);
    await BATCH.execute(tx, STATEMENT, items);
  });
}

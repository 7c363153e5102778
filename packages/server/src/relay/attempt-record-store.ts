import {
  batchColumn,
  bytesArray,
  hexArray,
  instantArray,
  plainArray,
  textArray,
  type BatchColumn,
} from '../platform/database/index.ts';
import { chainEntryHex } from './attempt-chain.ts';
import type { Attempt } from './delivery.ts';

/** An attempt that is to be recorded, and what its entry in the chain covers. */
export interface RecordedAttempt {
  readonly appId: string;
  readonly requestId: string;
  readonly attempt: Attempt;
  /** SHA-256 of what was sent and whither, as it was accepted (`deliverySha256`), in hex. */
  readonly deliverySha256: string;
}

/** What `recordAttempts` reads of its input, beside `app_id` and `request_id`. */
export function attemptColumns<Row>(of: (row: Row) => RecordedAttempt): BatchColumn<Row>[] {
  const column = <Value>(
    name: string,
    type: string,
    array: (values: readonly Value[]) => string,
    value: (attempt: Attempt) => Value,
  ): BatchColumn<Row> => batchColumn(name, type, array, (row) => value(of(row).attempt));
  return [
    column('number', 'integer', plainArray, (attempt) => attempt.number),
    column('started_at', 'timestamptz', instantArray, (attempt) => attempt.startedAt),
    column('duration_ms', 'integer', plainArray, (attempt) => attempt.durationMs),
    column('outcome', 'text', plainArray, (attempt) => attempt.outcome),
    column('status', 'smallint', plainArray, (attempt) => attempt.status),
    column('attempt_reason', 'text', textArray, (attempt) => attempt.reason),
    column('answer', 'bytea', bytesArray, (attempt) => attempt.answer),
    column('attempt_url', 'text', textArray, (attempt) => attempt.url),
    column('remote_address', 'text', textArray, (attempt) => attempt.remoteAddress),
    column('tls_fingerprint', 'bytea', bytesArray, (attempt) => attempt.tlsFingerprint),
    column('request_sha256', 'bytea', bytesArray, (attempt) => attempt.requestSha256),
    column('node', 'text', textArray, (attempt) => attempt.node),
    batchColumn('entry', 'bytea', hexArray, (row) => {
      const { appId, requestId, attempt, deliverySha256 } = of(row);
      return chainEntryHex(appId, requestId, attempt, deliverySha256);
    }),
  ];
}

const INTO_ATTEMPTS = `
  insert into delivery_attempt (app_id, request_id, number, started_at, duration_ms, outcome, status, reason, answer,
                                url, remote_address, tls_fingerprint, request_sha256, node)
  select app_id, request_id, number, started_at, duration_ms, outcome, status, attempt_reason, answer, attempt_url,
         remote_address, tls_fingerprint, request_sha256, node
  from input`;

const INTO_CHAINS = `
  head as (
    insert into delivery_chain as chain (app_id, sequence, hash)
    select app_id, 1, sha256(entries) from batch order by app_id
    on conflict (app_id) do update
      set sequence = chain.sequence + 1, hash = sha256(chain.hash || excluded.hash)
    returning app_id, sequence, hash
  ), linked as (
    insert into delivery_attempt_link (app_id, sequence, at, entries, hash)
    select app_id, head.sequence, batch.at, batch.entries, head.hash
    from batch join head using (app_id)
  )`;

const BATCH_OF_APP = `
  select app_id, string_agg(entry, ''::bytea order by request_id, number) as entries, max(started_at) as at
  from input`;

/**
 * The parts of a `with` that record the attempts of its `input` and put them into the chains of their applications: one
 * link each, under the lock of the chain's head. One that stands there already fails the statement.
 */
export const RECORD_NEW_ATTEMPTS = `
  recorded as (${INTO_ATTEMPTS}
  ), batch as (${BATCH_OF_APP}
    group by app_id
  ), ${INTO_CHAINS}`;

/** As `RECORD_NEW_ATTEMPTS`, and one that stands there already is left as it is. */
export const RECORD_ATTEMPTS = `
  recorded as (${INTO_ATTEMPTS}
    on conflict do nothing
    returning app_id, request_id, number
  ), batch as (${BATCH_OF_APP}
    -- a join would walk all of one for each of the other; an attempt that stands there already is rare
    where (select count(*) from recorded) = (select count(*) from input) or exists (
      select from recorded
      where recorded.app_id = input.app_id and recorded.request_id = input.request_id
        and recorded.number = input.number)
    group by app_id
  ), ${INTO_CHAINS}`;

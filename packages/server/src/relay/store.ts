import { sql } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import type { Attempt, DeliveryState } from './delivery.ts';
import { DESTINATION_JSON, type Destination } from './destination.ts';
import type { ProfileName } from './profiles.ts';
import type { Next } from './retry-policy.ts';

/** The channel on which committed transactions say that a delivery waits. */
export const WAKE_CHANNEL = 'yinxin_relay';

/** A delivery that this node holds for the length of a lease. */
export interface LeasedDelivery {
  readonly appId: string;
  readonly requestId: string;
  readonly leaseToken: number;
  readonly leaseEndsAt: Date;
  readonly profile: ProfileName;
  readonly url: string;
  readonly messageType: string;
  readonly content: string;
  readonly attemptsMax: number | null;
  /** The message's own waits; null: the destination's or the profile's. */
  readonly delaysMs: readonly number[] | null;
  /** The number of the attempt that this lease is for. */
  readonly attempts: number;
  readonly scheduleAttempts: number;
  /** The registered destination's present settings; null for a delivery to a bare URL. */
  readonly destination: Destination | null;
}

export interface NewDelivery {
  readonly appId: string;
  readonly requestId: string;
  /** `leased` to this node for the first attempt, `waiting` for a dispatcher, or `failed` from the start. */
  readonly state: 'leased' | 'waiting' | 'failed';
  readonly profile: ProfileName;
  readonly url: string;
  readonly calleeAppId: string | null;
  readonly calleeNo: string | null;
  readonly callerNo: string | null;
  readonly messageType: string;
  readonly content: string;
  readonly attemptsMax: number | null;
  /** The message's own waits; null: the destination's or the profile's. */
  readonly delaysMs: readonly number[] | null;
  readonly leaseOwner: string;
  readonly dueAt: Date | null;
  readonly reason: string | null;
  readonly acceptedAt: Date;
  readonly occurredAt: Date | null;
  readonly idempotency: { readonly key: string; readonly fingerprint: Buffer } | null;
}

/**
 * Inserts a batch in one statement, which is one commit. Answers the request ids that were inserted: a row whose
 * idempotency key is taken, by an earlier row of the same batch even, is left out.
 */
export async function insertDeliveries(db: Executor, rows: readonly NewDelivery[]): Promise<Set<string>> {
  const inserted = await sql<{ request_id: string }>`
    with input as (
      select * from unnest(
        ${rows.map((r) => r.appId)}::text[], ${rows.map((r) => r.requestId)}::uuid[], ${rows.map((r) => r.state)}::text[],
        ${rows.map((r) => r.profile)}::text[], ${rows.map((r) => r.url)}::text[],
        ${rows.map((r) => r.calleeAppId)}::text[], ${rows.map((r) => r.calleeNo)}::text[],
        ${rows.map((r) => r.callerNo)}::text[], ${rows.map((r) => r.messageType)}::text[],
        ${rows.map((r) => r.content)}::text[], ${rows.map((r) => r.attemptsMax)}::integer[],
        ${rows.map((r) => arrayText(r.delaysMs))}::text[],
        ${rows.map((r) => r.leaseOwner)}::text[], ${instants(rows.map((r) => r.dueAt))}::timestamptz[],
        ${rows.map((r) => r.reason)}::text[], ${instants(rows.map((r) => r.acceptedAt))}::timestamptz[],
        ${instants(rows.map((r) => r.occurredAt))}::timestamptz[],
        ${rows.map((r) => r.idempotency?.key ?? null)}::text[],
        ${rows.map((r) => r.idempotency?.fingerprint ?? null)}::bytea[]
      ) as input (app_id, request_id, state, profile, url, callee_app_id, callee_no, caller_no, message_type, content,
                  attempts_max, delays_ms, lease_owner, due_at, reason, accepted_at, occurred_at, idempotency_key,
                  fingerprint)
    ), own_key as (
      insert into delivery_idempotency_key (app_id, idempotency_key, fingerprint, request_id, created_at)
      select app_id, idempotency_key, fingerprint, request_id, accepted_at
      from input where idempotency_key is not null
      order by app_id, idempotency_key
      on conflict do nothing
      returning request_id
    )
    insert into delivery (app_id, request_id, state, profile, url, callee_app_id, callee_no, caller_no, message_type,
                          content, attempts_max, delays_ms, attempts, schedule_attempts, lease_token, lease_owner, due_at,
                          reason, accepted_at, occurred_at, ended_at)
    select app_id, request_id, state, profile, url, callee_app_id, callee_no, caller_no, message_type,
           content, attempts_max, delays_ms::integer[],
           (state = 'leased')::integer, (state = 'leased')::integer, (state = 'leased')::integer,
           case when state = 'leased' then lease_owner end, due_at, reason,
           accepted_at, occurred_at, case when state = 'failed' then accepted_at end
    from input
    where idempotency_key is null or request_id in (select request_id from own_key)
    returning request_id
  `.execute(db);
  return new Set(inserted.rows.map((row) => row.request_id));
}

/** The delivery that holds an idempotency key. */
export async function findIdempotencyKey(
  db: Executor,
  appId: string,
  key: string,
): Promise<{ requestId: string; fingerprint: Buffer } | null> {
  const { rows } = await sql<{ requestId: string; fingerprint: Buffer }>`
    select request_id as "requestId", fingerprint
    from delivery_idempotency_key
    where app_id = ${appId} and idempotency_key = ${key}
  `.execute(db);
  return rows[0] ?? null;
}

/** Wakes the dispatchers of every node when the caller's transaction commits. */
export async function notifyWake(db: Executor): Promise<void> {
  await sql`select pg_notify(${WAKE_CHANNEL}, '')`.execute(db);
}

/** Takes up to `limit` deliveries that are due, those with an expired lease among them, and leases them to `node`. */
export async function claimDue(
  db: Executor,
  claim: { node: string; now: Date; leaseEndsAt: Date; limit: number },
): Promise<LeasedDelivery[]> {
  const { rows } = await sql<Omit<LeasedDelivery, 'destination'> & { destination: Destination }>`
    with due as (
      select app_id, request_id
      from delivery
      where due_at <= ${claim.now}
      order by due_at
      limit ${claim.limit}
      for update skip locked
    ), claimed as (
      update delivery
      set state = 'leased', lease_owner = ${claim.node}, lease_token = lease_token + 1, due_at = ${claim.leaseEndsAt},
          attempts = attempts + 1, schedule_attempts = schedule_attempts + 1
      from due
      where delivery.app_id = due.app_id and delivery.request_id = due.request_id
      returning delivery.*
    )
    select claimed.app_id as "appId", claimed.request_id as "requestId", claimed.lease_token as "leaseToken",
           claimed.due_at as "leaseEndsAt", claimed.profile, claimed.url, claimed.message_type as "messageType",
           claimed.content, claimed.attempts_max as "attemptsMax", claimed.delays_ms as "delaysMs", claimed.attempts,
           claimed.schedule_attempts as "scheduleAttempts",
           case when callee.app_id is not null then json_build_object(${sql.raw(DESTINATION_JSON)}) end as destination
    from claimed
    left join callee on callee.app_id = claimed.callee_app_id and callee.callee_no = claimed.callee_no
  `.execute(db);
  return rows;
}

/** What an attempt came to, for the delivery and for the record. */
export interface Settlement {
  readonly appId: string;
  readonly requestId: string;
  readonly leaseToken: number;
  readonly next: Next;
  readonly endedAt: Date;
  readonly attempt: Attempt;
}

/**
 * Records a batch of attempts and moves their deliveries on, as far as the leases are still the attempts' own. Answers
 * the request ids that were moved. Doing it twice does nothing the second time.
 */
export async function settleAttempts(db: Executor, rows: readonly Settlement[]): Promise<Set<string>> {
  const settled = await sql<{ request_id: string }>`
    with input as (
      select * from unnest(
        ${rows.map((r) => r.appId)}::text[], ${rows.map((r) => r.requestId)}::uuid[],
        ${rows.map((r) => r.leaseToken)}::bigint[], ${rows.map((r) => r.next.state)}::text[],
        ${rows.map((r) => (r.next.state === 'delivered' ? null : r.next.reason))}::text[],
        ${instants(rows.map((r) => (r.next.state === 'waiting' ? r.next.nextAttemptAt : null)))}::timestamptz[],
        ${instants(rows.map((r) => (r.next.state === 'waiting' ? null : r.endedAt)))}::timestamptz[],
        ${rows.map((r) => r.attempt.number)}::integer[], ${instants(rows.map((r) => r.attempt.startedAt))}::timestamptz[],
        ${rows.map((r) => r.attempt.durationMs)}::integer[], ${rows.map((r) => r.attempt.outcome)}::text[],
        ${rows.map((r) => r.attempt.status)}::smallint[], ${rows.map((r) => r.attempt.reason)}::text[],
        ${rows.map((r) => r.attempt.answer)}::bytea[], ${rows.map((r) => r.attempt.url)}::text[],
        ${rows.map((r) => r.attempt.remoteAddress)}::text[], ${rows.map((r) => r.attempt.node)}::text[]
      ) as input (app_id, request_id, lease_token, state, reason, due_at, ended_at, number, started_at, duration_ms,
                  outcome, status, attempt_reason, answer, url, remote_address, node)
    ), recorded as (
      insert into delivery_attempt (app_id, request_id, number, started_at, duration_ms, outcome, status, reason, answer,
                                    url, remote_address, node)
      select app_id, request_id, number, started_at, duration_ms, outcome, status, attempt_reason, answer, url,
             remote_address, node
      from input
      on conflict do nothing
    )
    update delivery
    set state = input.state, reason = input.reason, due_at = input.due_at, ended_at = input.ended_at, lease_owner = null
    from input
    where delivery.app_id = input.app_id and delivery.request_id = input.request_id
      and delivery.lease_token = input.lease_token and delivery.state = 'leased'
    returning delivery.request_id
  `.execute(db);
  return new Set(settled.rows.map((row) => row.request_id));
}

/**
 * Gives a leased delivery back without an attempt because its destination is switched off: `parked`, or `waiting` where
 * it was switched on meanwhile. The callee's row is locked, so that no switching on can pass between look and write.
 */
export async function parkDelivery(db: Executor, delivery: LeasedDelivery, now: Date): Promise<void> {
  await sql`
    with destination as (
      select callee.enabled
      from delivery join callee on callee.app_id = delivery.callee_app_id and callee.callee_no = delivery.callee_no
      where delivery.app_id = ${delivery.appId} and delivery.request_id = ${delivery.requestId}
      for share of callee
    )
    update delivery
    set state = case when destination.enabled then 'waiting' else 'parked' end,
        due_at = case when destination.enabled then ${now}::timestamptz end,
        reason = 'destination_disabled', lease_owner = null,
        attempts = attempts - 1, schedule_attempts = schedule_attempts - 1
    from destination
    where delivery.app_id = ${delivery.appId} and delivery.request_id = ${delivery.requestId}
      and delivery.lease_token = ${delivery.leaseToken} and delivery.state = 'leased'
  `.execute(db);
}

/** Lets the parked deliveries of a callee wait again. Runs in the transaction that switches it on. */
export async function releaseParked(db: Executor, appId: string, calleeNo: string, now: Date): Promise<void> {
  await sql`
    update delivery set state = 'waiting', due_at = ${now}
    where callee_app_id = ${appId} and callee_no = ${calleeNo} and state = 'parked'
  `.execute(db);
}

/** Makes an ended delivery wait again with a fresh schedule; false when it has not ended. */
export async function reopenDelivery(
  db: Executor,
  delivery: { appId: string; requestId: string },
  now: Date,
): Promise<boolean> {
  const { rows } = await sql`
    update delivery set state = 'waiting', due_at = ${now}, ended_at = null, schedule_attempts = 0
    where app_id = ${delivery.appId} and request_id = ${delivery.requestId} and state in ('delivered', 'failed')
    returning request_id
  `.execute(db);
  return rows.length === 1;
}

export async function findState(
  db: Executor,
  requestId: string,
): Promise<{ appId: string; state: DeliveryState; reason: string | null } | null> {
  const { rows } = await sql<{ appId: string; state: DeliveryState; reason: string | null }>`
    select app_id as "appId", state, reason from delivery where request_id = ${requestId}
  `.execute(db);
  return rows[0] ?? null;
}

/** An array as PostgreSQL reads one: unnest would take an array of arrays apart to its numbers. */
function arrayText(numbers: readonly number[] | null): string | null {
  return numbers === null ? null : `{${numbers.join(',')}}`;
}

/** Dates as text: the driver would write those inside arrays in the process's own zone. */
function instants(dates: readonly (Date | null)[]): (string | null)[] {
  return dates.map((date) => date?.toISOString() ?? null);
}

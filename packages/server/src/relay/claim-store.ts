import { sql } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import { DESTINATION_JSON, type Destination } from './destination.ts';
import type { LaneName } from './lane.ts';
import type { LeasedDelivery } from './store.ts';

/** How many due deliveries of a lane a claim may take. */
export interface Quota {
  readonly lane: LaneName;
  readonly max: number;
}

export interface Claim {
  readonly node: string;
  readonly now: Date;
  readonly leaseEndsAt: Date;
  readonly quotas: readonly Quota[];
  /** Contents in all, apart from the first. */
  readonly bytesMax: number;
}

/** A queue row that a claim took; its message is read apart. */
export interface ClaimedRow {
  readonly appId: string;
  readonly requestId: string;
  readonly lane: LaneName;
  readonly leaseToken: number;
  readonly orderingKey: string | null;
  readonly attempts: number;
  readonly scheduleAttempts: number;
  readonly contentBytes: number;
}

/**
 * Takes deliveries that are due, lane by lane and the longest due first, and leases them to `node`. The cost follows
 * what is taken, not what waits.
 */
export async function claimDue(db: Executor, claim: Claim): Promise<ClaimedRow[]> {
  // By ctid: the rows are locked, and a plan made while the table was empty cannot come to read all of it.
  const { rows } = await sql<ClaimedRow>`
    /* prepared relay_claim */
    with wanted as (
      select * from unnest(${claim.quotas.map((quota) => quota.lane)}::text[],
                           ${claim.quotas.map((quota) => quota.max)}::integer[]) as wanted (lane, quota)
      -- one that was switched off a moment ago
      where not exists (
        select from callee
        where callee.app_id = split_part(lane, '/', 1) and callee.callee_no = split_part(lane, '/', 2)
          and not callee.enabled and lane = callee.app_id || '/' || callee.callee_no)
    ), due as materialized (
      select row.id, row.due_at, row.content_bytes
      from wanted cross join lateral (
        select ctid as id, due_at, content_bytes
        from delivery_queue
        where lane = wanted.lane and state = 'waiting' and due_at <= ${claim.now}
        order by due_at
        limit wanted.quota
        for update skip locked
      ) as row
    ), picked as materialized (
      select id from (select id, content_bytes, sum(content_bytes) over (order by due_at, id) as running from due) as summed
      where running - content_bytes <= ${claim.bytesMax}
    )
    update delivery_queue
    set state = 'leased', lease_owner = ${claim.node}, lease_token = lease_token + 1, due_at = ${claim.leaseEndsAt},
        attempts = attempts + 1, schedule_attempts = schedule_attempts + 1
    where ctid = any (array(select id from picked))
    returning app_id as "appId", request_id as "requestId", lane, lease_token as "leaseToken",
              ordering_key as "orderingKey", attempts, schedule_attempts as "scheduleAttempts",
              content_bytes as "contentBytes"
  `.execute(db);
  return rows;
}

/** A message with its destination's present settings, as an attempt needs them. */
export type Message = Pick<
  LeasedDelivery,
  | 'profile'
  | 'url'
  | 'urlVersion'
  | 'calleeAppId'
  | 'calleeNo'
  | 'callerNo'
  | 'messageType'
  | 'acceptedAt'
  | 'occurredAt'
  | 'content'
  | 'attemptsMax'
  | 'delaysMs'
  | 'traceParent'
  | 'destination'
>;

/** The messages of claimed rows by request id. The bounds let the planner leave out every other day's partition. */
export async function loadMessages(db: Executor, rows: readonly ClaimedRow[]): Promise<Map<string, Message>> {
  const ids = rows.map((row) => row.requestId).toSorted();
  const { rows: found } = await sql<Message & { requestId: string; destination: Destination | null }>`
    select delivery.request_id as "requestId", delivery.profile, delivery.url, delivery.url_version as "urlVersion",
           delivery.callee_app_id as "calleeAppId", delivery.callee_no as "calleeNo", delivery.caller_no as "callerNo",
           delivery.message_type as "messageType", delivery.accepted_at as "acceptedAt",
           delivery.occurred_at as "occurredAt", delivery.content, delivery.attempts_max as "attemptsMax",
           delivery.delays_ms as "delaysMs", delivery.trace_parent as "traceParent",
           case when callee.app_id is not null then json_build_object(${sql.raw(DESTINATION_JSON)}) end as destination
    from delivery
    left join callee on callee.app_id = delivery.callee_app_id and callee.callee_no = delivery.callee_no
    where delivery.request_id between ${ids[0]} and ${ids.at(-1)} and delivery.request_id = any (${ids}::uuid[])
      and delivery.content is not null
  `.execute(db);
  return new Map(found.map(({ requestId, ...message }) => [requestId, message]));
}

/**
 * Lets deliveries whose lease has ended wait again, and answers their lanes. A lease that nobody settled costs no try of
 * the schedule, except where it happens again and again: a message that ends every node must come to an end itself.
 */
export async function takeBackEndedLeases(db: Executor, now: Date): Promise<LaneName[]> {
  const { rows } = await sql<{ lane: LaneName }>`
    update delivery_queue
    set state = 'waiting', lease_owner = null, reason = coalesce(reason, 'lease_ended'),
        schedule_attempts = schedule_attempts - (attempts - schedule_attempts < ${FREE_LEASES_MAX})::integer
    where ctid = any (array(
      select ctid from delivery_queue
      where state = 'leased' and due_at <= ${now}
      order by due_at
      limit ${ENDED_LEASES_BATCH_MAX}
      for update skip locked))
    returning lane
  `.execute(db);
  return [...new Set(rows.map((row) => row.lane))];
}

const ENDED_LEASES_BATCH_MAX = 1_000;
const FREE_LEASES_MAX = 5;

export interface DueLane {
  readonly lane: LaneName;
  /** Of a registered destination that stands in the table. */
  readonly destination: Destination | null;
}

/** Every lane that has something due, with its settings: one index descent for each lane that has anything waiting. */
export async function findDueLanes(db: Executor, now: Date): Promise<DueLane[]> {
  const { rows } = await sql<DueLane>`
    with recursive lanes as (
      (select lane, due_at from delivery_queue where state = 'waiting' order by lane, due_at limit 1)
      union all
      select next.lane, next.due_at
      from lanes cross join lateral (
        select lane, due_at from delivery_queue
        where state = 'waiting' and lane > lanes.lane
        order by lane, due_at
        limit 1
      ) as next
    )
    select lanes.lane,
           case when callee.app_id is not null then json_build_object(${sql.raw(DESTINATION_JSON)}) end as destination
    from lanes
    left join callee on callee.app_id = split_part(lanes.lane, '/', 1) and callee.callee_no = split_part(lanes.lane, '/', 2)
                    and lanes.lane = callee.app_id || '/' || callee.callee_no
    where lanes.due_at <= ${now}
  `.execute(db);
  return rows;
}

/** What is set for lanes of registered destinations. */
export async function findLaneDestinations(db: Executor, lanes: readonly LaneName[]): Promise<DueLane[]> {
  const { rows } = await sql<DueLane>`
    select named.lane, json_build_object(${sql.raw(DESTINATION_JSON)}) as destination
    from unnest(${[...lanes]}::text[]) as named (lane)
    join callee on callee.app_id = split_part(named.lane, '/', 1) and callee.callee_no = split_part(named.lane, '/', 2)
  `.execute(db);
  return rows;
}

/**
 * Gives claimed deliveries back without an attempt: their destination may have none now. They stand in the order of
 * acceptance again.
 */
export async function giveBack(
  db: Executor,
  rows: readonly Pick<ClaimedRow, 'appId' | 'requestId' | 'leaseToken'>[],
  reason: string,
): Promise<void> {
  await sql`
    update delivery_queue
    set state = 'waiting', due_at = accepted_at, reason = ${reason}, lease_owner = null,
        attempts = attempts - 1, schedule_attempts = schedule_attempts - 1
    from unnest(${rows.map((row) => row.appId)}::text[], ${rows.map((row) => row.requestId)}::uuid[],
                ${rows.map((row) => row.leaseToken)}::bigint[]) as given (app_id, request_id, lease_token)
    where delivery_queue.app_id = given.app_id and delivery_queue.request_id = given.request_id
      and delivery_queue.lease_token = given.lease_token and delivery_queue.state = 'leased'
  `.execute(db);
}

/**
 * Makes everything of a lane that had failed and waits due in the order of acceptance: its destination is back.
 */
export async function replayLane(db: Executor, lane: LaneName): Promise<void> {
  await sql`
    update delivery_queue set due_at = accepted_at
    -- what somebody else has locked is being claimed or ended: waiting for it might be waiting for each other
    where ctid = any (array(
      select ctid from delivery_queue
      where lane = ${lane} and state = 'waiting' and schedule_attempts > 0 and due_at > accepted_at
      for update skip locked))
  `.execute(db);
}

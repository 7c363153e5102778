import { sql } from 'kysely';
import type { Database, Executor } from '../platform/database/index.ts';
import { uuidLowerBound } from '../platform/ids.ts';
import { deliverySha256 } from './attempt-chain.ts';
import type { AcceptedDelivery, Attempt } from './delivery.ts';
import type { ChainLink } from './evidence-store.ts';
import { ALL_APPS, type DroppedRun } from './retention-record.ts';
import { CHAIN_MIGRATION, findDrops } from './retention-store.ts';

/** A link with its place among those of the same chain: two may claim one sequence number. */
export interface StoredLink extends ChainLink {
  readonly at: string;
  readonly atMs: number;
}

/** The next links of a chain after a place, in order. */
export async function findLinksAfter(
  db: Executor,
  appId: string,
  after: { readonly sequence: number; readonly at: string } | null,
  limit: number,
): Promise<StoredLink[]> {
  const { rows } = await sql<StoredLink>`
    select sequence, entries, hash, at::text as at, (extract(epoch from at) * 1000)::float8 as "atMs"
    from delivery_attempt_link
    where app_id = ${appId}
      and (sequence, at) > (${after?.sequence ?? 0}, ${after?.at ?? '-infinity'}::timestamptz)
    order by sequence, at
    limit ${limit}
  `.execute(db);
  return rows;
}

/** The greatest sequence number of the links that are kept; null where there are none. */
export async function findLastSequence(db: Executor, appId: string): Promise<number | null> {
  const { rows } = await sql<{ sequence: number | null }>`
    select max(sequence) as sequence from delivery_attempt_link where app_id = ${appId}
  `.execute(db);
  return rows[0]?.sequence ?? null;
}

export interface AttemptName {
  readonly requestId: string;
  readonly number: number;
}

/** An attempt with what its delivery was accepted as. */
export type NamedAttempt = Attempt & {
  readonly requestId: string;
  /** `deliverySha256` of the delivery as it stands there now; null: it is not there. */
  readonly ofDelivery: string | null;
};

type NamedRow = Attempt & {
  readonly requestId: string;
  readonly isDeliveryThere: boolean;
  readonly contentSha256: Buffer | null;
  readonly acceptedUrl: string;
} & Omit<AcceptedDelivery, 'appId' | 'requestId' | 'url'>;

/** The attempts of these names, as far as they are there. The database hashes their messages: these are not carried here. */
export async function findNamedAttempts(
  db: Executor,
  appId: string,
  names: readonly AttemptName[],
): Promise<NamedAttempt[]> {
  const ids = names.map((name) => name.requestId);
  const sorted = ids.toSorted();
  const { rows } = await sql<NamedRow>`
    select attempt.request_id as "requestId", attempt.number, started_at as "startedAt", duration_ms as "durationMs",
           outcome, status, attempt.reason, answer, attempt.url, remote_address as "remoteAddress",
           tls_fingerprint as "tlsFingerprint", request_sha256 as "requestSha256", node,
           delivery.request_id is not null as "isDeliveryThere", delivery.profile, delivery.url as "acceptedUrl",
           callee_app_id as "calleeAppId", callee_no as "calleeNo", caller_no as "callerNo",
           message_type as "messageType", accepted_at as "acceptedAt", occurred_at as "occurredAt",
           coalesce(sha256(convert_to(content, 'UTF8')), content_sha256) as "contentSha256"
    from delivery_attempt attempt
    join unnest(${ids}::uuid[], ${names.map((name) => name.number)}::integer[]) as named (request_id, number)
      on named.request_id = attempt.request_id and named.number = attempt.number
    left join delivery on delivery.app_id = attempt.app_id and delivery.request_id = attempt.request_id
      and delivery.request_id between ${sorted[0]} and ${sorted.at(-1)}
    where attempt.app_id = ${appId} and attempt.request_id between ${sorted[0]} and ${sorted.at(-1)}
  `.execute(db);
  return rows.map((row) =>
    Object.assign(row, {
      ofDelivery: row.isDeliveryThere
        ? deliverySha256({ ...row, appId, url: row.acceptedUrl }, row.contentSha256?.toString('hex') ?? null)
        : null,
    }),
  );
}

/** What retention and an older schema explain of a chain. */
export interface ChainBounds {
  /** Attempts that were made before then are older than the chain itself. */
  readonly chainedSince: Date;
  /** Attempts of deliveries accepted before this id were dropped with their day; null: none was. */
  readonly attemptsKeptFrom: string | null;
  /** Deliveries accepted before this id were dropped with their day; null: none was. */
  readonly deliveriesKeptFrom: string | null;
  /** Links of attempts that began before then were dropped with their day; null: none was. */
  readonly linksKeptFrom: Date | null;
  readonly linksDropped: readonly DroppedRun[];
  /** Records of drops that are not this service's. */
  readonly forgedDrops: number;
}

/** Version of the migration that began deliveries. */
const RELAY_MIGRATION = 8;

/** @param key by which drops were sealed (`retentionKey`) */
export async function findChainBounds(db: Executor, appId: string, key: Buffer): Promise<ChainBounds> {
  const { rows } = await sql<{ chainedSince: Date }>`
    -- An application's chain has begun with its first link, whatever else is said; and where the relay began with its
    -- chains, in one run of migrations, nothing is older than they are.
    select case when chains.applied_at - relay.applied_at < interval '1 hour' then to_timestamp(0)
                else least(chains.applied_at, (select at from delivery_attempt_link
                                               where app_id = ${appId} and sequence = 1 order by at limit 1))
           end as "chainedSince"
    from schema_migration chains, schema_migration relay
    where chains.version = ${CHAIN_MIGRATION} and relay.version = ${RELAY_MIGRATION}
  `.execute(db);
  const [bounds] = rows;
  if (bounds === undefined) throw new Error('the database does not say when its chains began');
  const [deliveries, attempts, links] = await Promise.all([
    findDrops(db, ALL_APPS, 'delivery', key),
    findDrops(db, ALL_APPS, 'delivery_attempt', key),
    findDrops(db, appId, 'delivery_attempt_link', key),
  ]);
  return {
    chainedSince: bounds.chainedSince,
    deliveriesKeptFrom: deliveries.keptFrom === null ? null : uuidLowerBound(startOf(deliveries.keptFrom)),
    attemptsKeptFrom: attempts.keptFrom === null ? null : uuidLowerBound(startOf(attempts.keptFrom)),
    linksKeptFrom: links.keptFrom === null ? null : startOf(links.keptFrom),
    linksDropped: links.runs,
    forgedDrops: deliveries.forged + attempts.forged + links.forged,
  };
}

const startOf = (day: string): Date => new Date(`${day}T00:00:00Z`);

export interface UnlinkedAttempts {
  /** Unlinked although a link should hold them; the first `limit`. */
  readonly planted: readonly AttemptName[];
  /** Older than the chain, or than the links that are kept. */
  readonly older: number;
}

/**
 * The attempts of an application that no link of its chain holds: one pass over both, which PostgreSQL spills to disk.
 *
 * @param explained an attempt may be without a link where its delivery was accepted before then, and it began before then:
 * when it began is the attempt's own word, while the delivery's id tells its time
 */
export async function findUnlinkedAttempts(
  db: Database,
  appId: string,
  explained: { readonly before: Date; readonly limit: number },
): Promise<UnlinkedAttempts> {
  return db.transaction().execute(async (tx) => {
    await sql`select set_config('statement_timeout', ${`${ANTI_JOIN_SECONDS_MAX}s`}, true)`.execute(tx);
    const { rows } = await sql<{ requestId: string | null; number: number | null; older: number }>`
      with unlinked as materialized (
        select attempt.request_id, attempt.number,
               attempt.started_at < ${explained.before} and attempt.request_id < ${uuidLowerBound(explained.before)} as is_older
        from delivery_attempt attempt
        where attempt.app_id = ${appId} and not exists (
          select from (
            select substring(link.entries from 1 + 52 * place for 20) as prefix
            from delivery_attempt_link link, generate_series(0, octet_length(link.entries) / 52 - 1) as place
            where link.app_id = ${appId}
          ) as held
          where held.prefix = uuid_send(attempt.request_id) || int4send(attempt.number))
      )
      (select request_id as "requestId", number, 0::bigint as older from unlinked where not is_older
       order by request_id, number limit ${explained.limit})
      union all
      select null, null, count(*) from unlinked where is_older
    `.execute(tx);
    return {
      planted: rows.flatMap(({ requestId, number }) =>
        requestId === null || number === null ? [] : [{ requestId, number }],
      ),
      older: rows.find((row) => row.requestId === null)?.older ?? 0,
    };
  });
}

/** Delivered deliveries, accepted from this id on, without an acknowledged attempt: to be delivered takes one. */
export async function findUnacknowledged(
  db: Database,
  appId: string,
  { acceptedFrom, limit }: { readonly acceptedFrom: string | null; readonly limit: number },
): Promise<string[]> {
  return db.transaction().execute(async (tx) => {
    await sql`select set_config('statement_timeout', ${`${ANTI_JOIN_SECONDS_MAX}s`}, true)`.execute(tx);
    const { rows } = await sql<{ requestId: string }>`
      select delivery.request_id as "requestId"
      from delivery
      where delivery.app_id = ${appId} and delivery.failed_at is null
        and ${acceptedFrom === null ? sql`true` : sql`delivery.request_id >= ${acceptedFrom}`}
        and not exists (
          select from delivery_queue queue
          where queue.app_id = delivery.app_id and queue.request_id = delivery.request_id)
        and not exists (
          select from delivery_attempt attempt
          where attempt.app_id = delivery.app_id and attempt.request_id = delivery.request_id
            and attempt.outcome = 'acknowledged')
      order by 1
      limit ${limit}
    `.execute(tx);
    return rows.map((row) => row.requestId);
  });
}

const ANTI_JOIN_SECONDS_MAX = 1_800;

/** Applications that have a chain of attempts, or links of one. */
export async function findChainedApps(db: Executor): Promise<string[]> {
  const { rows } = await sql<{ appId: string }>`
    with recursive linked as (
      (select app_id from delivery_attempt_link order by app_id limit 1)
      union all
      select next.app_id from linked cross join lateral (
        select app_id from delivery_attempt_link where app_id > linked.app_id order by app_id limit 1
      ) as next
    )
    select app_id as "appId" from linked union select app_id from delivery_chain order by 1
  `.execute(db);
  return rows.map((row) => row.appId);
}

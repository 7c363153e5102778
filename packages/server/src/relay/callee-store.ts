import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { CalleeCredentials } from './callee-credentials.ts';
import { SHARED_CALLEES, type CalleeName, type CalleeSettings, type CalleeUrl } from './callee.ts';
import { DESTINATION_JSON, type Destination } from './destination.ts';
import type { RelayTables } from './tables.ts';

const COLUMNS = [
  'app_id as appId',
  'callee_no as calleeNo',
  'url',
  'url_version as urlVersion',
  'url_pinning as urlPinning',
  'profile',
  'sign_type as signType',
  'enabled',
  'acknowledge_rule as acknowledge',
  'refuse_rules as refuse',
  'retry_after_rule as retryAfter',
  'delays_ms as delaysMs',
  'attempt_timeout_ms as attemptTimeoutMs',
  'in_flight_max as inFlightMax',
  'rate_per_second as ratePerSecond',
  'circuit',
  'ordering_key_path as orderingKeyPath',
  'ordering_key_header as orderingKeyHeader',
  'latest_only as latestOnly',
  'webhook_secret_sealed as webhookSecretSealed',
  'credentials',
  'created_at as createdAt',
  'updated_at as updatedAt',
] as const;

/** A destination as its row stands, sealed secrets included. */
export interface StoredCallee extends CalleeSettings {
  readonly appId: string;
  readonly calleeNo: string;
  readonly urlVersion: number;
  readonly webhookSecretSealed: string | null;
  readonly credentials: CalleeCredentials | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A destination as an application names it. */
export interface DestinationName {
  readonly appId: string;
  readonly calleeNo: string;
}

/**
 * The destinations that applications mean by their numbers, in the order of `names`, in one statement: an application's
 * own, else the one the operator set for all, else null.
 */
export async function findDestinations(
  db: Executor,
  names: readonly DestinationName[],
): Promise<(Destination | null)[]> {
  const { rows } = await sql<{ position: number; destination: Destination }>`
    select distinct on (name.position) name.position::integer as position,
           json_build_object(${sql.raw(DESTINATION_JSON)}) as destination
    from unnest(${names.map((name) => name.appId)}::text[], ${names.map((name) => name.calleeNo)}::text[])
         with ordinality as name (app_id, callee_no, position)
    join callee on callee.callee_no = name.callee_no and callee.app_id in (name.app_id, ${SHARED_CALLEES})
    order by name.position, callee.app_id = ${SHARED_CALLEES}
  `.execute(db);
  const found = new Map(rows.map(({ position, destination }) => [position, destination]));
  return names.map((_name, index) => found.get(index + 1) ?? null);
}

/** Holds changes of one destination apart, of one that does not exist yet as well, until the transaction ends. */
export async function lockCallee(tx: Transaction, { appId, calleeNo }: CalleeName): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`callee/${appId}/${calleeNo}`}, 0))`.execute(tx);
}

export async function findCallee(db: Executor, { appId, calleeNo }: CalleeName): Promise<StoredCallee | null> {
  const row = await db
    .withTables<RelayTables>()
    .selectFrom('callee')
    .select(COLUMNS)
    .where('app_id', '=', appId)
    .where('callee_no', '=', calleeNo)
    .executeTakeFirst();
  return row ?? null;
}

export async function findCallees(db: Executor, appId?: string): Promise<StoredCallee[]> {
  const all = db.withTables<RelayTables>().selectFrom('callee').select(COLUMNS).orderBy('app_id').orderBy('callee_no');
  return (appId === undefined ? all : all.where('app_id', '=', appId)).execute();
}

/** The URLs that a destination has had, the newest first. */
export async function findCalleeUrls(db: Executor, { appId, calleeNo }: CalleeName): Promise<CalleeUrl[]> {
  return db
    .withTables<RelayTables>()
    .selectFrom('callee_url')
    .select(['version', 'url', 'set_by as setBy', 'set_at as setAt'])
    .where('app_id', '=', appId)
    .where('callee_no', '=', calleeNo)
    .orderBy('version', 'desc')
    .execute();
}

/** Makes or replaces a destination's row. */
export async function writeCallee(
  tx: Transaction,
  callee: Omit<StoredCallee, 'createdAt' | 'updatedAt'> & { readonly at: Date },
): Promise<StoredCallee> {
  const { appId, calleeNo, at } = callee;
  const columns = {
    url: callee.url,
    url_version: callee.urlVersion,
    url_pinning: callee.urlPinning,
    profile: callee.profile,
    sign_type: callee.signType,
    enabled: callee.enabled,
    acknowledge_rule: json(callee.acknowledge),
    refuse_rules: json(callee.refuse),
    retry_after_rule: json(callee.retryAfter),
    delays_ms: callee.delaysMs === null ? null : [...callee.delaysMs],
    attempt_timeout_ms: callee.attemptTimeoutMs,
    in_flight_max: callee.inFlightMax,
    rate_per_second: callee.ratePerSecond,
    circuit: json(callee.circuit),
    ordering_key_path: callee.orderingKeyPath,
    ordering_key_header: callee.orderingKeyHeader,
    latest_only: callee.latestOnly,
    webhook_secret_sealed: callee.webhookSecretSealed,
    credentials: json(callee.credentials),
    updated_at: at,
  };
  return tx
    .withTables<RelayTables>()
    .insertInto('callee')
    .values({ app_id: appId, callee_no: calleeNo, created_at: at, ...columns })
    .onConflict((conflict) => conflict.columns(['app_id', 'callee_no']).doUpdateSet(columns))
    .returning(COLUMNS)
    .executeTakeFirstOrThrow();
}

/** Keeps a URL that a destination was given. */
export async function addCalleeUrl(tx: Transaction, { appId, calleeNo }: CalleeName, url: CalleeUrl): Promise<void> {
  await tx
    .withTables<RelayTables>()
    .insertInto('callee_url')
    .values({
      app_id: appId,
      callee_no: calleeNo,
      version: url.version,
      url: url.url,
      set_by: url.setBy,
      set_at: url.setAt,
    })
    .execute();
}

function json(value: object | string | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

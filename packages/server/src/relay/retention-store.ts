import { sql } from 'kysely';
import { appendAudit, auditTrail } from '../audit/index.ts';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { Partition, PartitionedTable } from './partitions.ts';
import {
  ALL_APPS,
  joinRuns,
  readBaseline,
  readDrop,
  RETENTION_ACTION,
  RETENTION_MIGRATION,
  runsOf,
  sealDrop,
  type Drop,
  type DroppedRun,
} from './retention-record.ts';

export interface DropRecording {
  readonly key: Buffer;
  readonly at: Date;
}

/** Writes down what dropping this partition takes away, in the transaction that drops it and before it does. */
export async function recordPartitionDrop(
  tx: Transaction,
  { table, name, endsBefore }: Partition,
  recording: DropRecording,
): Promise<void> {
  const drop = { before: endsBefore, partition: name };
  if (table !== 'delivery_attempt_link') return record(tx, ALL_APPS, table, drop, recording);
  // What is counted is what is dropped: nothing may be written into it in between.
  await sql`lock table ${sql.id(name)} in access exclusive mode`.execute(tx);
  const { rows } = await sql<DroppedRun & { appId: string }>`
    with run as (
      select app_id, min(sequence) as first, max(sequence) as last
      from (
        select app_id, sequence, sequence - dense_rank() over (partition by app_id order by sequence) as island
        from ${sql.id(name)}
      ) as link
      group by app_id, island
    )
    select app_id as "appId", first, last, (
             select encode(hash, 'hex') from ${sql.id(name)} as link
             where link.app_id = run.app_id and link.sequence = run.last order by at limit 1) as hash
    from run
    order by app_id, first
  `.execute(tx);
  for (const [appId, runs] of Map.groupBy(rows, (row) => row.appId)) {
    const own = runs.map(({ first, last, hash }) => ({ first, last, hash }));
    await record(tx, appId, table, { ...drop, runs: own }, recording);
  }
}

/** Writes down which links were deleted out of the default partition. */
export async function recordLinkStrays(
  tx: Transaction,
  links: readonly { readonly appId: string; readonly sequence: number; readonly hash: Buffer }[],
  before: string,
  recording: DropRecording,
): Promise<void> {
  const byApp = Map.groupBy(links, (link) => link.appId);
  for (const appId of [...byApp.keys()].toSorted()) {
    const drop = { before, partition: null, runs: runsOf(byApp.get(appId) ?? []) };
    await record(tx, appId, 'delivery_attempt_link', drop, recording);
  }
}

/** Writes down that rows of the default partition were deleted; once for a day, though they are many. */
export async function recordStrays(
  tx: Transaction,
  table: PartitionedTable,
  before: string,
  recording: DropRecording,
): Promise<void> {
  const { keptFrom } = await findDrops(tx, ALL_APPS, table, recording.key);
  if (keptFrom !== null && keptFrom >= before) return;
  await record(tx, ALL_APPS, table, { before, partition: null }, recording);
}

async function record(
  tx: Transaction,
  appId: string,
  table: PartitionedTable,
  drop: Drop,
  { key, at }: DropRecording,
): Promise<void> {
  const detail = { ...sealDrop(key, appId, table, drop) };
  await appendAudit(tx, { appId, actor: 'system', action: RETENTION_ACTION, subject: table, detail, at });
}

/** What the audit says that retention dropped of a table. */
export interface Drops {
  /** The day (UTC) before which what had ended is gone, `yyyy-MM-dd`; null: nothing was dropped. */
  readonly keptFrom: string | null;
  /** In order; those that touch are one. */
  readonly runs: readonly DroppedRun[];
  /** Entries that tell of a drop and that this service did not make. */
  readonly forged: number;
}

export async function findDrops(db: Executor, appId: string, table: PartitionedTable, key: Buffer): Promise<Drops> {
  const { entries } = await auditTrail(db, { appId, subject: table });
  const told = entries.filter((entry) => entry.action === RETENTION_ACTION);
  let keptFrom: string | null = null;
  let forged = 0;
  const runs: DroppedRun[] = [];
  for (const [index, { detail, sequence }] of told.entries()) {
    let drop: { readonly before: string | null; readonly runs?: readonly DroppedRun[] } | null;
    drop = readDrop(key, appId, table, detail);
    if (drop === null && index === 0 && (await isOfMigration(db, appId, sequence))) drop = readBaseline(detail);
    if (drop === null) {
      forged += 1;
      continue;
    }
    if (drop.before !== null && (keptFrom === null || drop.before > keptFrom)) keptFrom = drop.before;
    runs.push(...(drop.runs ?? []));
  }
  return { keptFrom, runs: joinRuns(runs), forged };
}

/** Version of the migration that began the chains. */
export const CHAIN_MIGRATION = 14;

/**
 * Whether an entry was written by the migration that wrote down what had gone before: when that ran, behind nothing that
 * was done later, and where something can have gone, since retention keeps a day at least.
 */
async function isOfMigration(db: Executor, appId: string, sequence: number): Promise<boolean> {
  const { rows } = await sql`
    select
    from schema_migration began, schema_migration recorded, audit_entry entry
    where began.version = ${CHAIN_MIGRATION} and recorded.version = ${RETENTION_MIGRATION}
      and recorded.applied_at >= began.applied_at + interval '1 day'
      and entry.app_id = ${appId} and entry.sequence = ${sequence}
      and entry.at between recorded.applied_at - interval '1 hour' and recorded.applied_at
      and not exists (
        select from audit_entry earlier
        where earlier.app_id = entry.app_id and earlier.sequence < entry.sequence and earlier.at > recorded.applied_at)
  `.execute(db);
  return rows.length === 1;
}

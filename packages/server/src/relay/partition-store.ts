import { sql } from 'kysely';
import type { Database, Executor, Transaction } from '../platform/database/index.ts';
import {
  parsePartitionName,
  PARTITIONED,
  type NewPartition,
  type Partition,
  type PartitionedTable,
} from './partitions.ts';

/** Nodes that make or drop partitions do so one after another. The number means nothing; it must stay the same. */
const PARTITION_LOCK = 8_046_110_719;
/** Changing a parent stops what uses it: rather try again in an hour than hold everybody up. */
const LOCK_TIMEOUT_MS = 2_000;

/** Runs `work` in a transaction that no other node's maintenance passes. */
export function underPartitionLock<T>(db: Database, work: (tx: Transaction) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (tx) => {
    await sql`select set_config('lock_timeout', ${`${LOCK_TIMEOUT_MS}ms`}, true)`.execute(tx);
    await sql`select pg_advisory_xact_lock(${PARTITION_LOCK})`.execute(tx);
    return work(tx);
  });
}

/** The partitions that are named by their day. */
export async function findPartitions(db: Executor): Promise<Partition[]> {
  const { rows } = await sql<{ name: string }>`
    select child.relname as name
    from pg_inherits join pg_class child on child.oid = inhrelid join pg_class parent on parent.oid = inhparent
    where parent.relname = any (${Object.keys(PARTITIONED)}::text[]) and parent.relnamespace = current_schema::regnamespace
    order by child.relname
  `.execute(db);
  return rows.map((row) => parsePartitionName(row.name)).filter((partition) => partition !== null);
}

export async function createPartition(tx: Transaction, partition: NewPartition): Promise<void> {
  await sql`
    create table if not exists ${sql.id(partition.name)} partition of ${sql.id(partition.table)}
    for values from (${sql.lit(partition.from)}) to (${sql.lit(partition.to)})
  `.execute(tx);
}

/**
 * Drops a partition. What of it belongs to a delivery that is still under way moves to the default partition first:
 * retention ends the record of what has ended, never a delivery.
 */
export async function dropPartition(tx: Transaction, partition: Partition): Promise<void> {
  const { table, name } = partition;
  await sql`alter table ${sql.id(table)} detach partition ${sql.id(name)}`.execute(tx);
  if (table !== 'delivery_attempt_link') await keepUnderWay(tx, table, name);
  await sql`drop table ${sql.id(name)}`.execute(tx);
}

async function keepUnderWay(tx: Transaction, table: PartitionedTable, name: string): Promise<void> {
  const { rows } = await sql<{ column: string }>`
    select attname as column from pg_attribute
    where attrelid = ${name}::regclass and attnum > 0 and not attisdropped
    order by attnum
  `.execute(tx);
  const columns = sql.join(rows.map((row) => sql.id(row.column)));
  await sql`
    insert into ${sql.id(table)} (${columns})
    select ${columns} from ${sql.id(name)} as old
    where exists (
      select from delivery_queue queue where queue.app_id = old.app_id and queue.request_id = old.request_id)
  `.execute(tx);
}

/** The partition of what has no day of its own: deliveries that outlived theirs. */
const defaultOf = (table: PartitionedTable): string => `${table}_default`;

interface OldRows {
  readonly before: string;
  readonly rowsMax: number;
}

/** Drops what has ended of the rows that outlived their day's partition, so many at a time. */
export async function dropStrays(
  tx: Transaction,
  table: Exclude<PartitionedTable, 'delivery_attempt_link'>,
  old: OldRows,
): Promise<number> {
  const { rows } = await sql<{ dropped: number }>`
    with dropped as (
      delete from ${sql.id(defaultOf(table))}
      where ctid = any (array(
        select stray.ctid from ${sql.id(defaultOf(table))} stray
        where stray.${sql.id(PARTITIONED[table])} < ${sql.lit(old.before)} and not exists (
          select from delivery_queue queue
          where queue.app_id = stray.app_id and queue.request_id = stray.request_id)
        limit ${old.rowsMax}))
      returning 1
    )
    select count(*) as dropped from dropped
  `.execute(tx);
  return rows[0]?.dropped ?? 0;
}

/** Drops links that stand in no day's partition, so many at a time, and answers which. */
export async function dropLinkStrays(
  tx: Transaction,
  old: OldRows,
): Promise<{ readonly appId: string; readonly sequence: number; readonly hash: Buffer }[]> {
  const { rows } = await sql<{ appId: string; sequence: number; hash: Buffer }>`
    delete from delivery_attempt_link_default
    where ctid = any (array(
      select ctid from delivery_attempt_link_default where at < ${sql.lit(old.before)} limit ${old.rowsMax}))
    returning app_id as "appId", sequence, hash
  `.execute(tx);
  return rows;
}

/**
 * Takes the contents of delivered messages out of a partition, so many at a time; their SHA-256 stays.
 *
 * @param before only of those whose request id is less; without a partition, of those that outlived theirs
 */
export async function dropContents(
  db: Executor,
  partition: Partition | null,
  { before, rowsMax }: { readonly before: string; readonly rowsMax: number },
): Promise<number> {
  const name = partition?.name ?? defaultOf('delivery');
  const { rows } = await sql<{ dropped: number }>`
    with dropped as (
      update ${sql.id(name)}
      set content_sha256 = sha256(convert_to(content, 'UTF8')), content = null
      where ctid = any (array(
        select message.ctid
        from ${sql.id(name)} message
        where message.request_id < ${before} and message.content is not null and message.failed_at is null and not exists (
          select from delivery_queue queue
          where queue.app_id = message.app_id and queue.request_id = message.request_id)
        limit ${rowsMax}))
      returning 1
    )
    select count(*) as dropped from dropped
  `.execute(db);
  return rows[0]?.dropped ?? 0;
}

/** Forgets idempotency keys that are older. */
export async function deleteIdempotencyKeys(db: Executor, before: Date, rowsMax: number): Promise<number> {
  const { rows } = await sql<{ deleted: number }>`
    with gone as (
      delete from delivery_idempotency_key
      where ctid = any (array(
        select ctid from delivery_idempotency_key where created_at < ${before} order by created_at limit ${rowsMax}))
      returning 1
    )
    select count(*) as deleted from gone
  `.execute(db);
  return rows[0]?.deleted ?? 0;
}

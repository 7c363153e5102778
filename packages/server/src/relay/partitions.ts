import { uuidLowerBound } from '../platform/ids.ts';

/** Tables that are cut into days, with what their bounds are. */
export const PARTITIONED = {
  delivery: 'request_id',
  delivery_attempt: 'request_id',
  delivery_attempt_link: 'at',
} as const;

export type PartitionedTable = keyof typeof PARTITIONED;

export interface Partition {
  readonly table: PartitionedTable;
  readonly name: string;
  /** The day (UTC) before which all of its rows are, `yyyy-MM-dd`. */
  readonly endsBefore: string;
}

const DAY_MS = 86_400_000;

/** `yyyy-MM-dd` of a moment, in UTC. */
export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

function dayAfter(day: string, days: number): string {
  return dayOf(new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS));
}

/** A partition is named by the day it ends before. */
export function partitionName(table: PartitionedTable, endsBefore: string): string {
  return `${table}_before_${endsBefore.replaceAll('-', '')}`;
}

/** The partition of a table's name; null for others, such as the default one. */
export function parsePartitionName(name: string): Partition | null {
  const parts = /^(delivery|delivery_attempt|delivery_attempt_link)_before_(\d{4})(\d{2})(\d{2})$/.exec(name);
  if (parts === null) return null;
  const [, table, year, month, day] = parts;
  return { table: table as PartitionedTable, name, endsBefore: `${year}-${month}-${day}` };
}

export interface NewPartition extends Partition {
  /** Its bounds as SQL literals' texts. */
  readonly from: string;
  readonly to: string;
}

/**
 * The partitions that are wanting so that today and the days ahead have one each. Days that are over get none: their
 * rows, if any, stand in the default partition.
 *
 * @param existing of one table
 */
export function missingPartitions(
  table: PartitionedTable,
  existing: readonly Partition[],
  now: Date,
  daysAhead: number,
): NewPartition[] {
  const ends = existing.map((partition) => partition.endsBefore).toSorted();
  const last = ends.at(-1);
  const today = dayOf(now);
  const missing: NewPartition[] = [];
  // Bounds may not overlap: what exists reaches to `last`, whatever days it covers.
  let from = last !== undefined && last > today ? last : today;
  while (from <= dayAfter(today, daysAhead)) {
    const endsBefore = dayAfter(from, 1);
    missing.push({ table, name: partitionName(table, endsBefore), endsBefore, ...bounds(table, from, endsBefore) });
    from = endsBefore;
  }
  return missing;
}

function bounds(table: PartitionedTable, from: string, to: string): { from: string; to: string } {
  const bound = (day: string): string => {
    const at = new Date(`${day}T00:00:00Z`);
    return PARTITIONED[table] === 'at' ? at.toISOString() : uuidLowerBound(at);
  };
  return { from: bound(from), to: bound(to) };
}

/** The day (UTC, `yyyy-MM-dd`) before which everything is older than so many whole days. */
export function dayOfAge(days: number, now: Date): string {
  return dayAfter(dayOf(now), -days);
}

/** The bound of a table's rows that are older than so many whole days. */
export function boundOfAge(table: PartitionedTable, days: number, now: Date): string {
  const end = dayOfAge(days, now);
  return bounds(table, end, end).from;
}

/** Whether everything in a partition is older than so many days. */
export function isOlderThan(partition: Partition, days: number, now: Date): boolean {
  return partition.endsBefore <= dayOfAge(days, now);
}

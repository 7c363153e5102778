import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Vault } from '../platform/vault.ts';
import type { PartitionedTable } from './partitions.ts';

/** Links of one chain that were dropped, all of them between two numbers. */
export interface DroppedRun {
  readonly first: number;
  readonly last: number;
  /** Hash of the last, in hexadecimal; null where it was dropped before drops were recorded. */
  readonly hash: string | null;
}

/** What retention dropped of a table: what had ended before a day (UTC); of links, those of one application. */
export interface Drop {
  /** `yyyy-MM-dd` */
  readonly before: string;
  /** Null: rows that stood in the default partition. */
  readonly partition: string | null;
  /** Of `delivery_attempt_link` alone. */
  readonly runs?: readonly DroppedRun[];
}

/** A drop as its audit entry tells it. Who owns the database alone cannot make one up. */
export type SealedDrop = Drop & { readonly mac: string };

/** The action of the audit entries; their subject is the table. */
export const RETENTION_ACTION = 'relay.retention';

/** The application in whose audit chain drops of deliveries and attempts stand: they are of all of them. */
export const ALL_APPS = '*';

/** The key by which drops are sealed; it follows from the master key. */
export function retentionKey(vault: Pick<Vault, 'deriveKey'>): Buffer {
  return vault.deriveKey('relay-retention');
}

export function sealDrop(key: Buffer, appId: string, table: PartitionedTable, drop: Drop): SealedDrop {
  return { ...drop, mac: macOf(key, appId, table, drop).toString('hex') };
}

/** The drop of an audit entry's detail; null where this service did not seal it for this application and table. */
export function readDrop(key: Buffer, appId: string, table: PartitionedTable, detail: unknown): Drop | null {
  if (!isRecord(detail) || typeof detail['before'] !== 'string' || typeof detail['mac'] !== 'string') return null;
  const { before, partition, runs, mac } = detail;
  if (partition !== null && typeof partition !== 'string') return null;
  const drop: Drop = { before, partition, ...(isRuns(runs) && { runs }) };
  const given = Buffer.from(mac, 'hex');
  const own = macOf(key, appId, table, drop);
  return given.length === own.length && timingSafeEqual(given, own) ? drop : null;
}

/** The missing links that the migration to recorded drops found (migrations/0023); null where it is no such list. */
export function readBaseline(detail: unknown): (Pick<Drop, 'runs'> & { readonly before: string | null }) | null {
  if (!isRecord(detail) || detail['migration'] !== RETENTION_MIGRATION) return null;
  const { before, runs } = detail;
  return { before: typeof before === 'string' ? before : null, ...(isRuns(runs) && { runs }) };
}

/** Version of the migration that wrote down what had been dropped before it. */
export const RETENTION_MIGRATION = 23;

/** Runs of numbers that follow each other, from links in any order. */
export function runsOf(links: readonly { readonly sequence: number; readonly hash: Buffer }[]): DroppedRun[] {
  const runs: { first: number; last: number; hash: string }[] = [];
  for (const { sequence, hash } of links.toSorted((a, b) => a.sequence - b.sequence)) {
    const run = runs.at(-1);
    if (run !== undefined && sequence <= run.last + 1)
      Object.assign(run, { last: sequence, hash: hash.toString('hex') });
    else runs.push({ first: sequence, last: sequence, hash: hash.toString('hex') });
  }
  return runs;
}

/** The same runs in order, those that touch joined into one. */
export function joinRuns(runs: readonly DroppedRun[]): DroppedRun[] {
  const joined: DroppedRun[] = [];
  for (const run of runs.toSorted((a, b) => a.first - b.first || a.last - b.last)) {
    const before = joined.at(-1);
    if (before === undefined || run.first > before.last + 1) joined.push(run);
    else if (run.last > before.last) joined[joined.length - 1] = { ...run, first: before.first };
  }
  return joined;
}

/** The numbers from `first` to `last` that none of these runs (as `joinRuns` has them) holds, as runs. */
export function withoutRuns(
  { first, last }: { readonly first: number; readonly last: number },
  runs: readonly DroppedRun[],
): { first: number; last: number }[] {
  const left: { first: number; last: number }[] = [];
  let from = first;
  for (const run of runs) {
    if (run.last < from || run.first > last) continue;
    if (run.first > from) left.push({ first: from, last: run.first - 1 });
    from = run.last + 1;
  }
  if (from <= last) left.push({ first: from, last });
  return left;
}

function macOf(key: Buffer, appId: string, table: PartitionedTable, { before, partition, runs }: Drop): Buffer {
  const told = runs?.map(({ first, last, hash }) => [first, last, hash]) ?? null;
  return createHmac('sha256', key)
    .update(JSON.stringify([appId, table, before, partition, told]), 'utf8')
    .digest();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRuns(value: unknown): value is readonly DroppedRun[] {
  return (
    Array.isArray(value) &&
    value.every(
      (run) =>
        isRecord(run) &&
        Number.isSafeInteger(run['first']) &&
        Number.isSafeInteger(run['last']) &&
        (run['hash'] === null || typeof run['hash'] === 'string'),
    )
  );
}

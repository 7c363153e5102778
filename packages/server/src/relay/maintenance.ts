import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Logger } from '../platform/log.ts';
import type { Vault } from '../platform/vault.ts';
import type { LaneName } from './lane.ts';
import { promoteStranded } from './ordering-store.ts';
import {
  createPartition,
  deleteIdempotencyKeys,
  dropContents,
  dropLinkStrays,
  dropPartition,
  dropStrays,
  findPartitions,
  underPartitionLock,
} from './partition-store.ts';
import {
  boundOfAge,
  dayOfAge,
  isOlderThan,
  missingPartitions,
  PARTITIONED,
  type PartitionedTable,
} from './partitions.ts';
import type { RelayRetention } from './relay.ts';
import { retentionKey } from './retention-record.ts';
import { recordLinkStrays, recordPartitionDrop, recordStrays } from './retention-store.ts';

export interface MaintenanceDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly retention: RelayRetention;
  /** Its key seals the record of what was dropped. */
  readonly vault: Pick<Vault, 'deriveKey'>;
  readonly wake: (lane: LaneName) => void;
}

const DAYS_AHEAD = 7;
const ROWS_AT_ONCE = 5_000;
const TABLES = Object.keys(PARTITIONED) as PartitionedTable[];

/** Makes the partitions of today and the days ahead. What cannot be made leaves its rows to the default partition. */
export async function preparePartitions({ db, clock, log }: MaintenanceDependencies): Promise<void> {
  const existing = await findPartitions(db);
  const missing = TABLES.flatMap((table) =>
    missingPartitions(
      table,
      existing.filter((partition) => partition.table === table),
      clock.now(),
      DAYS_AHEAD,
    ),
  );
  for (const partition of missing) {
    try {
      await underPartitionLock(db, (tx) => createPartition(tx, partition));
    } catch (error) {
      log.warn(
        { err: error, partition: partition.name },
        'a partition could not be made; its rows go to the default one',
      );
    }
  }
}

/** The relay's housekeeping, once in a while on any node. Each part is tried, whatever became of the others. */
export async function maintain(dependencies: MaintenanceDependencies): Promise<void> {
  const { log } = dependencies;
  for (const part of [
    preparePartitions,
    dropOldPartitions,
    dropOldStrays,
    dropOldContents,
    dropOldKeys,
    letStrandedGo,
  ]) {
    try {
      await part(dependencies);
    } catch (error) {
      log.error({ err: error, part: part.name }, 'a part of the housekeeping of deliveries failed; it is tried again');
    }
  }
}

async function dropOldPartitions({ db, clock, log, retention, vault }: MaintenanceDependencies): Promise<void> {
  const key = retentionKey(vault);
  for (const partition of await findPartitions(db)) {
    if (!isOlderThan(partition, retention.days, clock.now())) continue;
    const isDropped = await underPartitionLock(db, async (tx) => {
      // Another node may have been quicker.
      const isThere = (await findPartitions(tx)).some(({ name }) => name === partition.name);
      if (!isThere) return false;
      await recordPartitionDrop(tx, partition, { key, at: clock.now() });
      await dropPartition(tx, partition);
      return true;
    });
    if (isDropped) log.info({ partition: partition.name }, 'deliveries older than the retention were dropped');
  }
}

async function dropOldContents({ db, clock, log, retention }: MaintenanceDependencies): Promise<void> {
  const { contentDays } = retention;
  if (contentDays === null) return;
  const now = clock.now();
  const before = boundOfAge('delivery', contentDays, now);
  const old = (await findPartitions(db)).filter(
    (partition) => partition.table === 'delivery' && isOlderThan(partition, contentDays, now),
  );
  for (const partition of [...old, null]) {
    const dropped = await inBatches(() => dropContents(db, partition, { before, rowsMax: ROWS_AT_ONCE }));
    if (dropped > 0) log.info({ partition: partition?.name, dropped }, 'contents of delivered messages were dropped');
  }
}

/** What outlived its day's partition and has ended since. */
async function dropOldStrays({ db, clock, log, retention, vault }: MaintenanceDependencies): Promise<void> {
  const key = retentionKey(vault);
  for (const table of TABLES) {
    const at = clock.now();
    const day = dayOfAge(retention.days, at);
    const old = { before: boundOfAge(table, retention.days, at), rowsMax: ROWS_AT_ONCE };
    const dropped = await inBatches(() =>
      underPartitionLock(db, async (tx) => {
        if (table === 'delivery_attempt_link') {
          const links = await dropLinkStrays(tx, old);
          await recordLinkStrays(tx, links, day, { key, at });
          return links.length;
        }
        const count = await dropStrays(tx, table, old);
        if (count > 0) await recordStrays(tx, table, day, { key, at });
        return count;
      }),
    );
    if (dropped > 0) log.info({ table, dropped }, 'rows that had outlived their day were dropped');
  }
}

async function inBatches(dropSome: () => Promise<number>): Promise<number> {
  let dropped = 0;
  for (;;) {
    const count = await dropSome();
    dropped += count;
    if (count < ROWS_AT_ONCE) return dropped;
  }
}

async function dropOldKeys({ db, clock, retention }: MaintenanceDependencies): Promise<void> {
  // A key does not outlive its delivery: a repeat would be told of one that is no longer there.
  const keptHours = Math.min(retention.idempotencyHours, retention.days * 24);
  const before = new Date(clock.now().getTime() - keptHours * 3_600_000);
  await inBatches(() => deleteIdempotencyKeys(db, before, ROWS_AT_ONCE));
}

async function letStrandedGo({ db, clock, log, wake }: MaintenanceDependencies): Promise<void> {
  const lanes = await db.transaction().execute((tx) => promoteStranded(tx, clock.now()));
  if (lanes.length > 0) log.error({ lanes }, 'messages were queued behind nothing; they go on');
  for (const lane of lanes) wake(lane);
}

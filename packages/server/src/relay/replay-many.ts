import { setTimeout as delay } from 'node:timers/promises';
import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import { findDeliveries, withinSearchTime } from './delivery-store.ts';
import type { Delivery } from './delivery.ts';
import { countReplayable, findReplayable, type ReplayCounts } from './replay-store.ts';
import { requeueEnded, type Replayable } from './requeue-store.ts';
import { assertSearchable, type DeliveryFilter } from './search.ts';
import { notifyWake } from './store.ts';

/** Ended deliveries alone can be sent again; they are not looked for by ordering key. */
export interface ReplayFilter extends Omit<
  DeliveryFilter,
  'limit' | 'before' | 'state' | 'orderingKey' | 'superseded'
> {
  readonly state: 'failed' | 'delivered';
  /** Those too of which a later message of their key says what counts, unless that one is still under way. */
  readonly superseded?: boolean;
  /** Go on after this one: the last `requestId` that an earlier run told. */
  readonly after?: string;
}

export interface ReplayPreview extends ReplayCounts {
  /** The newest of them. */
  readonly sample: readonly Delivery[];
}

export interface ReplayRun {
  readonly filter: ReplayFilter;
  readonly ratePerSecond: number;
  readonly actor: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ReplayProgress) => void;
}

export interface ReplayProgress {
  readonly replayed: number;
  /** Fitted at the beginning. */
  readonly total: number;
  /** Where another run may go on. */
  readonly lastRequestId: string | null;
}

export interface ReplayDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

const SAMPLE_ROWS = 10;
const BATCH_ROWS_MAX = 100;
/** Batches a second: what is replayed goes out evenly and not in one heap each second. */
const BATCHES_PER_SECOND = 4;
/** The operator's own chain (migrations/0001_audit.sql), where a filter spans applications. */
const EVERY_APP = '*';

export async function previewReplays(db: Database, filter: ReplayFilter): Promise<ReplayPreview> {
  assertSearchable(filter);
  const { after, ...search } = searchOf(filter);
  const counts = await withinSearchTime(db, (tx) => countReplayable(tx, search, after ?? null));
  const sample = await findDeliveries(db, { ...search, limit: SAMPLE_ROWS });
  return { ...counts, sample: sample.filter((delivery) => after === undefined || delivery.requestId > after) };
}

/**
 * `RelayOperations.replayMany`: what was accepted before now and fits, the oldest first, at an even pace. A run that
 * breaks off has replayed everything up to the last progress; the same filter with `after` goes on from there.
 */
export async function replayMany(dependencies: ReplayDependencies, run: ReplayRun): Promise<ReplayProgress> {
  const { db, clock, sleep = pause } = dependencies;
  const { after, ...search } = searchOf(run.filter);
  assertSearchable(search);
  const began = clock.now();
  // What is accepted, or fails again, during the run is not taken: the end of the range stands still.
  const filter = { ...search, to: search.to !== undefined && search.to < began ? search.to : began };
  const { count: total } = await withinSearchTime(db, (tx) => countReplayable(tx, filter, after ?? null));
  await audit(dependencies, run, total);
  const rows = Math.min(BATCH_ROWS_MAX, Math.max(1, Math.floor(run.ratePerSecond / BATCHES_PER_SECOND)));
  let progress: ReplayProgress = { replayed: 0, total, lastRequestId: after ?? null };
  for (;;) {
    if (run.signal.aborted) return progress;
    const page = await withinSearchTime(db, (tx) =>
      findReplayable(tx, filter, { after: progress.lastRequestId, limit: rows }),
    );
    const last = page.at(-1);
    if (last === undefined) return progress;
    const again = { at: clock.now(), evenSuperseded: run.filter.superseded === true };
    const replayed = await requeue(db, page, again);
    progress = { total, replayed: progress.replayed + replayed, lastRequestId: last.requestId };
    run.onProgress(progress);
    if (page.length < rows) return progress;
    await sleep((page.length / run.ratePerSecond) * 1_000, run.signal);
  }
}

/** The filter of a search: superseded ones are left out unless they are asked for. */
function searchOf({ superseded, ...filter }: ReplayFilter): Omit<ReplayFilter, 'superseded'> & { superseded?: false } {
  return { ...filter, ...(superseded !== true && { superseded: false }) };
}

async function requeue(
  db: Database,
  page: readonly Replayable[],
  again: { readonly at: Date; readonly evenSuperseded: boolean },
): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const { count, lanes } = await requeueEnded(tx, page, again);
    await notifyWake(tx, lanes);
    return count;
  });
}

async function audit({ db, clock }: ReplayDependencies, run: ReplayRun, count: number): Promise<void> {
  const { actor, filter, ratePerSecond } = run;
  const { appId = EVERY_APP } = filter;
  await db.transaction().execute((tx) =>
    appendAudit(tx, {
      appId,
      actor,
      action: 'delivery.replay_many',
      subject: 'deliveries',
      detail: { filter, count, ratePerSecond },
      at: clock.now(),
    }),
  );
}

/** Ends early, without an error, when the signal is aborted. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => undefined);
}

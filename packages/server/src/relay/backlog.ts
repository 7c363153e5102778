import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Database, Executor } from '../platform/database/index.ts';
import type { Logger } from '../platform/log.ts';

/** What stands in the queue, for those who watch. */
export interface Backlog {
  /** Rows by state. Exact up to `COUNTED_MAX` in all; beyond it the shares of so many, of the planner's estimate. */
  readonly leased: number;
  readonly waiting: number;
  readonly queued: number;
  readonly parked: number;
  /** Acceptance of the oldest that no operator parked; null where there is none. */
  readonly oldestAcceptedAt: Date | null;
  readonly circuitsOpen: number;
  readonly circuitsHalfOpen: number;
}

const COUNTED_MAX = 200_000;
const STATEMENT_TIMEOUT_MS = 2_000;

/** One statement whose cost has a bound, whatever waits. */
export async function findBacklog(db: Executor): Promise<Backlog> {
  const { rows } = await sql<Backlog>`
    with recursive counted as materialized (
      select state, count(*) as number from (select state from delivery_queue limit ${COUNTED_MAX}) as part group by state
    ), scale as (
      select case when sum(number) < ${COUNTED_MAX} then 1
                  else greatest(1, (select reltuples from pg_class where oid = 'delivery_queue'::regclass) / sum(number))
             end as factor
      from counted
    ), oldest as (
      -- ids sort by acceptance: the first of each application, from one application to the next
      (select app_id, accepted_at from delivery_queue where state <> 'parked' order by app_id, request_id limit 1)
      union all
      select next.app_id, next.accepted_at from oldest cross join lateral (
        select app_id, accepted_at from delivery_queue
        where app_id > oldest.app_id and state <> 'parked'
        order by app_id, request_id
        limit 1
      ) as next
    )
    select coalesce(max(number * factor) filter (where state = 'leased'), 0)::float8 as leased,
           coalesce(max(number * factor) filter (where state = 'waiting'), 0)::float8 as waiting,
           coalesce(max(number * factor) filter (where state = 'queued'), 0)::float8 as queued,
           coalesce(max(number * factor) filter (where state = 'parked'), 0)::float8 as parked,
           (select min(accepted_at) from oldest) as "oldestAcceptedAt",
           (select count(*) from relay_lane where circuit = 'open') as "circuitsOpen",
           (select count(*) from relay_lane where circuit = 'half-open') as "circuitsHalfOpen"
    from counted cross join scale
  `.execute(db);
  const [backlog] = rows;
  if (backlog === undefined) throw new Error('the database answered nothing');
  return backlog;
}

export interface BacklogReading {
  /** The last that was read; null: none yet. */
  readonly backlog: Backlog | null;
  /** Whether it is fresh. */
  readonly isFresh: boolean;
}

export interface BacklogWatchOptions {
  readonly onError: (error: unknown) => void;
  readonly freshMs?: number;
  readonly waitMs?: number;
}

/**
 * Reads the backlog for scrapes: once in `freshMs` at most, however many ask, and nobody waits longer than
 * `STATEMENT_TIMEOUT_MS` for a database that does not answer.
 */
export class BacklogWatch {
  readonly #read: () => Promise<Backlog>;
  readonly #freshMs: number;
  readonly #waitMs: number;
  readonly #onError: (error: unknown) => void;
  #last: Backlog | null = null;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | null = null;

  constructor(read: () => Promise<Backlog>, options: BacklogWatchOptions) {
    this.#read = read;
    this.#freshMs = options.freshMs ?? FRESH_MS;
    this.#waitMs = options.waitMs ?? STATEMENT_TIMEOUT_MS;
    this.#onError = options.onError;
  }

  async look(): Promise<BacklogReading> {
    if (!this.#isFresh()) {
      this.#reading ??= this.#refresh().finally(() => (this.#reading = null));
      await Promise.race([this.#reading, delay(this.#waitMs, undefined, { ref: false })]);
    }
    return { backlog: this.#last, isFresh: this.#isFresh() };
  }

  #isFresh(): boolean {
    return performance.now() - this.#readAtMs < this.#freshMs;
  }

  async #refresh(): Promise<void> {
    try {
      this.#last = await this.#read();
      this.#readAtMs = performance.now();
    } catch (error) {
      this.#onError(error);
    }
  }
}

const FRESH_MS = 10_000;

export function watchBacklog(db: Database, log: Logger): BacklogWatch {
  const read = (): Promise<Backlog> =>
    db.transaction().execute(async (tx) => {
      await sql`select set_config('statement_timeout', ${`${STATEMENT_TIMEOUT_MS}ms`}, true)`.execute(tx);
      return findBacklog(tx);
    });
  return new BacklogWatch(read, {
    onError: (error) => log.warn({ err: error }, 'the queue could not be counted for the metrics'),
  });
}

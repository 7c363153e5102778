import { EventEmitter } from 'node:events';
import { sql } from 'kysely';
import type { Logger as WorkerLogger, Runner, RunnerOptions } from 'graphile-worker';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { Executor } from '../platform/database/index.ts';
import { createWorkerPresence, type WorkerPresence } from './presence.ts';

/** Which try of a job this is: `attempt` counts from 1 to `attemptsMax`. */
export interface JobAttempt {
  attempt: number;
  attemptsMax: number;
}

export type JobHandler = (payload: Record<string, unknown>, attempt: JobAttempt) => Promise<void>;

/** Background work that is not delivery: file fetches, signing, expiry, pruning. */
export interface Jobs {
  /**
   * Adds a job inside the caller's transaction. `key` makes it unique among the jobs that wait: a second one with the
   * same key replaces it. A job that throws is tried again with growing delays, `attemptsMax` times in all (default 10).
   * Jobs of one `queue` are done one after the other, so that however long they take they hold up no others. What `isUrgent`
   * is done before what else is due, in its queue too.
   */
  add(
    tx: Executor,
    name: string,
    payload: Record<string, unknown>,
    options?: { runAt?: Date; key?: string; attemptsMax?: number; queue?: string; isUrgent?: boolean },
  ): Promise<void>;
  /** Says what does the jobs of this name. Before `start`. */
  handle(name: string, handler: JobHandler): void;
  /** Calls `handler` every `everyMs` on this node while it runs, one call at a time; a failure is logged and the next is on time. */
  every(name: string, everyMs: number, handler: () => Promise<void>): void;
  start(): Promise<void>;
  /** Takes no new job, lets those under way end, then returns. */
  stop(): Promise<void>;
}

export interface JobsDependencies {
  pool: Pool;
  log: Logger;
  /** Jobs under way at once on this node. */
  concurrency: number;
  pollIntervalMs: number;
  /** No other node uses this database: what is locked at the start was under way in a process that was killed. */
  isOnlyNode?: boolean;
}

/** Of graphile-worker's priorities the lower ones come first; 0 is that of all others. */
const URGENT = -1;
/** Well within the time for which a lock is left alone; see presence.ts. */
const PRESENCE_EVERY_MS = 4_000;

/** Background work on graphile-worker, whose tables stand in the same database, in the schema graphile_worker. */
export function createJobs(dependencies: JobsDependencies): Jobs {
  const { pool, log } = dependencies;
  const handlers = new Map<string, JobHandler>();
  const periodic: { name: string; everyMs: number; handler: () => Promise<void> }[] = [];
  let runner: Runner | undefined;
  let presence: WorkerPresence | undefined;
  let stopPeriodic: (() => Promise<void>) | undefined;

  return {
    async add(tx, name, payload, options = {}) {
      await sql`
        select graphile_worker.add_job(
          identifier => ${name},
          payload => ${JSON.stringify(payload)}::json,
          run_at => ${options.runAt ?? null}::timestamptz,
          max_attempts => ${options.attemptsMax ?? 10}::int,
          job_key => ${options.key ?? null}::text,
          queue_name => ${options.queue ?? null}::text,
          priority => ${options.isUrgent === true ? URGENT : 0}::int
        )
      `.execute(tx);
    },
    handle(name, handler) {
      if (handlers.has(name)) throw new Error(`two handlers for the job ${name}`);
      handlers.set(name, handler);
    },
    every(name, everyMs, handler) {
      periodic.push({ name, everyMs, handler });
    },
    async start() {
      const { run } = await import('graphile-worker');
      if (dependencies.isOnlyNode === true) await unlockAll(pool);
      else presence = createWorkerPresence(pool);
      const events: RunnerOptions['events'] = new EventEmitter();
      events.on('pool:create', ({ workerPool }) => presence?.begun(workerPool.id));
      runner = await run({
        pgPool: pool,
        logger: await workerLogger(log),
        noHandleSignals: true,
        concurrency: dependencies.concurrency,
        pollInterval: dependencies.pollIntervalMs,
        parsedCronItems: [],
        events,
        taskList: Object.fromEntries(
          [...handlers].map(([name, handler]) => [
            name,
            async (payload, helpers) => {
              const attempt = { attempt: helpers.job.attempts, attemptsMax: helpers.job.max_attempts };
              try {
                await handler(payload as Record<string, unknown>, attempt);
              } catch (error) {
                log.warn({ job: name, ...attempt, err: error }, 'job failed');
                throw error;
              }
            },
          ]),
        ),
      });
      await presence?.keep();
      const keep = { name: 'jobs.presence', everyMs: PRESENCE_EVERY_MS, handler: async () => presence?.keep() };
      stopPeriodic = startPeriodic(presence === undefined ? periodic : [...periodic, keep], log);
    },
    async stop() {
      await stopPeriodic?.();
      await runner?.stop();
      runner = undefined;
      presence?.stop();
      presence = undefined;
    },
  };
}

/** graphile-worker itself takes a job of a killed process up again after four hours. */
async function unlockAll(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ exists: boolean }>(
    "select to_regclass('graphile_worker.jobs') is not null as exists",
  );
  if (rows[0]?.exists !== true) return;
  await pool.query(`
    select graphile_worker.force_unlock_workers(array_agg(distinct locked_by))
    from graphile_worker.jobs where locked_by is not null having count(*) > 0`);
}

async function workerLogger(log: Logger): Promise<WorkerLogger> {
  const worker = await import('graphile-worker');
  // Each failure is logged above with its cause; the worker's own lines are of use only when debugging the worker.
  return new worker.Logger(() => (level, message) => log.debug({ worker: level }, message));
}

function startPeriodic(
  items: readonly { name: string; everyMs: number; handler: () => Promise<void> }[],
  log: Logger,
): () => Promise<void> {
  const underWay = new Map<string, Promise<void>>();
  const timers = items.map(({ name, everyMs, handler }) =>
    setInterval(() => {
      if (underWay.has(name)) return;
      const call = handler()
        .catch((error: unknown) => log.error({ err: error, job: name }, 'periodic job failed'))
        .finally(() => underWay.delete(name));
      underWay.set(name, call);
    }, everyMs),
  );
  return async () => {
    timers.forEach((timer) => clearInterval(timer));
    await Promise.all(underWay.values());
  };
}

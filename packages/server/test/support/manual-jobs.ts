import type { JobHandler, Jobs } from '../../src/jobs/index.ts';

type WaitingJob = { name: string; payload: Record<string, unknown>; key: string | undefined; runAt: Date | undefined };

/** Jobs that run when the test says so, so that it decides what happens between two of them. */
export interface ManualJobs extends Jobs {
  readonly waiting: readonly WaitingJob[];
  /** Takes the waiting jobs out, as a crash of the job system would. */
  lose(): void;
  /** Runs the one that has waited longest, whenever it is due; its error is thrown. */
  runNext(): Promise<void>;
  /** Does once what is done again and again. */
  runEvery(name: string): Promise<unknown>;
  /** Runs what is due at `now` until nothing is; a job that throws waits again and its error is answered. */
  run(now: Date): Promise<unknown[]>;
}

export function createManualJobs(): ManualJobs {
  const handlers = new Map<string, JobHandler>();
  const repeated = new Map<string, () => Promise<unknown>>();
  let waiting: WaitingJob[] = [];

  return {
    get waiting() {
      return waiting;
    },
    add(_tx, name, payload, options = {}) {
      waiting = waiting.filter((job) => options.key === undefined || job.key !== options.key);
      waiting.push({ name, payload, key: options.key, runAt: options.runAt });
      return Promise.resolve();
    },
    handle(name, handler) {
      handlers.set(name, handler);
    },
    every(name, _everyMs, handler) {
      repeated.set(name, handler);
    },
    runEvery: async (name) => repeated.get(name)?.(),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    lose() {
      waiting = [];
    },
    async runNext() {
      const job = waiting.shift();
      if (job) await handlers.get(job.name)!(job.payload, { attempt: 1, attemptsMax: 10 });
    },
    async run(now) {
      const failed: WaitingJob[] = [];
      const errors: unknown[] = [];
      for (;;) {
        const job = waiting.find(({ runAt }) => runAt === undefined || runAt <= now);
        if (!job) break;
        waiting = waiting.filter((other) => other !== job);
        try {
          await handlers.get(job.name)!(job.payload, { attempt: 1, attemptsMax: 10 });
        } catch (error) {
          errors.push(error);
          failed.push(job);
        }
      }
      waiting.push(...failed);
      return errors;
    },
  };
}

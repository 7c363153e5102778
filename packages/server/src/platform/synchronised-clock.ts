import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';

export interface SynchronisedClock extends Clock {
  /** Compares with the source once. Rejects where it cannot be asked; the clock goes on as it was. */
  synchronise(): Promise<void>;
}

/** An answer that took longer says too little of the time; only the first is better than nothing. */
const ROUND_TRIP_MAX_MS = 1_000;

/**
 * A clock that shows another's time, such as the database server's, which all nodes have in common. Between two looks it
 * runs by the process's monotonic clock: a step of this machine's own wall clock does not move it.
 *
 * @param source the other clock's present, in milliseconds since 1970
 * @param monotonicMs as `performance.now`
 * @param startsAt what it shows until the first look
 */
export function createSynchronisedClock(
  source: () => Promise<number>,
  monotonicMs: () => number,
  startsAt: Date,
): SynchronisedClock {
  let offsetMs = startsAt.getTime() - monotonicMs();
  let hasLooked = false;
  return {
    now: () => new Date(Math.round(offsetMs + monotonicMs())),
    async synchronise() {
      const askedMs = monotonicMs();
      const shownMs = await source();
      const answeredMs = monotonicMs();
      if (hasLooked && answeredMs - askedMs > ROUND_TRIP_MAX_MS) return;
      hasLooked = true;
      // The source was read somewhere in between: half the way is the best guess.
      offsetMs = shownMs - (askedMs + answeredMs) / 2;
    },
  };
}

/** Looks at the source every so often until the answered function is called. */
export function keepSynchronised(clock: SynchronisedClock, everyMs: number, log: Logger): () => void {
  const timer = setInterval(() => {
    clock.synchronise().catch((error: unknown) => log.warn({ err: error }, 'the database did not tell its time'));
  }, everyMs);
  return () => clearInterval(timer);
}

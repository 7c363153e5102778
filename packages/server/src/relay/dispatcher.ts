import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Logger } from '../platform/log.ts';
import type { AttemptRunner } from './attempt-runner.ts';
import type { RelayLimits } from './relay.ts';
import { Slots } from './slots.ts';
import { claimDue } from './store.ts';

export interface DispatcherDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly runner: AttemptRunner;
  readonly nodeName: string;
  readonly limits: Pick<RelayLimits, 'attemptsInFlightMax' | 'claimBatchMax' | 'leaseMs' | 'pollMs'>;
}

/** Retries that fall due within one step share a wake-up. */
const WAKE_STEP_MS = 50;
/** What lies further ahead is left to the poll, whose second is little beside it. */
const WAKE_AHEAD_MAX_MS = 10_000;

/**
 * Claims what is due, by a lease, and runs it with bounded concurrency. It is woken by NOTIFY and, behind that, by a slow
 * poll, which also finds retries that have become due and leases whose node died.
 */
export class Dispatcher {
  readonly #dependencies: DispatcherDependencies;
  readonly #slots: Slots;
  readonly #underWay = new Set<Promise<void>>();
  #loop: Promise<void> | null = null;
  #stopping = false;
  /** The last claim left work behind: a slot that falls free is reason to look again. */
  #moreIsDue = false;
  #wakeUp: (() => void) | null = null;
  #woken = false;
  /** Moments at which this node's own retries fall due, in steps of WAKE_STEP_MS. */
  readonly #alarms = new Map<number, NodeJS.Timeout>();

  constructor(dependencies: DispatcherDependencies) {
    this.#dependencies = dependencies;
    this.#slots = new Slots(dependencies.limits.attemptsInFlightMax);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Something may be due. */
  wake(): void {
    this.#woken = true;
    this.#wakeUp?.();
  }

  /** A delivery of this node's own falls due then: the first retries, a second or few away, are not left to the poll. */
  wakeAt(at: Date): void {
    const delayMs = at.getTime() - this.#dependencies.clock.now().getTime();
    const step = Math.ceil(at.getTime() / WAKE_STEP_MS);
    if (delayMs > WAKE_AHEAD_MAX_MS || this.#stopping || this.#alarms.has(step)) return;
    const alarm = setTimeout(
      () => {
        this.#alarms.delete(step);
        this.wake();
      },
      Math.max(0, delayMs) + WAKE_STEP_MS,
    );
    this.#alarms.set(step, alarm);
  }

  /** Claims no more. Resolves when the loop has ended and the attempts under way have their outcomes. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const alarm of this.#alarms.values()) clearTimeout(alarm);
    this.wake();
    await this.#loop;
    await Promise.all(this.#underWay);
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const again = await this.#claimOnce();
      if (!again) await this.#sleep();
    }
  }

  /** True when a full batch was found and there is room for more. */
  async #claimOnce(): Promise<boolean> {
    const { db, clock, log, nodeName, limits } = this.#dependencies;
    // Before the look: what wakes us during it is reason for another.
    this.#woken = false;
    const limit = Math.min(this.#slots.free, limits.claimBatchMax);
    if (limit === 0) {
      this.#moreIsDue = true;
      return false;
    }
    const now = clock.now();
    const leaseEndsAt = new Date(now.getTime() + limits.leaseMs);
    try {
      const claimed = await claimDue(db, { node: nodeName, now, leaseEndsAt, limit });
      for (const delivery of claimed) {
        this.#slots.tryTake();
        const work: Promise<void> = this.#dependencies.runner.run(delivery).then(() => this.#slotFreed(work));
        this.#underWay.add(work);
      }
      this.#moreIsDue = claimed.length === limit;
      return this.#moreIsDue;
    } catch (error) {
      log.error({ err: error }, 'due deliveries could not be claimed');
      return false;
    }
  }

  #slotFreed(work: Promise<void>): void {
    this.#underWay.delete(work);
    this.#slots.giveBack();
    if (this.#moreIsDue) this.wake();
  }

  #sleep(): Promise<void> {
    if (this.#woken || this.#stopping) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#dependencies.limits.pollMs);
    this.#wakeUp = resolve;
    return promise.finally(() => {
      clearTimeout(timer);
      this.#wakeUp = null;
    });
  }
}

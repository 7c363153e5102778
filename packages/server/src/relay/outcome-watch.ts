import type { Database } from '../platform/database/index.ts';
import type { Logger } from '../platform/log.ts';
import type { OutcomeBoard, Standing } from './outcome-board.ts';
import { findEnded } from './outcome-store.ts';

export interface OutcomeWatchDependencies {
  readonly db: Database;
  readonly board: OutcomeBoard;
  readonly log: Logger;
  /** How often to look for what other nodes have ended. */
  readonly pollMs: number;
}

/**
 * Who waits for an outcome hears it from the board where this node made the attempt. For what other nodes end, one
 * statement looks for all that is waited for, however many wait; while nobody waits, nothing is asked.
 */
export class OutcomeWatch {
  readonly #dependencies: OutcomeWatchDependencies;
  #looking = false;
  #stopped = false;
  #stop: (() => void) | null = null;

  constructor(dependencies: OutcomeWatchDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * What comes of the next attempt on this node, or the delivery's end anywhere. Null after `waitMs`, and earlier where
   * nobody is to wait any more: look once more then.
   */
  next(requestId: string, waitMs: number): Promise<Standing | null> {
    if (this.#stopped) return Promise.resolve(null);
    const heard = this.#dependencies.board.next(requestId, waitMs);
    if (!this.#looking) void this.#look();
    return heard;
  }

  /** Nobody waits any more, and nobody will. */
  stop(): void {
    this.#stopped = true;
    this.#stop?.();
    this.#dependencies.board.silence();
  }

  async #look(): Promise<void> {
    const { db, board, log } = this.#dependencies;
    this.#looking = true;
    while (!this.#stopped && board.awaited.length > 0) {
      await this.#pause();
      const { awaited } = board;
      if (this.#stopped || awaited.length === 0) break;
      try {
        for (const ended of await findEnded(db, awaited)) board.tell(ended.requestId, ended);
      } catch (error) {
        log.warn({ err: error, count: awaited.length }, 'outcomes that are waited for could not be looked up');
      }
    }
    this.#looking = false;
  }

  #pause(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#dependencies.pollMs);
    this.#stop = resolve;
    return promise.finally(() => clearTimeout(timer));
  }
}

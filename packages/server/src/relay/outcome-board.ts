import type { DeliveryState } from './delivery.ts';

/** Where a delivery stands after an attempt. */
export interface Standing {
  readonly appId: string;
  readonly state: DeliveryState;
  readonly reason: string | null;
}

/**
 * What this node knows before the database does, and who waits to hear it. An attempt's outcome is told at once; its
 * settlement commits a little later, and in between the board answers for it.
 */
export class OutcomeBoard {
  readonly #unsettled = new Map<string, Standing>();
  readonly #listeners = new Map<string, Set<(standing: Standing | null) => void>>();

  /** What is waited for. */
  get awaited(): readonly string[] {
    return [...this.#listeners.keys()];
  }

  post(requestId: string, standing: Standing): void {
    this.#unsettled.set(requestId, standing);
    this.tell(requestId, standing);
  }

  /** Tells those who wait; the database knows it already. Null: they are to wait no longer. */
  tell(requestId: string, standing: Standing | null): void {
    const listeners = this.#listeners.get(requestId);
    this.#listeners.delete(requestId);
    for (const listener of listeners ?? []) listener(standing);
  }

  /** Lets everybody go who waits. */
  silence(): void {
    for (const requestId of this.awaited) this.tell(requestId, null);
  }

  /** The database knows it now, or never will. */
  forget(requestId: string): void {
    this.#unsettled.delete(requestId);
  }

  look(requestId: string): Standing | null {
    return this.#unsettled.get(requestId) ?? null;
  }

  /** The next standing that is posted or told; null after `waitMs`, or where nobody is to wait any more. */
  next(requestId: string, waitMs: number): Promise<Standing | null> {
    const { promise, resolve } = Promise.withResolvers<Standing | null>();
    const listeners = this.#listeners.get(requestId) ?? new Set();
    const listener = (standing: Standing | null): void => {
      clearTimeout(timer);
      resolve(standing);
    };
    const timer = setTimeout(
      () => {
        listeners.delete(listener);
        if (listeners.size === 0 && this.#listeners.get(requestId) === listeners) this.#listeners.delete(requestId);
        resolve(null);
      },
      Math.max(0, waitMs),
    );
    listeners.add(listener);
    this.#listeners.set(requestId, listeners);
    return promise;
  }
}

import type { DestinationName } from './callee-store.ts';
import type { Destination } from './destination.ts';
import type { LaneName } from './lane.ts';

const ENTRIES_MAX = 10_000;
/** Where a change was not heard of, it counts after this. */
const KEPT_MS = 1_000;

interface Entry {
  readonly destination: Destination;
  readonly readAtMs: number;
}

/**
 * Destinations as applications name them, for a moment: a busy one is not read for every message. A change is told by
 * the node that made it, and by NOTIFY from the others.
 */
export class DestinationCache {
  /** By the callee's number, then by the application that asks: a change of a shared one concerns them all. */
  readonly #entries = new Map<string, Map<string, Entry>>();
  /** Raised by each change: what was read before it is not kept after. */
  #generation = 0;

  get generation(): number {
    return this.#generation;
  }

  find({ appId, calleeNo }: DestinationName): Destination | null {
    const entry = this.#entries.get(calleeNo)?.get(appId);
    if (entry === undefined || performance.now() - entry.readAtMs > KEPT_MS) return null;
    return entry.destination;
  }

  /** @param generation as it was before the read */
  keep({ appId, calleeNo }: DestinationName, destination: Destination, generation: number): void {
    if (generation !== this.#generation) return;
    if (this.#entries.size >= ENTRIES_MAX) this.#entries.clear();
    const entries = this.#entries.get(calleeNo) ?? new Map<string, Entry>();
    if (entries.size >= ENTRIES_MAX) entries.clear();
    entries.set(appId, { destination, readAtMs: performance.now() });
    this.#entries.set(calleeNo, entries);
  }

  /** A destination of that lane may have changed. */
  forget(lane: LaneName): void {
    this.#generation += 1;
    this.#entries.delete(lane.slice(lane.indexOf('/') + 1));
  }
}

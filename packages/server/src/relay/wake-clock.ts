import type { Clock } from '../platform/clock.ts';
import type { LaneName } from './lane.ts';

/** What falls due within one step shares a timer. */
const STEP_MS = 50;
/** What lies further ahead is left to the poll, whose second is little beside it. */
const AHEAD_MAX_MS = 10_000;

/** Wakes lanes at moments that are known ahead: this node's own retries, probes, the next token of a rate. */
export class WakeClock {
  readonly #clock: Clock;
  readonly #wake: (lane: LaneName) => void;
  readonly #steps = new Map<number, { readonly timer: NodeJS.Timeout; readonly lanes: Set<LaneName> }>();

  constructor(clock: Clock, wake: (lane: LaneName) => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  set(at: Date, lane: LaneName): void {
    const delayMs = at.getTime() - this.#clock.now().getTime();
    if (delayMs > AHEAD_MAX_MS) return;
    const step = Math.ceil(at.getTime() / STEP_MS);
    const set = this.#steps.get(step);
    if (set !== undefined) {
      set.lanes.add(lane);
      return;
    }
    const lanes = new Set([lane]);
    const timer = setTimeout(
      () => {
        this.#steps.delete(step);
        for (const due of lanes) this.#wake(due);
      },
      Math.max(0, delayMs) + STEP_MS,
    );
    this.#steps.set(step, { timer, lanes });
  }

  clear(): void {
    for (const { timer } of this.#steps.values()) clearTimeout(timer);
    this.#steps.clear();
  }
}

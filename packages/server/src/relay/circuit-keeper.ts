import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Logger } from '../platform/log.ts';
import { isDestinationFailure, openCircuit, type Circuit } from './circuit.ts';
import { closeCircuit, giveBackProbe, takeProbe, writeCircuit } from './circuit-store.ts';
import { replayLane } from './claim-store.ts';
import type { Lane, LaneBook } from './lane-book.ts';
import type { LaneName } from './lane.ts';
import type { Outcome } from './retry-policy.ts';
import { notifyWake } from './store.ts';

export interface CircuitDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lanes: LaneBook;
  readonly nodeName: string;
  /** How long a probe may be under way before another node may try. */
  readonly probeMs: number;
  /** Something may be due in the lane. */
  readonly wake: (lane: LaneName) => void;
}

/** Opens, probes and closes the circuits of lanes by what attempts come to. */
export class CircuitKeeper {
  readonly #dependencies: CircuitDependencies;
  /** One after another for each lane: an opening may not overtake the closing before it. */
  readonly #writes = new Map<LaneName, Promise<void>>();
  readonly #closing = new WeakSet<Circuit>();

  constructor(dependencies: CircuitDependencies) {
    this.#dependencies = dependencies;
  }

  /** An attempt in this lane ended so. */
  heard(lane: Lane, outcome: Outcome): void {
    // Our own fault says nothing of the destination.
    if (outcome.kind === 'unacknowledged' && outcome.reason === 'internal_error') return;
    if (!isDestinationFailure(outcome)) {
      lane.failures = 0;
      if (lane.circuit !== null) this.#close(lane);
      return;
    }
    lane.failures += 1;
    const { circuit: settings } = lane.settings;
    if (settings === null || outcome.kind !== 'unacknowledged') return;
    const probeFailed = lane.circuit?.state === 'half-open';
    if (!probeFailed && (lane.circuit !== null || lane.failures < settings.failures)) return;
    this.#open(lane, outcome.reason);
  }

  /** Whether this node may send the one probe of an open circuit now. */
  async probe(lane: Lane): Promise<boolean> {
    const { db, clock, nodeName, probeMs } = this.#dependencies;
    const now = clock.now();
    if (lane.circuit === null || lane.circuit.probeAt > now) return false;
    const until = new Date(now.getTime() + probeMs);
    // Whoever gets it, nobody need ask again before then.
    const taken = await takeProbe(db, lane.name, { now, until, node: nodeName });
    if (lane.circuit !== null) lane.circuit = { ...lane.circuit, state: 'half-open', probeAt: until };
    return taken;
  }

  /** There was nothing to send. */
  async giveBack(lane: Lane): Promise<void> {
    const { db, clock, nodeName } = this.#dependencies;
    const now = clock.now();
    await giveBackProbe(db, lane.name, { now, node: nodeName });
    if (lane.circuit !== null) lane.circuit = { ...lane.circuit, state: 'open', probeAt: now };
  }

  async idle(): Promise<void> {
    while (this.#writes.size > 0) await Promise.all(this.#writes.values());
  }

  #open(lane: Lane, reason: string): void {
    const { db, clock, log, nodeName } = this.#dependencies;
    const { circuit: settings } = lane.settings;
    if (settings === null) return;
    const circuit = openCircuit(lane.circuit, { failures: lane.failures, reason }, settings, clock.now());
    lane.circuit = circuit;
    log.warn(
      { lane: lane.name, failures: circuit.failures, reason, openings: circuit.openings, probeAt: circuit.probeAt },
      'a destination is left alone until a probe finds it alive',
    );
    this.#write(lane.name, async () => {
      await writeCircuit(db, lane.name, circuit, nodeName);
      await notifyWake(db, [lane.name]);
    });
  }

  #close(lane: Lane): void {
    const { db, log, wake } = this.#dependencies;
    const { circuit } = lane;
    if (circuit === null || this.#closing.has(circuit)) return;
    this.#closing.add(circuit);
    this.#write(lane.name, async () => {
      // At once: nothing is claimed before it all stands in the order of acceptance.
      const wasOpen = await db.transaction().execute(async (tx) => {
        if (!(await closeCircuit(tx, lane.name))) return false;
        await replayLane(tx, lane.name);
        await notifyWake(tx, [lane.name]);
        return true;
      });
      if (wasOpen) log.info({ lane: lane.name }, 'a destination is back: what waited for it goes out in order');
      if (lane.circuit === circuit) lane.circuit = null;
      wake(lane.name);
    });
  }

  #write(lane: LaneName, work: () => Promise<void>): void {
    const { log } = this.#dependencies;
    const before = this.#writes.get(lane) ?? Promise.resolve();
    const write = before
      .then(work)
      .catch((error: unknown) => log.error({ err: error, lane }, 'a circuit could not be recorded'))
      .finally(() => {
        if (this.#writes.get(lane) === write) this.#writes.delete(lane);
      });
    this.#writes.set(lane, write);
  }
}

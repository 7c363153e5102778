import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Logger } from '../platform/log.ts';
import type { AttemptRunner } from './attempt-runner.ts';
import type { CircuitKeeper } from './circuit-keeper.ts';
import { beat, findCircuits } from './circuit-store.ts';
import {
  claimDue,
  findDueLanes,
  findLaneDestinations,
  giveBack,
  loadMessages,
  takeBackEndedLeases,
  type ClaimedRow,
} from './claim-store.ts';
import { takeUpJournals } from './journal-store.ts';
import { laneSettingsOf, type LaneName } from './lane.ts';
import { CLAIM_MAX_AT_FIRST, type Lane, type LaneBook } from './lane-book.ts';
import type { RelayMetrics } from './metrics.ts';
import { ReadyLanes } from './ready-lanes.ts';
import type { RelayLimits } from './relay.ts';
import { Slots } from './slots.ts';
import type { LeasedDelivery } from './store.ts';
import { UnderWay } from './under-way.ts';
import { WakeClock } from './wake-clock.ts';

export interface DispatcherDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lanes: LaneBook;
  readonly circuits: CircuitKeeper;
  readonly runner: AttemptRunner;
  readonly metrics: RelayMetrics | null;
  readonly nodeName: string;
  readonly limits: Pick<
    RelayLimits,
    'attemptsInFlightMax' | 'claimBatchMax' | 'contentBytesInFlightMax' | 'leaseMs' | 'pollMs' | 'nodeDeadMs'
  >;
}

/** Lanes that one claim looks at. */
const LANES_PER_CLAIM_MAX = 64;
/** Lanes whose settings one look asks for. */
const LANES_LEARNT_MAX = 1_000;

interface Turn {
  readonly lane: Lane;
  readonly max: number;
  readonly isProbe: boolean;
}

/**
 * Claims what is due, lane after lane in turn, by a lease, and runs it with bounded concurrency. It is woken by NOTIFY
 * and, behind that, by a slow poll, which also finds retries that have become due and leases whose node died.
 *
 * A lane is ready while it may have something due. Each claim takes an equal part from every ready lane that has room,
 * application after application, so a lane with a million waiting gets its turn and no more, and so does an application
 * with thousands of lanes.
 */
export class Dispatcher {
  readonly #dependencies: DispatcherDependencies;
  readonly #slots: Slots;
  readonly #underWay = new UnderWay();
  readonly #ready = new ReadyLanes();
  /** Woken since the present claim began. */
  readonly #wokenLanes = new Set<LaneName>();
  readonly #alarms: WakeClock;
  #contentBytes = 0;
  #loop: Promise<void> | null = null;
  #takenUp: Promise<void> | null = null;
  #stopping = false;
  #polledAtMs = Number.NEGATIVE_INFINITY;
  #wakeUp: (() => void) | null = null;
  #woken = false;

  constructor(dependencies: DispatcherDependencies) {
    this.#dependencies = dependencies;
    this.#slots = new Slots(dependencies.limits.attemptsInFlightMax);
    this.#alarms = new WakeClock(dependencies.clock, (lane) => this.wake(lane));
  }

  /** Resolves when this node knows of the others, and they can know of it. */
  async start(): Promise<void> {
    const looked = Promise.withResolvers<void>();
    this.#loop ??= this.#run(looked.resolve);
    await looked.promise;
  }

  /** Something may be due in the lane; without one, anywhere. */
  wake(lane?: LaneName): void {
    if (lane === undefined) this.#polledAtMs = Number.NEGATIVE_INFINITY;
    else {
      this.#ready.add(lane);
      this.#wokenLanes.add(lane);
    }
    this.#nudge();
  }

  /** Something in the lane falls due then: the first retries, a second or few away, are not left to the poll. */
  wakeAt(at: Date, lane: LaneName): void {
    if (!this.#stopping) this.#alarms.set(at, lane);
  }

  /** An attempt of this node has ended: its lane has room again. */
  roomIn(lane: LaneName): void {
    if (this.#ready.has(lane)) this.#nudge();
  }

  /** Claims no more. Resolves when the loop has ended and the attempts under way have their outcomes. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#alarms.clear();
    this.wake();
    await this.#loop;
    this.#alarms.clear();
    await Promise.all([this.#takenUp, this.#underWay.idle()]);
  }

  async #run(looked: () => void): Promise<void> {
    const { limits, log } = this.#dependencies;
    while (!this.#stopping) {
      this.#woken = false;
      try {
        if (performance.now() - this.#polledAtMs >= limits.pollMs) {
          this.#polledAtMs = performance.now();
          await this.#poll().finally(looked);
        }
        if (await this.#claimOnce()) continue;
      } catch (error) {
        log.error({ err: error }, 'due deliveries could not be claimed');
      }
      await this.#sleep();
    }
    looked();
  }

  /** What the rest of the world did: other nodes, their circuits, leases that ended, lanes with something due. */
  async #poll(): Promise<void> {
    const { db, clock, lanes, nodeName, limits } = this.#dependencies;
    const now = clock.now();
    this.#takenUp ??= this.#takeUp().finally(() => (this.#takenUp = null));
    const [nodes, circuits, freed] = await Promise.all([
      beat(db, { node: nodeName, now, deadAfterMs: limits.nodeDeadMs }),
      findCircuits(db),
      takeBackEndedLeases(db, now),
    ]);
    lanes.setNodes(nodes);
    lanes.setCircuits(circuits);
    lanes.forgetIdle();
    for (const lane of freed) this.#ready.add(lane);
    for (const { lane, destination } of await findDueLanes(db, now)) {
      lanes.learn(lane, destination);
      this.#ready.add(lane);
    }
  }

  /** The messages that dead nodes left in the journal get rows: beside the poll, which a table that is held up must not stop. */
  async #takeUp(): Promise<void> {
    const { db, clock, log } = this.#dependencies;
    const refused = (error: unknown, requestId: string): void =>
      log.error({ err: error, requestId }, 'a message of a journal could not be given its row');
    try {
      let hasMore = true;
      while (hasMore && !this.#stopping) hasMore = await takeUpJournals(db, clock.now(), refused);
    } catch (error) {
      log.error({ err: error }, 'the journals of other nodes could not be taken up');
    }
  }

  /** What is set for lanes that this node was only told of: their cap and rate hold from the first claim on. */
  async #learn(): Promise<void> {
    const { db, lanes } = this.#dependencies;
    const unknown: Lane[] = [];
    for (const name of this.#ready.inTurn()) {
      const lane = lanes.lane(name);
      if (!lane.isKnown) unknown.push(lane);
      if (unknown.length === LANES_LEARNT_MAX) break;
    }
    if (unknown.length === 0) return;
    // Before the look: a change that comes meanwhile makes them unknown again.
    for (const lane of unknown) lane.isKnown = true;
    try {
      const found = await findLaneDestinations(
        db,
        unknown.map((lane) => lane.name),
      );
      for (const { lane, destination } of found) {
        if (destination !== null) lanes.lane(lane).settings = laneSettingsOf(destination);
      }
    } catch (error) {
      for (const lane of unknown) lane.isKnown = false;
      throw error;
    }
  }

  /** True when there may be more to claim at once. */
  async #claimOnce(): Promise<boolean> {
    const { db, clock, nodeName, limits } = this.#dependencies;
    await this.#learn();
    this.#wokenLanes.clear();
    const now = clock.now();
    const readyBefore = this.#ready.size;
    const turns = await this.#turns(now);
    if (turns.length === 0) return false;
    const bytesMax = Math.max(0, limits.contentBytesInFlightMax - this.#contentBytes);
    const leaseEndsAt = new Date(now.getTime() + limits.leaseMs);
    let rows: ClaimedRow[] = [];
    try {
      const quotas = turns.map((pick) => ({ lane: pick.lane.name, max: pick.max }));
      rows = await claimDue(db, { node: nodeName, now, leaseEndsAt, quotas, bytesMax });
    } finally {
      await this.#account(turns, rows, bytesMax);
    }
    // Lanes with nothing due have left, and others have their turn: perhaps no attempt is under way whose end would wake them.
    if (rows.length === 0) return this.#ready.size > 0 && (this.#woken || this.#ready.size < readyBefore);
    this.#dependencies.metrics?.claimed(rows.length);
    await this.#begin(rows, leaseEndsAt);
    return this.#ready.size > 0;
  }

  /** The lanes whose turn it is, each with its part, which is theirs from now on. */
  async #turns(now: Date): Promise<Turn[]> {
    const { lanes, limits } = this.#dependencies;
    const free = Math.min(this.#slots.free, limits.claimBatchMax);
    if (free === 0 || this.#contentBytes >= limits.contentBytesInFlightMax) return [];
    const eligible: Turn[] = [];
    for (const name of Array.from(this.#ready.inTurn())) {
      if (eligible.length === Math.min(LANES_PER_CLAIM_MAX, free)) break;
      const pick = await this.#consider(lanes.lane(name), now);
      if (pick !== null) eligible.push(pick);
    }
    const part = Math.max(1, Math.floor(free / Math.max(1, eligible.length)));
    return eligible.flatMap((pick) => {
      // Its next turn comes after everybody else's.
      this.#ready.putLast(pick.lane.name);
      const max = pick.isProbe ? pick.max : this.#takeRoom(pick.lane, Math.min(part, pick.lane.claimMax), now);
      return max === 0 ? [] : [{ ...pick, max }];
    });
  }

  /** Room for attempts in a lane; where its rate has none left, the lane is put off. */
  #takeRoom(lane: Lane, wanted: number, now: Date): number {
    const { room, again } = this.#dependencies.lanes.take(lane, wanted, this.#slots, now);
    if (again !== undefined) {
      lane.isBehind = true;
      this.#putOff(lane, again);
    }
    this.#slots.tryTake(room);
    this.#dependencies.lanes.begin(lane, room);
    return room;
  }

  #giveRoomBack(lane: Lane, count: number): void {
    this.#dependencies.lanes.end(lane, count);
    this.#dependencies.lanes.giveBackTokens(lane, count);
    this.#slots.giveBack(count);
  }

  /** Null where the lane has no turn now: it is put off, or left ready where an attempt that ends will wake it. */
  async #consider(lane: Lane, now: Date): Promise<Turn | null> {
    const { lanes } = this.#dependencies;
    if (!lane.settings.enabled || lanes.share(lane) === 0) {
      this.#ready.delete(lane.name);
      return null;
    }
    if (!lanes.hasRoom(lane, this.#slots)) return null;
    if (lane.circuit === null) return { lane, max: 0, isProbe: false };
    if (lane.circuit.probeAt <= now) return this.#probe(lane, now);
    this.#putOff(lane, lane.circuit.probeAt);
    return null;
  }

  /** The one attempt that a half-open circuit lets through. Its room comes first: a probe that is taken is sent. */
  async #probe(lane: Lane, now: Date): Promise<Turn | null> {
    const { circuits, log } = this.#dependencies;
    const max = this.#takeRoom(lane, 1, now);
    if (max === 0) return null;
    try {
      if (await circuits.probe(lane)) return { lane, max, isProbe: true };
    } catch (error) {
      log.error({ err: error, lane: lane.name }, 'whether a circuit may be probed could not be asked');
    }
    this.#giveRoomBack(lane, max);
    // Closed meanwhile: its turn comes.
    if (lane.circuit !== null) this.#putOff(lane, lane.circuit.probeAt);
    return null;
  }

  #putOff(lane: Lane, until: Date): void {
    this.#ready.delete(lane.name);
    this.wakeAt(until, lane.name);
  }

  /** Gives back what the claim did not use; a lane that gave less than it might has nothing more due. */
  async #account(turns: readonly Turn[], rows: readonly ClaimedRow[], bytesMax: number): Promise<void> {
    const { circuits } = this.#dependencies;
    const counts = new Map<LaneName, number>();
    let bytes = 0;
    for (const row of rows) {
      counts.set(row.lane, (counts.get(row.lane) ?? 0) + 1);
      bytes += row.contentBytes;
    }
    this.#contentBytes += bytes;
    const unsent: Lane[] = [];
    for (const { lane, max, isProbe } of turns) {
      const unused = max - (counts.get(lane.name) ?? 0);
      this.#giveRoomBack(lane, unused);
      if (isProbe && unused > 0) unsent.push(lane);
      // Where fewer came than might, nothing more is due; what a probe finds out wakes its lane.
      lane.isBehind = unused === 0 && !isProbe;
      lane.claimMax = lane.isBehind
        ? Math.min(lane.claimMax * 2, this.#dependencies.limits.claimBatchMax)
        : CLAIM_MAX_AT_FIRST;
      const goesOn = unused === 0 ? !isProbe : bytes >= bytesMax || this.#wokenLanes.has(lane.name);
      if (!goesOn) this.#ready.delete(lane.name);
    }
    for (const lane of unsent) await circuits.giveBack(lane);
  }

  /** Reads the messages of claimed rows and begins their attempts. */
  async #begin(rows: readonly ClaimedRow[], leaseEndsAt: Date): Promise<void> {
    const { db, log, lanes } = this.#dependencies;
    let messages: Awaited<ReturnType<typeof loadMessages>>;
    try {
      messages = await loadMessages(db, rows);
    } catch (error) {
      log.error({ err: error, count: rows.length }, 'claimed messages could not be read; their leases will end');
      for (const row of rows) this.#ended(row);
      return;
    }
    const off: ClaimedRow[] = [];
    for (const row of rows) {
      const message = messages.get(row.requestId);
      if (message === undefined) {
        log.error({ requestId: row.requestId }, 'a delivery has no message; its lease will end');
        this.#ended(row);
        continue;
      }
      if (message.destination !== null) lanes.lane(row.lane).settings = laneSettingsOf(message.destination);
      if (message.destination?.enabled === false) {
        off.push(row);
        this.#ended(row);
        continue;
      }
      void this.#attempt(row, { ...row, ...message, leaseEndsAt });
    }
    if (off.length > 0) await this.#giveBack(off);
  }

  async #attempt(row: ClaimedRow, delivery: LeasedDelivery): Promise<void> {
    this.#underWay.begin();
    try {
      await this.#dependencies.runner.run(delivery);
      this.#ended(row);
    } finally {
      this.#underWay.end();
    }
  }

  async #giveBack(rows: readonly ClaimedRow[]): Promise<void> {
    const { db, log } = this.#dependencies;
    try {
      await giveBack(db, rows, 'destination_disabled');
    } catch (error) {
      log.error({ err: error, count: rows.length }, 'deliveries could not be given back; their leases will end');
    }
  }

  #ended(row: ClaimedRow): void {
    this.#slots.giveBack();
    this.#contentBytes -= row.contentBytes;
    const { lanes } = this.#dependencies;
    lanes.end(lanes.lane(row.lane), 1);
    if (this.#ready.size > 0) this.#nudge();
  }

  #nudge(): void {
    this.#woken = true;
    this.#wakeUp?.();
  }

  #sleep(): Promise<void> {
    if (this.#woken || this.#stopping) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    const waitMs = Math.max(1, this.#dependencies.limits.pollMs - (performance.now() - this.#polledAtMs));
    const timer = setTimeout(resolve, waitMs);
    this.#wakeUp = resolve;
    return promise.finally(() => {
      clearTimeout(timer);
      this.#wakeUp = null;
    });
  }
}

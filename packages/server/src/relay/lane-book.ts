import type { Circuit } from './circuit.ts';
import type { Destination } from './destination.ts';
import {
  applicationOf,
  applicationSlots,
  DEFAULT_LANE_SETTINGS,
  isLaneOfCallee,
  laneSettingsOf,
  laneRoom,
  shareOfCap,
  type LaneName,
  type LaneSettings,
} from './lane.ts';
import { takeTokens, type Bucket } from './rate.ts';

/** One destination as this node sees it. */
export interface Lane {
  readonly name: LaneName;
  /** Those of a lane that was only just heard of are not known: `isKnown`. */
  settings: LaneSettings;
  /** Whether `settings` are the destination's own, as far as this node was told. Bare URLs have the defaults. */
  isKnown: boolean;
  /** Attempts under way on this node; `begin` and `end` count them. */
  readonly inFlight: number;
  /** Failures of the destination since its last sign of life, as this node saw them. */
  failures: number;
  /** Null: closed. */
  circuit: Circuit | null;
  bucket: Bucket | null;
  /** More of it is due in the database than the last claim might take. */
  isBehind: boolean;
  /** What the next claim may take: it is kept free meanwhile, and first attempts find it taken. */
  claimMax: number;
}

/** A lane that was woken has one due as a rule; where a claim comes back full, the next may take twice as many. */
export const CLAIM_MAX_AT_FIRST = 8;

type Counted = { -readonly [Key in keyof Lane]: Lane[Key] };

function newLane(name: LaneName): Counted {
  return {
    name,
    settings: DEFAULT_LANE_SETTINGS,
    isKnown: !isLaneOfCallee(name),
    inFlight: 0,
    failures: 0,
    circuit: null,
    bucket: null,
    isBehind: false,
    claimMax: CLAIM_MAX_AT_FIRST,
  };
}

/** Whether another attempt may begin, and if not, when to look again where that is known. */
export type Room = { readonly room: number; readonly again?: Date };

/** What lanes take their attempts from. */
type SlotsLeft = { readonly free: number; readonly max: number };

/** The lanes of this node, kept in memory: what a lane may do follows from here without a query. */
export class LaneBook {
  readonly #lanes = new Map<LaneName, Counted>();
  /** Attempts under way of each application that has any. */
  readonly #applications = new Map<string, number>();
  readonly #self: string;
  #nodes: readonly string[];

  constructor(self: string) {
    this.#self = self;
    this.#nodes = [self];
  }

  lane(name: LaneName): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = newLane(name);
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  /** So many attempts of the lane begin. */
  begin(lane: Lane, count: number): void {
    this.#count(lane, count);
  }

  /** So many have ended, or did not begin. */
  end(lane: Lane, count: number): void {
    this.#count(lane, -count);
  }

  #count({ name }: Lane, change: number): void {
    const lane = this.#lanes.get(name);
    if (lane === undefined) throw new Error('a lane with attempts under way was forgotten');
    lane.inFlight += change;
    const application = applicationOf(name);
    const inFlight = (this.#applications.get(application) ?? 0) + change;
    if (inFlight === 0) this.#applications.delete(application);
    else this.#applications.set(application, inFlight);
  }

  /** What is set for a lane. */
  learn(name: LaneName, destination: Destination | null): void {
    const lane = this.lane(name);
    lane.settings = destination === null ? DEFAULT_LANE_SETTINGS : laneSettingsOf(destination);
    lane.isKnown = true;
  }

  /** Its settings may have changed: they are to be read again before anything of it is claimed. */
  doubt(name: LaneName): void {
    const lane = this.#lanes.get(name);
    if (lane !== undefined) lane.isKnown = !isLaneOfCallee(name);
  }

  /** The nodes that are alive. */
  setNodes(nodes: readonly string[]): void {
    this.#nodes = nodes.includes(this.#self) ? nodes : [...nodes, this.#self];
  }

  /** The circuits that are not closed; those of all other lanes are. */
  setCircuits(circuits: ReadonlyMap<LaneName, Circuit>): void {
    for (const lane of this.#lanes.values()) {
      const circuit = circuits.get(lane.name) ?? null;
      if (circuit === null && lane.circuit !== null) lane.failures = 0;
      lane.circuit = circuit;
    }
    for (const [name, circuit] of circuits) this.lane(name).circuit = circuit;
  }

  /** This node's part of the lane's cap. */
  share(lane: Lane): number {
    return shareOfCap(lane.settings.inFlightMax, lane.name, this.#nodes, this.#self);
  }

  /**
   * How many attempts may begin in a lane now, its circuit left aside; the tokens of its rate are taken for them.
   * `giveBackTokens` returns what was not used.
   */
  take(lane: Lane, wanted: number, slots: SlotsLeft, now: Date): Room {
    if (!lane.settings.enabled) return { room: 0 };
    const room = Math.min(wanted, this.#room(lane, slots));
    if (room <= 0) return { room: 0 };
    const { ratePerSecond } = lane.settings;
    if (ratePerSecond === null) return { room };
    const { bucket, taken, waitMs } = takeTokens(
      lane.bucket,
      this.#rateShare(lane, ratePerSecond),
      room,
      now.getTime(),
    );
    lane.bucket = bucket;
    return { room: taken, ...(waitMs > 0 && { again: new Date(now.getTime() + waitMs) }) };
  }

  /** Whether `take` would find room, its rate left aside. */
  hasRoom(lane: Lane, slots: SlotsLeft): boolean {
    return this.#room(lane, slots) > 0;
  }

  giveBackTokens(lane: Lane, count: number): void {
    if (lane.bucket === null || count === 0) return;
    lane.bucket = { ...lane.bucket, tokens: lane.bucket.tokens + count };
  }

  /**
   * Whether a first attempt may begin at once: no open circuit, and room. Where others wait, new messages leave a rate to
   * them, and half of the cap: else those that came later would go first for as long as more come.
   */
  mayBegin(lane: Lane, slots: SlotsLeft, now: Date): boolean {
    if (lane.circuit !== null) return false;
    if (lane.isBehind && (lane.settings.ratePerSecond !== null || lane.inFlight >= Math.floor(this.share(lane) / 2))) {
      return false;
    }
    return this.take(lane, 1, slots, now).room === 1;
  }

  /** Forgets lanes that say nothing beyond their settings, so that a million destinations once seen cost nothing. */
  forgetIdle(): void {
    for (const [name, lane] of this.#lanes) {
      if (lane.inFlight === 0 && lane.failures === 0 && lane.circuit === null && lane.bucket === null) {
        this.#lanes.delete(name);
      }
    }
  }

  #room(lane: Lane, slots: SlotsLeft): number {
    const inFlight = this.#applications.get(applicationOf(lane.name)) ?? 0;
    return laneRoom({ share: this.share(lane), inFlight: lane.inFlight }, applicationSlots(inFlight, slots));
  }

  /** As the cap is divided: a node that has no part of a small cap leaves its part of the rate to the others. */
  #rateShare(lane: Lane, ratePerSecond: number): number {
    return (ratePerSecond * this.share(lane)) / lane.settings.inFlightMax;
  }
}

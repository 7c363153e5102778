import { applicationOf, type LaneName } from './lane.ts';

/** Lanes that may have something due, in the order of their turns: application after application, lane after lane. */
export class ReadyLanes {
  /** Both in the order of their turns. */
  readonly #lanes = new Map<string, Set<LaneName>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(lane: LaneName): boolean {
    return this.#lanes.get(applicationOf(lane))?.has(lane) ?? false;
  }

  add(lane: LaneName): void {
    const application = applicationOf(lane);
    const lanes = this.#lanes.get(application);
    if (lanes === undefined) this.#lanes.set(application, new Set([lane]));
    else if (lanes.has(lane)) return;
    else lanes.add(lane);
    this.#size += 1;
  }

  delete(lane: LaneName): void {
    const application = applicationOf(lane);
    const lanes = this.#lanes.get(application);
    if (lanes?.delete(lane) !== true) return;
    this.#size -= 1;
    if (lanes.size === 0) this.#lanes.delete(application);
  }

  /** Its next turn, and its application's, comes after everybody else's. */
  putLast(lane: LaneName): void {
    const application = applicationOf(lane);
    const lanes = this.#lanes.get(application);
    if (lanes?.delete(lane) !== true) return;
    lanes.add(lane);
    this.#lanes.delete(application);
    this.#lanes.set(application, lanes);
  }

  /** One lane of each application, then the next of each. What is added or taken away meanwhile may or may not come. */
  *inTurn(): Generator<LaneName> {
    let turns = Array.from(this.#lanes.values(), (lanes) => lanes.values());
    while (turns.length > 0) {
      const going: typeof turns = [];
      for (const turn of turns) {
        const { value, done } = turn.next();
        if (done === true) continue;
        yield value;
        going.push(turn);
      }
      turns = going;
    }
  }
}

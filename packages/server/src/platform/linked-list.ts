/** An item's place in a list. */
export interface Place<Item> {
  readonly item: Item;
}

interface Link<Item> extends Place<Item> {
  before: Link<Item> | null;
  after: Link<Item> | null;
}

/**
 * Items in the order in which they came, for what comes and goes thousands of times a second. A `Map` or `Set` would do, but
 * each table that it outgrows or tidies points to the next one: those that have become old keep what later ones held
 * (4 KB of each message, moved at every scavenge) until the old generation is collected. A place that is left here points
 * nowhere.
 */
export class LinkedList<Item> {
  #first: Link<Item> | null = null;
  #last: Link<Item> | null = null;

  get isEmpty(): boolean {
    return this.#first === null;
  }

  /** @returns where it stands, for `remove` */
  append(item: Item): Place<Item> {
    const link: Link<Item> = { item, before: this.#last, after: null };
    if (this.#last === null) this.#first = link;
    else this.#last.after = link;
    this.#last = link;
    return link;
  }

  /** Of a place of this list; one that was left already is left as it is. */
  remove(place: Place<Item>): void {
    const link = place as Link<Item>;
    const { before, after } = link;
    if (before === null && this.#first !== link) return;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after === null) this.#last = before;
    else after.before = before;
    link.before = null;
    link.after = null;
  }

  /** The first first. Nothing may be removed meanwhile. */
  *[Symbol.iterator](): Generator<Item> {
    for (let link = this.#first; link !== null; link = link.after) yield link.item;
  }
}

/** A bound on what is under way at once: attempts, or the bytes of their contents. */
export class Slots {
  readonly max: number;
  #taken = 0;

  constructor(max: number) {
    this.max = max;
  }

  get free(): number {
    return this.max - this.#taken;
  }

  tryTake(amount = 1): boolean {
    if (amount > this.free) return false;
    this.#taken += amount;
    return true;
  }

  giveBack(amount = 1): void {
    this.#taken -= amount;
  }
}

const CAPACITY_FIRST = 4_096;

/** Milliseconds. */
export interface LatencySummary {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Every latency of a run, exactly: a million of them are 8 MB. */
export class Latencies {
  #values = new Float64Array(CAPACITY_FIRST);
  #count = 0;

  add(milliseconds: number): void {
    if (this.#count === this.#values.length) {
      const wider = new Float64Array(this.#values.length * 2);
      wider.set(this.#values);
      this.#values = wider;
    }
    this.#values[this.#count] = milliseconds;
    this.#count += 1;
  }

  summary(): LatencySummary {
    const sorted = this.#values.slice(0, this.#count).sort();
    const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
    return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
  }
}

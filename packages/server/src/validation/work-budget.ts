import { ParseBudget, TooComplexPdf } from '../documents/index.ts';

/**
 * What one file may cost to validate. More than to sign it: every object is read, in every save that changed it, and a form
 * of 2,000 signatures was written 2,000 times. Time and memory are bounded beside it, by the thread.
 */
const WORK = {
  parsedBytesMax: 256 * 1024 * 1024,
  parsedValuesMax: 24_000_000,
  inflatedBytesMax: 192 * 1024 * 1024,
  streamBytesMax: 32 * 1024 * 1024,
} as const;

export class WorkBudget extends ParseBudget {
  #bytes: number = WORK.parsedBytesMax;
  #values: number = WORK.parsedValuesMax;
  #inflated: number = WORK.inflatedBytesMax;

  override spendBytes(count: number): void {
    this.#bytes -= count;
    if (this.#bytes < 0) throw new TooComplexPdf('too many bytes of structure');
  }

  override spendValue(): void {
    this.#values -= 1;
    if (this.#values < 0) throw new TooComplexPdf('too many values in the structure');
  }

  override inflatedBytesLeft(): number {
    return Math.min(this.#inflated, WORK.streamBytesMax);
  }

  override spendInflated(count: number): void {
    this.#inflated -= count;
    if (this.#inflated < 0) throw new TooComplexPdf('the streams inflate to too much');
  }
}

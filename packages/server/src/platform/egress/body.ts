const FIRST_CAPACITY_BYTES = 1024;

/**
 * Gathers a body of at most `bytesMax` bytes in one growing buffer. A list of chunks would cost a hundred bytes of memory
 * for each byte of a peer that sends its chunks one byte at a time; a buffer sized by Content-Length would be a claim
 * believed.
 */
export class BoundedBody {
  readonly #bytesMax: number;
  #buffer = Buffer.alloc(0);
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes what fits of `chunk`; false when not all of it did. */
  add(chunk: Buffer): boolean {
    const taken = Math.min(chunk.length, this.#bytesMax - this.#length);
    this.#reserve(this.#length + taken);
    chunk.copy(this.#buffer, this.#length, 0, taken);
    this.#length += taken;
    return taken === chunk.length;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(length: number): void {
    if (length <= this.#buffer.length) return;
    const capacity = Math.min(this.#bytesMax, Math.max(length, this.#buffer.length * 2, FIRST_CAPACITY_BYTES));
    const grown = Buffer.allocUnsafe(capacity);
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

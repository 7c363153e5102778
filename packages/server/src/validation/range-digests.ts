import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { TooComplexPdf } from '../documents/index.ts';
import type { HashName } from './algorithms.ts';
import type { Span } from './history.ts';

/** Bytes hashed for one file: honest signatures each hash what their save appended, once the file before is hashed. */
const HASHED_BYTES_MAX = 2 * 1024 * 1024 * 1024;

/**
 * Digests of what signatures cover. A file that was signed 200 times is hashed once: where they are asked for in the order
 * of their saves, each goes on from the one before.
 */
export class RangeDigests {
  readonly #bytes: Buffer;
  readonly #prefixes = new Map<HashName, { hash: Hash; at: number }>();
  #left = HASHED_BYTES_MAX;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** @throws TooComplexPdf where the file makes more work than any honest one */
  digest(name: HashName, [from, to]: Span, end: number): Buffer {
    let prefix = this.#prefixes.get(name);
    if (!prefix || prefix.at > from) {
      prefix = { hash: createHash(name), at: 0 };
      this.#prefixes.set(name, prefix);
    }
    this.#spend(from - prefix.at + (end - to));
    prefix.hash.update(this.#bytes.subarray(prefix.at, from));
    prefix.at = from;
    return prefix.hash.copy().update(this.#bytes.subarray(to, end)).digest();
  }

  #spend(bytes: number): void {
    this.#left -= bytes;
    if (this.#left < 0) throw new TooComplexPdf('signatures over too many bytes');
  }
}

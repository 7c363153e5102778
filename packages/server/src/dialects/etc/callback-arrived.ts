import { DomainError } from '../../platform/errors.ts';
import type { RelayErrorCode } from '../../relay/index.ts';

/** When to come again where bodies fill the memory: they are gone in no time. */
export const FULL_RETRY_AFTER_SECONDS = 1;

/**
 * Bodies that have arrived and are not the relay's yet: while their callers are looked up they are held, and a database
 * that hangs must not make the memory full of them.
 */
export class ArrivedBytes {
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Counts a body until `work` has ended. Throws `relay_full` where there is no room for it. */
  async during<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    if (this.#bytes + bytes > this.#bytesMax) {
      throw new DomainError<RelayErrorCode>('relay_full', { retryAfterSeconds: `${FULL_RETRY_AFTER_SECONDS}` });
    }
    this.#bytes += bytes;
    try {
      return await work();
    } finally {
      this.#bytes -= bytes;
    }
  }
}

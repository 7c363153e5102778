import type { IncomingMessage } from 'node:http';

/**
 * Bounds what bodies under way may hold of this process's memory, all clients together. Each body counts with what it may
 * grow to from its first byte to its last. Where a new one does not fit, those that have been arriving for the longest are
 * cut off: a body that is sent takes milliseconds, one that is dripped to fill the memory takes as long as it may.
 */
export class BodyBudget {
  readonly #bytesMax: number;
  /** In the order of arrival. */
  readonly #arriving = new Map<IncomingMessage, number>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that the bodies under way may grow to. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts the body of a request until it has arrived or its connection is gone; answers how many were cut off for it. */
  admit(request: IncomingMessage, bytesMaxOfRoute: number): number {
    const bytes = expectedBytes(request, bytesMaxOfRoute);
    if (bytes === 0) return 0;
    let cutOff = 0;
    for (const [oldest] of this.#arriving) {
      if (this.#bytes + bytes <= this.#bytesMax) break;
      this.#release(oldest);
      oldest.destroy();
      cutOff += 1;
    }
    this.#arriving.set(request, bytes);
    this.#bytes += bytes;
    const release = (): void => this.#release(request);
    request.once('end', release).once('close', release);
    return cutOff;
  }

  #release(request: IncomingMessage): void {
    this.#bytes -= this.#arriving.get(request) ?? 0;
    this.#arriving.delete(request);
  }
}

/** What is announced, but no more than the route takes; a chunked body announces nothing. */
function expectedBytes({ headers }: IncomingMessage, bytesMaxOfRoute: number): number {
  if (headers['transfer-encoding'] !== undefined) return bytesMaxOfRoute;
  return Math.min(Number(headers['content-length'] ?? 0), bytesMaxOfRoute);
}

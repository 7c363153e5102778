import type { IncomingMessage } from 'node:http';

/** A body that has sent less than this since it began is slow, once it has had the time to begin. */
const BYTES_PER_SECOND_MIN = 32_768;
const SLOW_AFTER_MS = 1_000;

interface Arriving {
  readonly bytes: number;
  readonly sinceMs: number;
  /** What its connection had read before. */
  readonly readBefore: number;
}

/**
 * Bounds what bodies under way may hold of this process's memory, all clients together. Each body counts with what it may
 * grow to from its first byte to its last. Where a new one does not fit, those that have been arriving for the longest are
 * cut off: a body that is sent takes milliseconds, one that is dripped to fill the memory takes as long as it may.
 */
export class BodyBudget {
  readonly #bytesMax: number;
  readonly #nowMs: () => number;
  /** In the order of arrival. */
  readonly #arriving = new Map<IncomingMessage, Arriving>();
  #bytes = 0;

  constructor(bytesMax: number, nowMs: () => number = () => performance.now()) {
    this.#bytesMax = bytesMax;
    this.#nowMs = nowMs;
  }

  /** Bytes that the bodies under way may grow to. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts the body of a request until it has arrived or its connection is gone; answers how many were cut off for it. */
  admit(request: IncomingMessage, bytesMaxOfRoute: number): number {
    return this.#admit(request, bytesMaxOfRoute, () => true) ?? 0;
  }

  /** As `admit`, but slow bodies alone are cut off; null where there is no room beside those that are sent in earnest. */
  admitBesideOthers(request: IncomingMessage, bytesMaxOfRoute: number): number | null {
    const nowMs = this.#nowMs();
    return this.#admit(request, bytesMaxOfRoute, (other, { sinceMs, readBefore }) => {
      const elapsedMs = nowMs - sinceMs;
      const bytesRead = other.socket.bytesRead - readBefore;
      return elapsedMs > SLOW_AFTER_MS && bytesRead * 1_000 < elapsedMs * BYTES_PER_SECOND_MIN;
    });
  }

  #admit(
    request: IncomingMessage,
    bytesMaxOfRoute: number,
    mayCutOff: (other: IncomingMessage, arriving: Arriving) => boolean,
  ): number | null {
    const bytes = expectedBytes(request, bytesMaxOfRoute);
    if (bytes === 0) return 0;
    let cutOff = 0;
    for (const [other, arriving] of this.#arriving) {
      if (this.#bytes + bytes <= this.#bytesMax) break;
      if (!mayCutOff(other, arriving)) continue;
      this.#release(other);
      other.destroy();
      cutOff += 1;
    }
    if (this.#bytes + bytes > this.#bytesMax && this.#arriving.size > 0) return null;
    this.#arriving.set(request, { bytes, sinceMs: this.#nowMs(), readBefore: request.socket.bytesRead });
    this.#bytes += bytes;
    const release = (): void => this.#release(request);
    request.once('end', release).once('close', release);
    return cutOff;
  }

  #release(request: IncomingMessage): void {
    this.#bytes -= this.#arriving.get(request)?.bytes ?? 0;
    this.#arriving.delete(request);
  }
}

/** What is announced, but no more than the route takes; a chunked body announces nothing. */
function expectedBytes({ headers }: IncomingMessage, bytesMaxOfRoute: number): number {
  if (headers['transfer-encoding'] !== undefined) return bytesMaxOfRoute;
  return Math.min(Number(headers['content-length'] ?? 0), bytesMaxOfRoute);
}

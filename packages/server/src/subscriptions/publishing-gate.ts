import { DomainError } from '../platform/errors.ts';
import { RETRY_AFTER_SECONDS, type SubscriptionErrorCode } from './subscription.ts';

export interface PublishingGateLimits {
  /** Fan-outs under way at once on this node; each holds a connection of the pool. */
  readonly inFlightMax: number;
  readonly inFlightPerAppMax: number;
  /** Fan-outs that wait for their turn. */
  readonly waitingMax: number;
  readonly waitingPerAppMax: number;
}

interface Waiting {
  readonly appId: string;
  readonly start: () => void;
}

/**
 * Lets few events be published at once, so that many of them do not take every connection from the callbacks of the same
 * node, and lets no application's events take every turn. Who comes when it is full is told at once.
 */
export class PublishingGate {
  readonly #limits: PublishingGateLimits;
  readonly #inFlight = new Map<string, number>();
  readonly #waiting: Waiting[] = [];
  #total = 0;

  constructor(limits: PublishingGateLimits) {
    this.#limits = limits;
  }

  /** Runs `work` when it is its turn. @throws DomainError publishing_full {retryAfterSeconds} */
  async run<Result>(appId: string, work: () => Promise<Result>): Promise<Result> {
    await this.#turnOf(appId);
    try {
      return await work();
    } finally {
      this.#leave(appId);
    }
  }

  async #turnOf(appId: string): Promise<void> {
    if (this.#isFree(appId)) {
      this.#enter(appId);
      return;
    }
    const ofApp = this.#waiting.filter((waiting) => waiting.appId === appId).length;
    if (this.#waiting.length >= this.#limits.waitingMax || ofApp >= this.#limits.waitingPerAppMax) {
      const retryAfterSeconds = String(RETRY_AFTER_SECONDS);
      throw new DomainError<SubscriptionErrorCode>('publishing_full', { retryAfterSeconds });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ appId, start: resolve });
    return promise;
  }

  #isFree(appId: string): boolean {
    return this.#total < this.#limits.inFlightMax && (this.#inFlight.get(appId) ?? 0) < this.#limits.inFlightPerAppMax;
  }

  #enter(appId: string): void {
    this.#total += 1;
    this.#inFlight.set(appId, (this.#inFlight.get(appId) ?? 0) + 1);
  }

  #leave(appId: string): void {
    this.#total -= 1;
    const left = (this.#inFlight.get(appId) ?? 0) - 1;
    if (left > 0) this.#inFlight.set(appId, left);
    else this.#inFlight.delete(appId);
    const index = this.#waiting.findIndex((waiting) => this.#isFree(waiting.appId));
    const [next] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (next === undefined) return;
    this.#enter(next.appId);
    next.start();
  }
}

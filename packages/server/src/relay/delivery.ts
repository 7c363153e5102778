import type { ProfileName } from './profiles.ts';

/**
 * ```
 * leased → delivered
 * leased → waiting → leased …   (attempt failed; next by the policy)
 * leased → failed               (refused for good, tries used up, gone)
 * waiting ⇄ parked              (destination switched off; never dropped)
 * ```
 * A replay takes `delivered` and `failed` back to `waiting`.
 */
export type DeliveryState = 'leased' | 'waiting' | 'parked' | 'delivered' | 'failed';

export const DELIVERY_STATES: readonly DeliveryState[] = ['leased', 'waiting', 'parked', 'delivered', 'failed'];

/** A delivery as people look at it, without the message itself. */
export interface Delivery {
  readonly requestId: string;
  readonly appId: string;
  readonly state: DeliveryState;
  readonly profile: ProfileName;
  readonly url: string;
  readonly calleeNo: string | null;
  readonly callerNo: string | null;
  readonly messageType: string;
  /** Attempts begun, those of earlier schedules and those whose node died included. */
  readonly attempts: number;
  /** Why the last attempt failed, or why none was made. */
  readonly reason: string | null;
  readonly acceptedAt: Date;
  /** When what the message tells of happened; null where that is the caller's business. */
  readonly occurredAt: Date | null;
  /** The next attempt of a waiting delivery; the end of the lease of a leased one. */
  readonly dueAt: Date | null;
  readonly endedAt: Date | null;
}

/** One attempt, as evidence. */
export interface Attempt {
  readonly number: number;
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly outcome: 'acknowledged' | 'refused' | 'unacknowledged';
  readonly status: number | null;
  readonly reason: string | null;
  /** The first bytes of the answer's body. */
  readonly answer: Buffer | null;
  readonly url: string;
  readonly remoteAddress: string | null;
  readonly node: string;
}

import type { ProfileName } from './profiles.ts';

/**
 * ```
 * leased → delivered
 * leased → waiting → leased …   (attempt failed; next by the policy)
 * leased → failed               (refused for good, tries used up, gone)
 * queued → waiting              (the message before it under its ordering key has ended)
 * waiting ⇄ parked              (destination switched off, its circuit open, or held by an operator; never dropped)
 * ```
 * A replay takes `delivered` and `failed` back to `waiting`. An operator's skip ends what waits as `failed`.
 */
export type DeliveryState = 'leased' | 'waiting' | 'queued' | 'parked' | 'delivered' | 'failed';

export const DELIVERY_STATES: readonly DeliveryState[] = [
  'leased',
  'waiting',
  'queued',
  'parked',
  'delivered',
  'failed',
];

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
  /** Why the last attempt failed, why none was made, or why it is parked. */
  readonly reason: string | null;
  /** Messages of one key go one after another. */
  readonly orderingKey: string | null;
  readonly acceptedAt: Date;
  /** When what the message tells of happened; null where that is the caller's business. */
  readonly occurredAt: Date | null;
  /** The next attempt of a waiting delivery; the end of the lease of a leased one. */
  readonly dueAt: Date | null;
  readonly endedAt: Date | null;
}

/** What stands on a delivery from its acceptance on and never changes. */
export interface AcceptedDelivery {
  readonly appId: string;
  readonly requestId: string;
  readonly profile: ProfileName;
  readonly url: string;
  readonly calleeAppId: string | null;
  readonly calleeNo: string | null;
  readonly callerNo: string | null;
  readonly messageType: string;
  readonly acceptedAt: Date;
  readonly occurredAt: Date | null;
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
  /** SHA-256 of the peer's certificate; null over plain http. */
  readonly tlsFingerprint: Buffer | null;
  /** SHA-256 of the exact bytes of the request's body; null where none was made. */
  readonly requestSha256: Buffer | null;
  readonly node: string;
}

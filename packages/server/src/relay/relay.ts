import type { KeyObject } from 'node:crypto';
import type { Transaction } from '../platform/database/index.ts';
import type { CalleeCommands } from './callee-commands.ts';
import type { Attempt, Delivery, DeliveryState } from './delivery.ts';
import type { DeliveryFilter } from './search.ts';

/** The keys of calling applications, which another capability keeps. */
export interface RelayKeys {
  /** The RSA private key that signs the bodies sent for this application. */
  bodyKey(appId: string): Promise<KeyObject>;
  /** `whsec_` and the Base64 of the HMAC key. */
  webhookSecret(appId: string): Promise<string>;
  /** The application's own secret, which signs in the profile `tsign`. */
  secretOf(appId: string): Promise<string>;
}

/** Every limit of the relay; `DEFAULT_LIMITS` holds what a service runs with. */
export interface RelayLimits {
  /** How long `accept` waits for the first attempt before it answers `retrying`. */
  readonly answerWaitMs: number;
  /** From the beginning of an attempt to the last byte of its answer. */
  readonly attemptTimeoutMs: number;
  /**
   * How long a claimed delivery is one node's own. It outlasts an attempt and its settling, and an attempt for which too
   * little of it is left is not begun; nothing renews it. When it has ended, others may take the delivery.
   */
  readonly leaseMs: number;
  /** First attempts of accepted messages under way at once on this node; beyond it they wait for the dispatcher. */
  readonly firstAttemptsInFlightMax: number;
  /** Attempts that the dispatcher of this node has under way at once. */
  readonly attemptsInFlightMax: number;
  readonly claimBatchMax: number;
  /**
   * Contents of the attempts that the dispatcher of this node has under way, and as much again of first attempts: what
   * would be more waits for the dispatcher.
   */
  readonly contentBytesInFlightMax: number;
  /** Messages that have no rows of their own yet, and their contents: beyond it nothing is accepted (`relay_full`). */
  readonly unwrittenMax: number;
  readonly unwrittenBytesMax: number;
  /**
   * How long the first attempt of an accepted message may take before the message gets rows of its own; until then it
   * stands in the journal alone.
   */
  readonly journalMs: number;
  /** The slow poll behind LISTEN/NOTIFY. */
  readonly pollMs: number;
  /** A node that was silent for so long has no part in the caps of destinations any more. */
  readonly nodeDeadMs: number;
  /** Bytes of an answer that are read to judge it. */
  readonly answerBytesMax: number;
  /** Bytes of an answer that are kept with the attempt. */
  readonly answerBytesKept: number;
  /** Rows that one group commit takes at most, and the characters of their contents. */
  readonly commitRowsMax: number;
  readonly commitCharactersMax: number;
  /** Attempts that one commit records at most, and how long they gather for it: nobody waits for that commit. */
  readonly settleRowsMax: number;
  readonly settleGatherMs: number;
  /** How long `stop` waits for attempts under way. */
  readonly drainMs: number;
}

/** How long what has ended is kept. */
export interface RelayRetention {
  /** Deliveries and their attempts: whole days (UTC) are dropped. */
  readonly days: number;
  /** Contents of delivered messages, where they go before the record; null: with it. */
  readonly contentDays: number | null;
  readonly idempotencyHours: number;
}

export const DEFAULT_RETENTION: RelayRetention = { days: 90, contentDays: null, idempotencyHours: 72 };

/** A message to deliver, from a caller who waits for the result. */
export interface AcceptedMessage {
  readonly appId: string;
  readonly destination: { readonly url: string } | { readonly calleeNo: string };
  readonly callerNo: string | null;
  readonly messageType: string;
  /** One JSON value as source text, compact; it goes out byte for byte. */
  readonly content: string;
  /** The same key and message of one application is one delivery. */
  readonly idempotencyKey?: string;
  /** Answer right after the durable write. */
  readonly respondAsync?: boolean;
  /** How long to wait for the first attempt, where it is less than `answerWaitMs` of the limits. */
  readonly answerWaitMs?: number;
  /** The request's header of that name (lower case): a destination's ordering key may stand there. */
  readonly header?: (name: string) => string | undefined;
  /** W3C trace context that came with the request. */
  readonly traceParent?: string;
}

export interface AcceptResult {
  readonly requestId: string;
  readonly outcome: 'delivered' | 'retrying' | 'failed';
  /** Why it is not delivered, a short code such as `status_500` or `destination_disabled`. */
  readonly reason?: string;
}

/** A message to deliver that a state change caused. */
export interface EnqueuedMessage {
  readonly appId: string;
  readonly url: string;
  readonly profile: 'etc-relay' | 'etc-notify' | 'tsign';
  readonly content: string;
  /** What it can be listed by; the envelope of `etc-relay` carries it. Empty where it is left out. */
  readonly messageType?: string;
  readonly occurredAt: Date;
  readonly attemptsMax?: number;
  /** The waits between its attempts, in place of the profile's: one attempt more than there are waits is made. */
  readonly delaysMs?: readonly number[];
}

/**
 * `callee_not_found` {appId, calleeNo} · `callee_invalid` {field, expected} · `url_invalid` {reason} ·
 * `idempotency_conflict` {requestId} · `delivery_not_found` and `delivery_not_ended` {requestId} · `relay_stopped` · `relay_full` {retryAfterSeconds} · `delivery_not_waiting` and `delivery_not_parked` {requestId} ·
 * `delivery_content_dropped` and `delivery_superseded` {requestId} ·
 * `delivery_record_changed` {requestId, number?}: the record is not what the chain of attempts has of it
 */
export type RelayErrorCode =
  | 'callee_not_found'
  | 'callee_invalid'
  | 'url_invalid'
  | 'idempotency_conflict'
  | 'delivery_not_found'
  | 'delivery_not_ended'
  | 'delivery_not_waiting'
  | 'delivery_not_parked'
  | 'delivery_content_dropped'
  | 'delivery_record_changed'
  | 'delivery_superseded'
  | 'relay_full'
  | 'relay_stopped';

/** Durable delivery of messages to destinations over HTTP. It knows nothing of what the messages are about. */
export interface Relay extends CalleeCommands {
  /**
   * Makes the message durable, then makes the first attempt and waits for it, `answerWaitMs` at most. When it resolves
   * the message is committed. Throws `callee_not_found`, `url_invalid`, `idempotency_conflict`, `relay_stopped`, `relay_full`.
   */
  accept(message: AcceptedMessage): Promise<AcceptResult>;
  /** Whether `accept` would take a message of that size now, asked before it is read. Throws `relay_full`. */
  assertRoom(contentBytes: number): void;
  /** Writes the delivery in the caller's transaction; the dispatcher wakes at its commit. Returns the request id. */
  enqueue(tx: Transaction, message: EnqueuedMessage): Promise<string>;
  /** As `enqueue`, for any number of messages in few statements. Returns their request ids in order. */
  enqueueMany(tx: Transaction, messages: readonly EnqueuedMessage[]): Promise<string[]>;
  /** The present state, or null for an unknown id. With `waitMs` it waits that long for the delivery to end. */
  outcome(
    requestId: string,
    waitMs?: number,
  ): Promise<{ readonly appId: string; readonly requestId: string; readonly state: DeliveryState } | null>;

  /** The newest first. Throws `search_unbounded`, `search_too_slow`. */
  listDeliveries(filter: DeliveryFilter): Promise<readonly Delivery[]>;
  /** Its content is null where that was dropped before its record. */
  showDelivery(
    requestId: string,
  ): Promise<(Delivery & { content: string | null; attemptList: readonly Attempt[] }) | null>;
  /**
   * Sends a delivered or failed delivery again under the same webhook-id, with a fresh schedule; where it has an ordering
   * key, behind what is under way under it. One that a later one took the place of is sent again only where `superseded`
   * asks for that and the later one has ended. Audited. Throws `delivery_not_found`, `delivery_not_ended`,
   * `delivery_content_dropped`, `delivery_superseded`.
   */
  replay(requestId: string, actor: string, options?: { readonly superseded?: boolean }): Promise<Delivery>;
  /**
   * Ends a delivery that waits, for good: what stands behind it under its ordering key goes on. Audited. Throws
   * `delivery_not_found`, `delivery_not_waiting`.
   */
  skip(requestId: string, actor: string): Promise<void>;
  /** Holds a delivery that waits until it is released; what stands behind it goes on. Audited. Throws as `skip`. */
  park(requestId: string, actor: string): Promise<void>;
  /**
   * Lets a delivery that an operator parked go on; one that a later one has taken the place of meanwhile ends as
   * `superseded`. Audited. Throws `delivery_not_found`, `delivery_not_parked`.
   */
  release(requestId: string, actor: string): Promise<void>;

  /** Partitions ahead, retention, expired keys: to be called once in a while, on any node. Never rejects. */
  maintain(): Promise<void>;
  start(): Promise<void>;
  /** Claims no more, lets attempts under way end (`drainMs` at most) and commits what they came to. */
  stop(): Promise<void>;
}

export const DEFAULT_LIMITS: RelayLimits = {
  answerWaitMs: 5_000,
  attemptTimeoutMs: 15_000,
  leaseMs: 45_000,
  firstAttemptsInFlightMax: 1_024,
  attemptsInFlightMax: 512,
  claimBatchMax: 256,
  contentBytesInFlightMax: 134_217_728,
  unwrittenMax: 8_192,
  unwrittenBytesMax: 67_108_864,
  journalMs: 100,
  pollMs: 1_000,
  nodeDeadMs: 5_000,
  answerBytesMax: 65_536,
  answerBytesKept: 4_096,
  commitRowsMax: 128,
  commitCharactersMax: 4_194_304,
  settleRowsMax: 256,
  settleGatherMs: 5,
  drainMs: 20_000,
};

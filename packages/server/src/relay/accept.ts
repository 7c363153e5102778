import { createHash } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Egress } from '../platform/egress/index.ts';
import { DomainError } from '../platform/errors.ts';
import { uuidV7 } from '../platform/ids.ts';
import type { AttemptRunner, Settlements } from './attempt-runner.ts';
import type { DestinationName } from './callee-store.ts';
import type { DeliveryState } from './delivery.ts';
import type { RelayMetrics } from './metrics.ts';
import type { OutcomeBoard, Standing } from './outcome-board.ts';
import type { OutcomeWatch } from './outcome-watch.ts';
import type { AcceptedMessage, AcceptResult, RelayErrorCode, RelayLimits } from './relay.ts';
import type { Inserted } from './insert-store.ts';
import type { LaneBook } from './lane-book.ts';
import { laneOfCallee, laneOfUrl, laneSettingsOf, type LaneName } from './lane.ts';
import { orderingKeyOf } from './ordering-key.ts';
import type { Journal } from './journal.ts';
import { isJournalable } from './journal-store.ts';
import type { Slots } from './slots.ts';
import type { Destination } from './destination.ts';
import type { UnderWay } from './under-way.ts';
import { findIdempotencyKey, findState, type LeasedDelivery, type NewDelivery } from './store.ts';

export interface AcceptDependencies {
  readonly db: Database;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly board: OutcomeBoard;
  readonly watch: OutcomeWatch;
  readonly runner: AttemptRunner;
  readonly lanes: LaneBook;
  readonly inserts: Inserts;
  readonly journal: Journal;
  /** The destination that an application means, or null. */
  readonly destinationOf: (name: DestinationName) => Promise<Destination | null>;
  readonly slots: Slots;
  /** Of the contents of first attempts, in bytes. */
  readonly contentSlots: Slots;
  readonly metrics: RelayMetrics | null;
  readonly nodeName: string;
  readonly limits: Pick<RelayLimits, 'answerWaitMs' | 'leaseMs' | 'journalMs'>;
  /** A delivery was written for the dispatcher. */
  readonly wake: (lane: LaneName) => void;
  /** An attempt of the lane has ended. */
  readonly roomIn: (lane: LaneName) => void;
  /** First attempts, which `stop` waits for. */
  readonly underWay: UnderWay;
}

/** Where new deliveries are written. */
export interface Inserts {
  /** Counts a message until what it returns is called. Throws `relay_full` while too much waits to be written. */
  reserve(contentBytes: number): () => void;
  submit(row: NewDelivery): Promise<Inserted>;
}

interface Resolved {
  readonly url: string;
  readonly destination: Destination | null;
  /** Why it will not be delivered, from the start. */
  readonly refusal: string | null;
}

/** What is known once a message is durable: the answer, or where to wait for it. */
type Stored = AcceptResult | { readonly requestId: string; readonly outcome: Promise<Standing | null> };

/** `Relay.accept`: durable first, then the first attempt, answered when it is known or after the wait. */
export function acceptMessage(dependencies: AcceptDependencies, message: AcceptedMessage): Promise<AcceptResult> {
  const { answerWaitMs } = dependencies.limits;
  const answerBy = performance.now() + Math.min(message.answerWaitMs ?? answerWaitMs, answerWaitMs);
  // No async function: those who wait are many, and nothing of theirs is to hold the message but an attempt of it.
  return storeMessage(dependencies, message, answerBy).then(async (stored) => {
    if (typeof stored.outcome === 'string') return stored;
    return result(stored.requestId, await within(stored.outcome, answerBy - performance.now()));
  });
}

async function storeMessage(
  dependencies: AcceptDependencies,
  message: AcceptedMessage,
  answerBy: number,
): Promise<Stored> {
  const contentBytes = Buffer.byteLength(message.content, 'utf8');
  const reservation: Reservation = { release: dependencies.inserts.reserve(contentBytes), isKept: false };
  try {
    return await storeReserved(dependencies, message, { contentBytes, answerBy, reservation });
  } finally {
    if (!reservation.isKept) reservation.release();
  }
}

/** Room among what is unwritten. Where it is kept, whoever keeps it releases it. */
interface Reservation {
  readonly release: () => void;
  isKept: boolean;
}

async function storeReserved(
  dependencies: AcceptDependencies,
  message: AcceptedMessage,
  { contentBytes, answerBy, reservation }: { contentBytes: number; answerBy: number; reservation: Reservation },
): Promise<Stored> {
  const { clock, lanes, watch, board } = dependencies;
  const resolved = await resolveDestination(dependencies, message);
  const { url, destination, refusal } = resolved;
  const now = clock.now();
  const name = destination === null ? laneOfUrl(message.appId, url) : laneOfCallee(destination);
  const lane = lanes.lane(name);
  if (destination !== null) lane.settings = laneSettingsOf(destination);
  const attempt: FirstAttempt = { lane: name, contentBytes };
  const leased = refusal === null && tryBegin(dependencies, attempt, now);
  const row = newDelivery(dependencies, { message, resolved, lane: name, leased, contentBytes, now });
  const { requestId } = row;
  const waitMs = answerBy - performance.now();
  if (leased && message.respondAsync !== true && waitMs > dependencies.limits.journalMs && isJournalable(row)) {
    return journalFirst(dependencies, { row, destination, attempt, reservation });
  }
  // Nothing will come of it soon where the destination is left alone; who named a wait of his own gets it.
  const isSoon = lane.circuit === null || message.answerWaitMs !== undefined;
  const mayWait = refusal === null && message.respondAsync !== true && isSoon;
  // Listening begins before the row can be seen, so that no outcome passes unheard.
  const heard =
    mayWait && (!leased || row.orderingKey !== null) ? watch.next(requestId, answerBy - performance.now()) : null;
  let inserted: Inserted = 'failed';
  try {
    inserted = await dependencies.inserts.submit(row);
  } finally {
    if (leased && inserted !== 'leased') endFirstAttempt(dependencies, attempt);
    if (heard !== null && (inserted === 'taken' || inserted === 'failed')) board.tell(requestId, null);
  }
  if (inserted === 'taken') return presentOutcome(dependencies, message);
  dependencies.metrics?.accepted();
  if (refusal !== null) {
    dependencies.metrics?.refused();
    return { requestId, outcome: 'failed', reason: refusal };
  }
  if (inserted !== 'leased') {
    if (inserted === 'waiting') dependencies.wake(name);
    return heard === null ? result(requestId, null) : { requestId, outcome: heard };
  }
  const outcome = runFirst(dependencies, { row, destination, attempt });
  return message.respondAsync ? result(requestId, null) : { requestId, outcome };
}

/** One whose caller waits: into the journal, then out. Its rows are written with its outcome. */
async function journalFirst(
  dependencies: AcceptDependencies,
  first: { row: NewDelivery; destination: Destination | null; attempt: FirstAttempt; reservation: Reservation },
): Promise<Stored> {
  const { journal, metrics, underWay } = dependencies;
  const { row, destination, attempt, reservation } = first;
  // From here on: what is on disk is sent before the node stops.
  underWay.begin();
  try {
    let journaled: Settlements;
    try {
      journaled = await journal.add(row, reservation.release);
      reservation.isKept = true;
    } catch (error) {
      endFirstAttempt(dependencies, attempt);
      throw error;
    }
    metrics?.accepted();
    return { requestId: row.requestId, outcome: runFirst(dependencies, { row, destination, attempt }, journaled) };
  } finally {
    underWay.end();
  }
}

async function runFirst(
  dependencies: AcceptDependencies,
  first: { row: NewDelivery; destination: Destination | null; attempt: FirstAttempt },
  settlements?: Settlements,
): Promise<Standing> {
  const { underWay, runner } = dependencies;
  underWay.begin();
  try {
    return await runner.run(firstLease(first.row, first.destination), settlements);
  } finally {
    endFirstAttempt(dependencies, first.attempt);
    underWay.end();
  }
}

function firstLease(row: NewDelivery, destination: Destination | null): LeasedDelivery {
  const leaseEndsAt = row.dueAt ?? row.acceptedAt;
  return { ...row, leaseToken: 1, leaseEndsAt, attempts: 1, scheduleAttempts: 1, destination };
}

interface FirstAttempt {
  readonly lane: LaneName;
  readonly contentBytes: number;
}

/** Takes the room of a first attempt; what finds none is left to the dispatcher. */
function tryBegin(
  { lanes, slots, contentSlots }: AcceptDependencies,
  { lane: name, contentBytes }: FirstAttempt,
  now: Date,
): boolean {
  const lane = lanes.lane(name);
  if (contentBytes > contentSlots.free || !lanes.mayBegin(lane, slots, now) || !slots.tryTake()) return false;
  contentSlots.tryTake(contentBytes);
  lanes.begin(lane, 1);
  return true;
}

function endFirstAttempt(
  { slots, contentSlots, lanes, roomIn }: AcceptDependencies,
  { lane: name, contentBytes }: FirstAttempt,
): void {
  slots.giveBack();
  contentSlots.giveBack(contentBytes);
  lanes.end(lanes.lane(name), 1);
  roomIn(name);
}

function newDelivery(
  { limits, nodeName }: AcceptDependencies,
  draft: {
    message: AcceptedMessage;
    resolved: Resolved;
    lane: LaneName;
    leased: boolean;
    contentBytes: number;
    now: Date;
  },
): NewDelivery {
  const { message, resolved, lane, leased, contentBytes, now } = draft;
  const { url, destination, refusal } = resolved;
  const leaseEndsAt = new Date(now.getTime() + limits.leaseMs);
  return {
    appId: message.appId,
    requestId: uuidV7(now),
    lane,
    state: refusal !== null ? 'failed' : leased ? 'leased' : 'waiting',
    orderingKey: refusal === null ? orderingKeyOf(destination, message.content, message.header ?? noHeader) : null,
    latestOnly: destination?.latestOnly ?? false,
    profile: destination?.profile ?? 'etc-relay',
    url,
    urlVersion: destination?.urlVersion ?? null,
    calleeAppId: destination?.appId ?? null,
    calleeNo: destination?.calleeNo ?? null,
    callerNo: message.callerNo,
    messageType: message.messageType,
    content: message.content,
    contentBytes,
    attemptsMax: null,
    delaysMs: null,
    traceParent: message.traceParent ?? null,
    leaseOwner: nodeName,
    dueAt: refusal !== null ? null : leased ? leaseEndsAt : now,
    reason: refusal,
    acceptedAt: now,
    occurredAt: null,
    idempotency:
      message.idempotencyKey === undefined ? null : { key: message.idempotencyKey, fingerprint: fingerprint(message) },
  };
}

const noHeader = (): undefined => undefined;

/** Where the message goes. Refused destinations are stored as failed, so that the answer's request id leads somewhere. */
async function resolveDestination(dependencies: AcceptDependencies, message: AcceptedMessage): Promise<Resolved> {
  const { egress, destinationOf } = dependencies;
  if ('url' in message.destination) {
    const { url } = message.destination;
    const check = egress.checkUrl(url);
    if (check.ok) return { url, destination: null, refusal: null };
    if (check.code === 'url_invalid') throw new DomainError<RelayErrorCode>('url_invalid', { reason: check.reason });
    return { url, destination: null, refusal: check.code };
  }
  const { calleeNo } = message.destination;
  const destination = await destinationOf({ appId: message.appId, calleeNo });
  if (destination === null) {
    throw new DomainError<RelayErrorCode>('callee_not_found', { appId: message.appId, calleeNo });
  }
  const { url } = destination;
  if (!destination.enabled) return { url, destination, refusal: 'destination_disabled' };
  const check = egress.checkUrl(url);
  return { url, destination, refusal: check.ok ? null : check.code };
}

/** What makes two messages under one idempotency key the same: destination, message type, content and caller. */
function fingerprint(message: AcceptedMessage): Buffer {
  const { destination, messageType, content, callerNo } = message;
  const parts = [
    'url' in destination ? ['url', destination.url] : ['callee', destination.calleeNo],
    messageType,
    content,
    ...(callerNo === null ? [] : [callerNo]),
  ];
  return createHash('sha256').update(JSON.stringify(parts), 'utf8').digest();
}

/** The idempotency key is taken: the same message gets the first one's request id and where it stands now. */
async function presentOutcome(dependencies: AcceptDependencies, message: AcceptedMessage): Promise<AcceptResult> {
  const { db, board } = dependencies;
  const holder = await findIdempotencyKey(db, message.appId, message.idempotencyKey ?? '');
  if (holder === null) throw new Error('an idempotency key was taken and is gone');
  const { requestId } = holder;
  if (!holder.fingerprint.equals(fingerprint(message))) {
    throw new DomainError<RelayErrorCode>('idempotency_conflict', { requestId });
  }
  return result(requestId, board.look(requestId) ?? (await findState(db, requestId)));
}

const OUTCOMES: Readonly<Record<DeliveryState, AcceptResult['outcome']>> = {
  leased: 'retrying',
  waiting: 'retrying',
  queued: 'retrying',
  parked: 'retrying',
  delivered: 'delivered',
  failed: 'failed',
};

function result(requestId: string, standing: Standing | null): AcceptResult {
  if (standing === null) return { requestId, outcome: 'retrying' };
  const outcome = OUTCOMES[standing.state];
  return { requestId, outcome, ...(standing.reason === null ? {} : { reason: standing.reason }) };
}

/** What `work` comes to, or null when it has not after `waitMs`. */
function within<T>(work: Promise<T>, waitMs: number): Promise<T | null> {
  const { promise, resolve, reject } = Promise.withResolvers<T | null>();
  const timer = setTimeout(resolve, Math.max(0, waitMs), null);
  work.then(resolve, reject);
  return promise.finally(() => clearTimeout(timer));
}

import { createHash } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Egress } from '../platform/egress/index.ts';
import { DomainError } from '../platform/errors.ts';
import { uuidV7 } from '../platform/ids.ts';
import type { AttemptRunner } from './attempt-runner.ts';
import type { DestinationName } from './callee-store.ts';
import type { DeliveryState } from './delivery.ts';
import type { GroupCommit } from './group-commit.ts';
import type { RelayMetrics } from './metrics.ts';
import type { OutcomeBoard, Standing } from './outcome-board.ts';
import type { AcceptedMessage, AcceptResult, RelayErrorCode, RelayLimits } from './relay.ts';
import type { Slots } from './slots.ts';
import type { Destination } from './destination.ts';
import { findIdempotencyKey, findState, type LeasedDelivery, type NewDelivery } from './store.ts';

export interface AcceptDependencies {
  readonly db: Database;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly board: OutcomeBoard;
  readonly runner: AttemptRunner;
  readonly inserts: GroupCommit<NewDelivery, boolean>;
  readonly lookups: GroupCommit<DestinationName, Destination | null>;
  readonly slots: Slots;
  readonly metrics: RelayMetrics | null;
  readonly nodeName: string;
  readonly limits: Pick<RelayLimits, 'answerWaitMs' | 'leaseMs' | 'pollMs'>;
  /** A delivery was written for the dispatcher. */
  readonly wake: () => void;
  /** Work that `stop` waits for. */
  readonly track: (work: Promise<unknown>) => void;
}

interface Resolved {
  readonly url: string;
  readonly destination: Destination | null;
  /** Why it will not be delivered, from the start. */
  readonly refusal: string | null;
}

/** `Relay.accept`: durable first, then the first attempt, answered when it is known or after `answerWaitMs`. */
export async function acceptMessage(dependencies: AcceptDependencies, message: AcceptedMessage): Promise<AcceptResult> {
  const { clock, slots } = dependencies;
  const { url, destination, refusal } = await resolveDestination(dependencies, message);
  const leased = refusal === null && slots.tryTake();
  const now = clock.now();
  const leaseEndsAt = new Date(now.getTime() + dependencies.limits.leaseMs);
  const row: NewDelivery = {
    appId: message.appId,
    requestId: uuidV7(now),
    state: refusal !== null ? 'failed' : leased ? 'leased' : 'waiting',
    profile: destination?.profile ?? 'etc-relay',
    url,
    calleeAppId: destination?.appId ?? null,
    calleeNo: destination?.calleeNo ?? null,
    callerNo: message.callerNo,
    messageType: message.messageType,
    content: message.content,
    attemptsMax: null,
    delaysMs: null,
    leaseOwner: dependencies.nodeName,
    dueAt: refusal !== null ? null : leased ? leaseEndsAt : now,
    reason: refusal,
    acceptedAt: now,
    occurredAt: null,
    idempotency:
      message.idempotencyKey === undefined ? null : { key: message.idempotencyKey, fingerprint: fingerprint(message) },
  };
  const { answerWaitMs, pollMs } = dependencies.limits;
  const answerBy = performance.now() + answerWaitMs;
  const isAwaited = !leased && refusal === null && message.respondAsync !== true;
  // Listening begins before the row can be seen, so that no outcome passes unheard.
  const heard = isAwaited ? dependencies.board.next(row.requestId, Math.min(answerWaitMs, pollMs)) : null;
  let started = false;
  try {
    if (!(await dependencies.inserts.submit(row))) return await presentOutcome(dependencies, message);
    dependencies.metrics?.accepted();
    if (refusal !== null) return { requestId: row.requestId, outcome: 'failed', reason: refusal };
    started = leased;
  } finally {
    if (leased && !started) slots.giveBack();
  }
  if (!leased) {
    dependencies.wake();
    return result(row.requestId, heard === null ? null : await hear(dependencies, row.requestId, heard, answerBy));
  }
  const attempt = dependencies.runner
    .run({ ...row, leaseToken: 1, leaseEndsAt, attempts: 1, scheduleAttempts: 1, destination } satisfies LeasedDelivery)
    .finally(() => slots.giveBack());
  dependencies.track(attempt);
  if (message.respondAsync) return result(row.requestId, null);
  return result(row.requestId, await within(attempt, answerBy - performance.now()));
}

/** Where the message goes. Refused destinations are stored as failed, so that the answer's request id leads somewhere. */
async function resolveDestination(dependencies: AcceptDependencies, message: AcceptedMessage): Promise<Resolved> {
  const { egress, lookups } = dependencies;
  if ('url' in message.destination) {
    const { url } = message.destination;
    const check = egress.checkUrl(url);
    if (check.ok) return { url, destination: null, refusal: null };
    if (check.code === 'url_invalid') throw new DomainError<RelayErrorCode>('url_invalid', { reason: check.reason });
    return { url, destination: null, refusal: check.code };
  }
  const { calleeNo } = message.destination;
  const destination = await lookups.submit({ appId: message.appId, calleeNo });
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
  parked: 'retrying',
  delivered: 'delivered',
  failed: 'failed',
};

function result(requestId: string, standing: Standing | null): AcceptResult {
  if (standing === null) return { requestId, outcome: 'retrying' };
  const outcome = OUTCOMES[standing.state];
  return { requestId, outcome, ...(standing.reason === null ? {} : { reason: standing.reason }) };
}

/**
 * What becomes of a delivery that waits for a dispatcher: told by this node's own, or its end seen in the database where
 * another node was quicker. Null when neither has come by then.
 */
async function hear(
  { db, board, limits }: AcceptDependencies,
  requestId: string,
  first: Promise<Standing | null>,
  answerBy: number,
): Promise<Standing | null> {
  let heard = first;
  for (;;) {
    const standing = await heard;
    if (standing !== null) return standing;
    const found = await findState(db, requestId);
    if (found?.state === 'delivered' || found?.state === 'failed') return found;
    const leftMs = answerBy - performance.now();
    if (leftMs <= 0) return null;
    heard = board.next(requestId, Math.min(leftMs, limits.pollMs));
  }
}

/** What `work` comes to, or null when it has not after `waitMs`. */
async function within<T>(work: Promise<T>, waitMs: number): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), waitMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

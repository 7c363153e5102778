import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import type { Egress } from '../platform/egress/index.ts';
import { DomainError } from '../platform/errors.ts';
import { uuidV7 } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { Registry } from '../platform/metrics.ts';
import type { Vault } from '../platform/vault.ts';
import { acceptMessage } from './accept.ts';
import { AttemptRunner } from './attempt-runner.ts';
import { applyChange, calleeInvalid, type Callee, type CalleeChange } from './callee.ts';
import { findCallee, findCallees, findDestinations, writeCallee, type DestinationName } from './callee-store.ts';
import { findAttempts, findDeliveries, findDelivery } from './delivery-store.ts';
import type { Destination } from './destination.ts';
import { Dispatcher } from './dispatcher.ts';
import { createGroupCommit, isValueFault } from './group-commit.ts';
import { createRelayMetrics } from './metrics.ts';
import { OutcomeBoard } from './outcome-board.ts';
import type { EnqueuedMessage, Relay, RelayErrorCode, RelayKeys, RelayLimits } from './relay.ts';
import { Slots } from './slots.ts';
import { findState, insertDeliveries, notifyWake, releaseParked, reopenDelivery, type NewDelivery } from './store.ts';
import { WakeListener } from './wake-listener.ts';

export interface RelayDependencies {
  readonly db: Database;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly log: Logger;
  readonly metrics?: Registry;
  readonly keys: RelayKeys;
  readonly limits: RelayLimits;
  /** As `Math.random`, which it is unless said otherwise. */
  readonly random?: () => number;
  readonly nodeName: string;
  /** Where to LISTEN. Without it the dispatcher polls alone. */
  readonly listen?: { readonly connectionString: string };
}

/** Makes a relay. It accepts and enqueues at once; `start` begins the dispatching of what waits. */
export function createRelay(dependencies: RelayDependencies): Relay {
  const { db, egress, clock, log, limits, nodeName } = dependencies;
  if (limits.leaseMs <= limits.attemptTimeoutMs) {
    throw new RangeError('leaseMs must outlast attemptTimeoutMs: nothing renews a lease');
  }
  const metrics = dependencies.metrics === undefined ? null : createRelayMetrics(dependencies.metrics);
  const board = new OutcomeBoard();
  const random = dependencies.random ?? Math.random;
  const scheduled = (at: Date): void => dispatcher.wakeAt(at);
  const runner = new AttemptRunner({ ...dependencies, board, metrics, random, scheduled });
  const dispatcher = new Dispatcher({ db, clock, log, runner, nodeName, limits });
  const inserts = createGroupCommit<NewDelivery, boolean>({
    write: async (rows) => {
      const inserted = await insertDeliveries(db, rows);
      return rows.map((row) => inserted.has(row.requestId));
    },
    rowsMax: limits.commitRowsMax,
    weightOf: (row) => row.content.length,
    weightMax: limits.commitCharactersMax,
    isItemFault: isValueFault,
  });
  // Nothing is committed here, but the same holds: names that are asked for together are looked up together.
  const lookups = createGroupCommit<DestinationName, Destination | null>({
    write: (names) => findDestinations(db, names),
    rowsMax: limits.commitRowsMax,
    weightOf: () => 0,
    weightMax: 0,
    isItemFault: isValueFault,
  });
  const firstAttempts = new Set<Promise<unknown>>();
  const track = (work: Promise<unknown>): void => {
    firstAttempts.add(work);
    void work.finally(() => firstAttempts.delete(work));
  };
  const wake = (): void => dispatcher.wake();
  const slots = new Slots(limits.firstAttemptsInFlightMax);
  const accepting = {
    db,
    egress,
    clock,
    board,
    runner,
    inserts,
    lookups,
    slots,
    metrics,
    nodeName,
    limits,
    wake,
    track,
  };
  let listener: WakeListener | null = null;
  let stopping = false;

  return {
    async accept(message) {
      if (stopping) throw new DomainError<RelayErrorCode>('relay_stopped');
      return acceptMessage(accepting, message);
    },

    async enqueue(tx, message) {
      const row = enqueuedRow(dependencies, message);
      await insertDeliveries(tx, [row]);
      await notifyWake(tx);
      return row.requestId;
    },

    async outcome(requestId, waitMs = 0) {
      if (!isUuid(requestId)) return null;
      const deadlineMs = performance.now() + waitMs;
      for (;;) {
        const leftMs = deadlineMs - performance.now();
        // Other nodes' outcomes are seen by looking again; this node's own are heard at once.
        const heard = leftMs > 0 ? board.next(requestId, Math.min(leftMs, limits.pollMs)) : null;
        const standing = board.look(requestId) ?? (await findState(db, requestId));
        if (standing === null) return null;
        const { appId, state } = standing;
        if (heard === null || state === 'delivered' || state === 'failed') return { appId, requestId, state };
        await heard;
      }
    },

    setCallee: (change) => setCallee(dependencies, change, wake),
    listCallees: (appId) => findCallees(db, appId),
    showCallee: (appId, calleeNo) => findCallee(db, appId, calleeNo),
    listDeliveries: (filter) => findDeliveries(db, filter),

    async showDelivery(requestId) {
      const delivery = isUuid(requestId) ? await findDelivery(db, requestId) : null;
      if (delivery === null) return null;
      return { ...delivery, attemptList: await findAttempts(db, delivery.appId, requestId) };
    },

    async replay(requestId, actor) {
      const found = isUuid(requestId) ? await findDelivery(db, requestId) : null;
      if (found === null) throw new DomainError<RelayErrorCode>('delivery_not_found', { requestId });
      const { appId } = found;
      const at = clock.now();
      await db.transaction().execute(async (tx) => {
        if (!(await reopenDelivery(tx, { appId, requestId }, at))) {
          throw new DomainError<RelayErrorCode>('delivery_not_ended', { requestId });
        }
        const detail = { from: found.state, attempts: found.attempts };
        await appendAudit(tx, {
          appId,
          actor,
          action: 'delivery.replay',
          subject: `delivery:${requestId}`,
          detail,
          at,
        });
        await notifyWake(tx);
      });
      wake();
      return { ...found, state: 'waiting', dueAt: at, endedAt: null };
    },

    async start() {
      if (dependencies.listen !== undefined) {
        listener = new WakeListener({ connectionString: dependencies.listen.connectionString, log, wake });
        await listener.start();
      }
      dispatcher.start();
    },

    async stop() {
      stopping = true;
      await listener?.stop();
      const drained = (async () => {
        await inserts.idle();
        await Promise.all([dispatcher.stop(), ...firstAttempts]);
        await runner.settled();
      })();
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(() => {
        log.warn('attempts under way were left behind; their leases will end');
        resolve();
      }, limits.drainMs);
      await Promise.race([drained, promise]).finally(() => clearTimeout(timer));
    },
  };
}

function enqueuedRow({ clock, egress, nodeName }: RelayDependencies, message: EnqueuedMessage): NewDelivery {
  const now = clock.now();
  const check = egress.checkUrl(message.url);
  return {
    appId: message.appId,
    requestId: uuidV7(now),
    state: check.ok ? 'waiting' : 'failed',
    profile: message.profile,
    url: message.url,
    calleeAppId: null,
    calleeNo: null,
    callerNo: null,
    messageType: message.messageType ?? '',
    content: message.content,
    attemptsMax: message.attemptsMax ?? null,
    delaysMs: message.delaysMs ?? null,
    leaseOwner: nodeName,
    dueAt: check.ok ? now : null,
    reason: check.ok ? null : check.code,
    acceptedAt: now,
    occurredAt: message.occurredAt,
    idempotency: null,
  };
}

async function setCallee(
  { db, egress, clock, vault }: RelayDependencies,
  change: CalleeChange,
  wake: () => void,
): Promise<Callee> {
  const { appId, calleeNo, actor } = change;
  const at = clock.now();
  const callee = await db.transaction().execute(async (tx) => {
    const stored = await findCallee(tx, appId, calleeNo);
    const draft = applyChange(stored, change);
    const check = egress.checkUrl(draft.url);
    if (!check.ok) throw calleeInvalid('url', `a URL the relay may reach: ${check.reason}`);
    const written = await writeCallee(tx, vault, { appId, calleeNo, draft, at });
    if (written.enabled) await releaseParked(tx, appId, calleeNo, at);
    const { url, profile, signType, enabled, acknowledge, delaysMs } = written;
    // The path and query may hold what is the destination's secret; the host says enough.
    const detail = { host: new URL(url).host, profile, signType, enabled, acknowledge, delaysMs };
    const secret = change.webhookSecret === undefined ? {} : { webhookSecretChanged: true };
    const subject = `callee:${calleeNo}`;
    await appendAudit(tx, { appId, actor, action: 'callee.set', subject, detail: { ...detail, ...secret }, at });
    return written;
  });
  wake();
  return callee;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function isUuid(text: string): boolean {
  return UUID.test(text);
}

import type { Clock } from '../platform/clock.ts';
import type { Database, Transaction } from '../platform/database/index.ts';
import type { Egress } from '../platform/egress/index.ts';
import { DomainError } from '../platform/errors.ts';
import { uuidV7 } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { Registry } from '../platform/metrics.ts';
import type { Vault } from '../platform/vault.ts';
import { acceptMessage } from './accept.ts';
import { AttemptRunner } from './attempt-runner.ts';
import { watchBacklog } from './backlog.ts';
import { createCalleeCommands } from './callee-commands.ts';
import { createCalleeKeys } from './callee-keys.ts';
import { findDestinations, type DestinationName } from './callee-store.ts';
import { findAttempts, findDeliveries, findDelivery } from './delivery-store.ts';
import { CircuitKeeper } from './circuit-keeper.ts';
import { leave } from './circuit-store.ts';
import { DestinationCache } from './destination-cache.ts';
import type { Destination } from './destination.ts';
import { Dispatcher } from './dispatcher.ts';
import { createGroupCommit, isValueFault } from './group-commit.ts';
import { insertDeliveries } from './insert-store.ts';
import { LaneBook } from './lane-book.ts';
import { Journal } from './journal.ts';
import { awaitRows, findJournaled } from './journal-store.ts';
import { laneOfUrl, type LaneName } from './lane.ts';
import { createRelayMetrics } from './metrics.ts';
import { isUuid, parkDelivery, releaseDelivery, replayDelivery, skipDelivery } from './operator-commands.ts';
import { OutcomeBoard, type Standing } from './outcome-board.ts';
import { OutcomeWatch } from './outcome-watch.ts';
import { maintain, preparePartitions } from './maintenance.ts';
import {
  DEFAULT_RETENTION,
  type EnqueuedMessage,
  type Relay,
  type RelayErrorCode,
  type RelayKeys,
  type RelayLimits,
  type RelayRetention,
} from './relay.ts';
import { Slots } from './slots.ts';
import { findState, notifyWake, type NewDelivery } from './store.ts';
import { Tracer } from './trace.ts';
import type { SpanExporter } from './trace-exporter.ts';
import { UnderWay } from './under-way.ts';
import { createUnwritten } from './unwritten.ts';
import { WakeListener } from './wake-listener.ts';

export interface RelayDependencies {
  readonly db: Database;
  /** Connections of the relay's own (`RELAY_SESSION`). Default: `db`. */
  readonly pools?: RelayPools;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly log: Logger;
  readonly metrics?: Registry;
  /** Where a span of each attempt goes. */
  readonly spans?: SpanExporter;
  readonly keys: RelayKeys;
  readonly limits: RelayLimits;
  /** Default: `DEFAULT_RETENTION`. */
  readonly retention?: RelayRetention;
  /** As `Math.random`, which it is unless said otherwise. */
  readonly random?: () => number;
  readonly nodeName: string;
  /** Where to LISTEN. Without it the dispatcher polls alone. */
  readonly listen?: { readonly connectionString: string };
}

/** What the relay's own sessions have set: a plan is made once, and must be right when the queue has grown. */
const RELAY_SESSION = { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off', jit: 'off' } as const;

export interface RelayPools {
  /** For what must be on disk before anybody is told: accepted messages. */
  readonly durable: Database;
  /**
   * For leases and what attempts came to. Nobody waits for these on disk: where the database server loses the last
   * moments of them, the deliveries are made again under the same webhook-id.
   */
  readonly prompt: Database;
}

/** The settings of the sessions of each pool. */
export const RELAY_POOL_SETTINGS = {
  durable: RELAY_SESSION,
  prompt: { ...RELAY_SESSION, synchronous_commit: 'off' },
} as const satisfies Record<keyof RelayPools, Record<string, string>>;

/** Makes a relay. It accepts and enqueues at once; `start` begins the dispatching of what waits. */
export function createRelay(dependencies: RelayDependencies): Relay {
  const { db, egress, clock, log, limits, nodeName } = dependencies;
  if (limits.leaseMs <= limits.attemptTimeoutMs) {
    throw new RangeError('leaseMs must outlast attemptTimeoutMs: nothing renews a lease');
  }
  const { durable, prompt } = dependencies.pools ?? { durable: db, prompt: db };
  const board = new OutcomeBoard();
  const watch = new OutcomeWatch({ db, board, log, pollMs: limits.pollMs });
  const lanes = new LaneBook(nodeName);
  const random = dependencies.random ?? Math.random;
  const backlog = watchBacklog(db, log);
  const metrics =
    dependencies.metrics === undefined
      ? null
      : createRelayMetrics(dependencies.metrics, {
          backlog: () => backlog.look(),
          unwritten: () => inserts.waiting(),
          now: () => clock.now(),
        });
  const wake = (lane?: LaneName): void => dispatcher.wake(lane);
  const probeMs = limits.attemptTimeoutMs + PROBE_SLACK_MS;
  const circuits = new CircuitKeeper({ db, clock, log, lanes, nodeName, probeMs, wake });
  const runner = new AttemptRunner({
    ...dependencies,
    calleeKeys: createCalleeKeys(dependencies.vault),
    db: prompt,
    board,
    metrics,
    tracer: new Tracer(dependencies.spans ?? null),
    random,
    lanes,
    circuits,
    scheduled: (at, lane) => dispatcher.wakeAt(at, lane),
    wake,
  });
  const dispatcher = new Dispatcher({ db: prompt, clock, log, lanes, circuits, runner, metrics, nodeName, limits });
  const journal = new Journal({
    durable,
    prompt,
    clock,
    log,
    settle: (settlement) => runner.settle(settlement),
    onEnded: (count) => metrics?.settled(count),
    limits,
  });
  const inserts = createUnwritten(durable, limits, () => metrics?.full());
  // Nothing is committed here, but the same holds: names that are asked for together are looked up together.
  const lookups = createGroupCommit<DestinationName, Destination | null>({
    write: (names) => findDestinations(prompt, names),
    rowsMax: limits.commitRowsMax,
    weightOf: () => 0,
    weightMax: 0,
    isItemFault: isValueFault,
  });
  const destinations = new DestinationCache();
  const destinationOf = async (name: DestinationName): Promise<Destination | null> => {
    const known = destinations.find(name);
    if (known !== null) return known;
    const { generation } = destinations;
    const found = await lookups.submit(name);
    if (found !== null) destinations.keep(name, found, generation);
    return found;
  };
  /** The lane has something due, or its destination was changed. */
  const told = (lane?: LaneName): void => {
    if (lane !== undefined) {
      destinations.forget(lane);
      lanes.doubt(lane);
    }
    wake(lane);
  };
  const others = createGroupCommit<LaneName, undefined>({
    write: async (names) => {
      await notifyWake(prompt, [...new Set(names)]);
      return names.map(() => undefined);
    },
    rowsMax: limits.commitRowsMax,
    weightOf: () => 0,
    weightMax: 0,
    isItemFault: isValueFault,
  });
  /** Something was written that is due. Of a small cap this node may have no part: another is to send it. */
  const due = (lane: LaneName): void => {
    wake(lane);
    if (lanes.share(lanes.lane(lane)) > 0) return;
    others.submit(lane).catch((error: unknown) => log.warn({ err: error, lane }, 'other nodes could not be woken'));
  };
  const firstAttempts = new UnderWay();
  const accepting = {
    db,
    egress,
    clock,
    board,
    watch,
    runner,
    lanes,
    inserts,
    journal,
    destinationOf,
    slots: new Slots(limits.firstAttemptsInFlightMax),
    contentSlots: new Slots(limits.contentBytesInFlightMax),
    metrics,
    nodeName,
    limits,
    wake: due,
    roomIn: (lane: LaneName) => dispatcher.roomIn(lane),
    underWay: firstAttempts,
  };
  const operating = { db, clock, wake };
  const maintaining = {
    ...operating,
    log,
    retention: dependencies.retention ?? DEFAULT_RETENTION,
    vault: dependencies.vault,
  };
  /** Where a message stands; one that has no rows yet is looked for in the journal, and where it has just left that again. */
  const standingOf = async (requestId: string): Promise<Standing | null> => {
    const known = await findState(db, requestId);
    if (known !== null) return known;
    const journaled = await findJournaled(db, requestId);
    if (journaled !== null) return { appId: journaled.appId, state: 'leased', reason: null };
    return findState(db, requestId);
  };
  /** A message that was just accepted, on whichever node, gets its rows before anything is done with them. */
  const written = async (requestId: string): Promise<void> => {
    if (isUuid(requestId)) await awaitRows(db, requestId);
  };
  let listener: WakeListener | null = null;
  let stopping = false;

  return {
    async accept(message) {
      if (stopping) throw new DomainError<RelayErrorCode>('relay_stopped');
      return acceptMessage(accepting, message);
    },

    assertRoom: (contentBytes) => inserts.assertRoom(contentBytes),

    async enqueue(tx, message) {
      const [requestId = ''] = await enqueue(dependencies, tx, [message]);
      return requestId;
    },

    enqueueMany: (tx, messages) => enqueue(dependencies, tx, messages),

    async outcome(requestId, waitMs = 0) {
      if (!isUuid(requestId)) return null;
      const deadlineMs = performance.now() + waitMs;
      for (;;) {
        const leftMs = stopping ? 0 : deadlineMs - performance.now();
        // Listening begins before the look, so that no outcome passes between the two.
        const heard = leftMs > 0 ? watch.next(requestId, leftMs) : null;
        const standing = board.look(requestId) ?? (await standingOf(requestId));
        if (standing === null || heard === null || hasEnded(standing)) {
          if (heard !== null) board.tell(requestId, standing);
          return standing && { appId: standing.appId, requestId, state: standing.state };
        }
        const told = await heard;
        if (told !== null && hasEnded(told)) return { appId: told.appId, requestId, state: told.state };
      }
    },

    ...createCalleeCommands({ ...dependencies, notify: notifyWake, wake: told }),
    async listDeliveries(filter) {
      await journal.caughtUp(LIST_WAIT_MS);
      return findDeliveries(db, filter);
    },

    async showDelivery(requestId) {
      await written(requestId);
      const delivery = isUuid(requestId) ? await findDelivery(db, requestId) : null;
      if (delivery === null) return null;
      return { ...delivery, attemptList: await findAttempts(db, delivery.appId, requestId) };
    },

    async replay(requestId, actor, options) {
      await written(requestId);
      return replayDelivery(operating, requestId, { actor, ...options });
    },
    async skip(requestId, actor) {
      await written(requestId);
      return skipDelivery(operating, requestId, actor);
    },
    async park(requestId, actor) {
      await written(requestId);
      return parkDelivery(operating, requestId, actor);
    },
    release: (requestId, actor) => releaseDelivery(operating, requestId, actor),

    maintain: () => maintain(maintaining),

    async start() {
      await preparePartitions(maintaining);
      if (dependencies.listen !== undefined) {
        listener = new WakeListener({ connectionString: dependencies.listen.connectionString, log, wake: told });
        await listener.start();
      }
      await dispatcher.start();
    },

    async stop() {
      stopping = true;
      watch.stop();
      await listener?.stop();
      const drained = (async () => {
        await inserts.idle();
        await Promise.all([dispatcher.stop(), firstAttempts.idle()]);
        await runner.settled();
        await journal.idle();
        await circuits.idle();
        await leave(db, nodeName);
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

function hasEnded({ state }: Pick<Standing, 'state'>): boolean {
  return state === 'delivered' || state === 'failed';
}

/** From the end of an attempt's time to another node's probe. */
const PROBE_SLACK_MS = 5_000;
/** How long a list waits for what this node is writing. */
const LIST_WAIT_MS = 500;
const ENQUEUED_PER_STATEMENT = 256;

async function enqueue(
  dependencies: RelayDependencies,
  tx: Transaction,
  messages: readonly EnqueuedMessage[],
): Promise<string[]> {
  const rows = messages.map((message) => enqueuedRow(dependencies, message));
  for (let from = 0; from < rows.length; from += ENQUEUED_PER_STATEMENT) {
    await insertDeliveries(tx, rows.slice(from, from + ENQUEUED_PER_STATEMENT));
  }
  const lanes = new Set(rows.flatMap((row) => (row.state === 'waiting' ? [row.lane] : [])));
  if (lanes.size > 0) await notifyWake(tx, [...lanes]);
  return rows.map((row) => row.requestId);
}

function enqueuedRow({ clock, egress, nodeName }: RelayDependencies, message: EnqueuedMessage): NewDelivery {
  const now = clock.now();
  const check = egress.checkUrl(message.url);
  return {
    appId: message.appId,
    requestId: uuidV7(now),
    lane: laneOfUrl(message.appId, message.url),
    orderingKey: null,
    latestOnly: false,
    urlVersion: null,
    contentBytes: Buffer.byteLength(message.content, 'utf8'),
    traceParent: null,
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

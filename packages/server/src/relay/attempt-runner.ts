import { hash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '../platform/database/index.ts';
import { makeAttempt, type AttemptDependencies } from './attempt.ts';
import { deliverySha256 } from './attempt-chain.ts';
import type { Attempt } from './delivery.ts';
import { createGroupCommit, isValueFault, type GroupCommit } from './group-commit.ts';
import type { RelayMetrics } from './metrics.ts';
import type { OutcomeBoard, Standing } from './outcome-board.ts';
import { PROFILES } from './profiles.ts';
import type { RelayLimits } from './relay.ts';
import { afterAttempt, drawJitter, withAttemptsMax, type Next, type RetryPolicy } from './retry-policy.ts';
import type { CircuitKeeper } from './circuit-keeper.ts';
import type { LaneBook } from './lane-book.ts';
import type { LaneName } from './lane.ts';
import { settleAttempts, type Settled } from './settle-store.ts';
import type { LeasedDelivery, Settlement } from './store.ts';
import type { Tracer } from './trace.ts';
import { UnderWay } from './under-way.ts';

export interface RunnerDependencies extends AttemptDependencies {
  readonly db: Database;
  readonly board: OutcomeBoard;
  readonly metrics: RelayMetrics | null;
  readonly tracer: Tracer;
  readonly random: () => number;
  readonly limits: RelayLimits;
  readonly lanes: LaneBook;
  readonly circuits: CircuitKeeper;
  /** A delivery of the lane waits until then; told when that is committed. */
  readonly scheduled: (at: Date, lane: LaneName) => void;
  /** A delivery of the lane is due; told when that is committed. */
  readonly wake: (lane: LaneName) => void;
}

const SETTLE_RETRY_MS = 250;

/** Where the settlements of attempts are committed. */
export interface Settlements {
  submit(settlement: Settlement): Promise<Settled>;
  /** There will be none. */
  giveUp?(): void;
}

/** Takes leased deliveries through one attempt: send, decide, tell, settle. */
export class AttemptRunner {
  readonly #dependencies: RunnerDependencies;
  readonly #settlements: GroupCommit<Settlement, Settled>;
  readonly #underWay = new UnderWay();

  constructor(dependencies: RunnerDependencies) {
    const { db, limits, metrics } = dependencies;
    this.#dependencies = dependencies;
    this.#settlements = createGroupCommit({
      write: (items) => {
        metrics?.settled(items.length);
        return settleAttempts(db, items);
      },
      rowsMax: limits.settleRowsMax,
      gatherMs: limits.settleGatherMs,
      // What stands behind it waits, or who is to be told that it failed.
      isUrgent: (item) => item.orderingKey !== null || item.next.state === 'failed',
      weightOf: (item) => item.attempt.answer?.length ?? 0,
      weightMax: limits.commitCharactersMax,
      isItemFault: isValueFault,
    });
  }

  /**
   * Resolves as soon as the attempt's outcome is known; its settlement commits on its own, and an outcome that could not
   * be settled is repeated under the same webhook-id when the lease has ended. A failure for good is told only when it is
   * committed, since after a lost one the delivery may yet arrive. Never rejects.
   */
  async run(delivery: LeasedDelivery, settlements: Settlements = this.#settlements): Promise<Standing> {
    const { clock, log, limits } = this.#dependencies;
    const { appId, requestId } = delivery;
    try {
      if (clock.now().getTime() + limits.attemptTimeoutMs < delivery.leaseEndsAt.getTime()) {
        return await this.#attempt(delivery, settlements);
      }
      log.warn({ requestId }, 'a lease came too late for an attempt; whoever claims it next makes one');
    } catch (error) {
      log.error({ err: error, requestId }, 'an attempt broke off; its lease will end');
    }
    settlements.giveUp?.();
    return { appId, state: 'leased', reason: 'internal_error' };
  }

  /** Resolves when every settlement that was begun is committed or given up. */
  async settled(): Promise<void> {
    await this.#underWay.idle();
  }

  /** Commits the settlement of a delivery that has its row. */
  settle(settlement: Settlement): Promise<Settled> {
    return this.#settlements.submit(settlement);
  }

  async #attempt(delivery: LeasedDelivery, settlements: Settlements): Promise<Standing> {
    const { clock, random, lanes, circuits, tracer } = this.#dependencies;
    if (delivery.scheduleAttempts > policyOf(delivery).delaysMs.length + 1) return this.#giveUp(delivery, settlements);
    const trace = tracer.begin(delivery);
    const { outcome, record } = await makeAttempt(this.#dependencies, { ...delivery, traceParent: trace.traceParent });
    trace.end(record);
    circuits.heard(lanes.lane(delivery.lane), outcome);
    const now = clock.now();
    const schedule = { attempts: delivery.scheduleAttempts, policy: policyOf(delivery) };
    const next = afterAttempt(schedule, outcome, now, drawJitter(random));
    return this.#end(delivery, record, { next, now, settlements });
  }

  /** Its tries ended with their nodes, again and again: another is not made. */
  #giveUp(delivery: LeasedDelivery, settlements: Settlements): Promise<Standing> {
    const { clock, nodeName } = this.#dependencies;
    const now = clock.now();
    const reason = 'lease_ended';
    const record: Attempt = {
      number: delivery.attempts,
      startedAt: now,
      durationMs: 0,
      outcome: 'refused',
      status: null,
      reason,
      answer: null,
      url: delivery.url,
      remoteAddress: null,
      tlsFingerprint: null,
      requestSha256: null,
      node: nodeName,
    };
    return this.#end(delivery, record, { next: { state: 'failed', reason }, now, settlements });
  }

  async #end(
    delivery: LeasedDelivery,
    record: Attempt,
    { next, now, settlements }: { next: Next; now: Date; settlements: Settlements },
  ): Promise<Standing> {
    const { board } = this.#dependencies;
    this.#report(delivery, record, next);
    const { appId, requestId, lane, orderingKey, leaseToken, destination } = delivery;
    const settlement: Settlement = {
      appId,
      requestId,
      lane,
      orderingKey,
      latestOnly: destination?.latestOnly ?? false,
      leaseToken,
      next,
      endedAt: now,
      attempt: record,
      // Here, where the content is at hand: no settlement holds it, and nothing reads it again for this.
      deliverySha256: deliverySha256(delivery, hash('sha256', delivery.content, 'hex')),
    };
    const settled = this.#settle(delivery.leaseEndsAt, settlement, settlements);
    const reason = next.state === 'delivered' ? null : next.reason;
    const isTold = next.state !== 'failed' || (await settled);
    const standing: Standing = isTold ? { appId, state: next.state, reason } : { appId, state: 'leased', reason };
    board.post(requestId, standing);
    if (next.state === 'failed') board.forget(requestId);
    return standing;
  }

  /**
   * Commits a settlement, again and again until the lease ends: after that the delivery is somebody else's. Answers
   * whether it holds.
   */
  async #settle(leaseEndsAt: Date, settlement: Settlement, settlements: Settlements): Promise<boolean> {
    this.#underWay.begin();
    try {
      return await this.#settleUntil(leaseEndsAt, settlement, settlements);
    } finally {
      this.#dependencies.board.forget(settlement.requestId);
      this.#underWay.end();
    }
  }

  async #settleUntil(leaseEndsAt: Date, settlement: Settlement, settlements: Settlements): Promise<boolean> {
    const { clock, log } = this.#dependencies;
    const { requestId } = settlement;
    for (;;) {
      try {
        const { own, promoted } = await settlements.submit(settlement);
        for (const lane of promoted) this.#dependencies.wake(lane);
        if (!own) log.warn({ requestId, number: settlement.attempt.number }, 'the lease ended before the attempt did');
        else if (settlement.next.state === 'waiting') {
          this.#dependencies.scheduled(settlement.next.nextAttemptAt, settlement.lane);
        }
        return own;
      } catch (error) {
        const over = clock.now() >= leaseEndsAt || isValueFault(error);
        log.error({ err: error, requestId, givenUp: over }, 'an attempt could not be settled');
        if (over) {
          settlements.giveUp?.();
          return false;
        }
      }
      await delay(SETTLE_RETRY_MS);
    }
  }

  #report(delivery: LeasedDelivery, record: Settlement['attempt'], next: Next): void {
    const { log, metrics, nodeName } = this.#dependencies;
    metrics?.attempted(delivery.destination?.profile ?? delivery.profile, record, next.state);
    log.info(
      {
        requestId: delivery.requestId,
        appId: delivery.appId,
        // The path and query of a URL may hold what only the two ends should know.
        destination: URL.parse(record.url)?.host ?? null,
        number: record.number,
        outcome: record.outcome,
        status: record.status,
        reason: record.reason,
        durationMs: record.durationMs,
        remoteAddress: record.remoteAddress,
        state: next.state,
        nextAttemptAt: next.state === 'waiting' ? next.nextAttemptAt : undefined,
        node: nodeName,
      },
      'delivery attempt',
    );
  }
}

function policyOf(delivery: LeasedDelivery): RetryPolicy {
  const own = delivery.destination?.delaysMs ?? delivery.delaysMs;
  const profile = PROFILES[delivery.destination?.profile ?? delivery.profile];
  return withAttemptsMax(own === null ? profile.retry : { delaysMs: own }, delivery.attemptsMax);
}

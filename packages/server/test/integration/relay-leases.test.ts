import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSynchronisedClock } from '../../src/platform/synchronised-clock.ts';
import type { Attempt, Delivery, RelayLimits } from '../../src/relay/index.ts';
import type { Executor, Transaction } from '../../src/platform/database/index.ts';
import { claimDue, giveBack, replayLane, takeBackEndedLeases, type ClaimedRow } from '../../src/relay/claim-store.ts';
import { laneOfUrl } from '../../src/relay/lane.ts';
import { settleAttempts } from '../../src/relay/settle-store.ts';
import type { Settlement } from '../../src/relay/store.ts';
import { databaseTime } from '../../src/service/database.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver, type Behaviour, type Receiver } from '../support/receiver.ts';
import { waitingRow, writeWaiting } from '../support/relay-backlog.ts';
import { APP_ID, eventually, startRelayService, TestClock, type RelayService } from '../support/relay-service.ts';

const database = await createTestDatabase({ poolSizeMax: 12 });
const closing: (() => Promise<unknown>)[] = [];

beforeEach(() => database.pool.query('truncate delivery, delivery_queue, delivery_attempt, relay_lane, relay_node'));
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => database.drop());

interface NodeOptions {
  readonly limits?: Partial<RelayLimits>;
  readonly clock?: { now(): Date };
}

async function node(nodeName: string, options: NodeOptions = {}): Promise<RelayService> {
  const started = await startRelayService({ database, nodeName, ...options });
  closing.push(started.stop);
  return started;
}

async function receiver(behaviour: Behaviour): Promise<Receiver> {
  const started = await startReceiver(behaviour);
  closing.push(started.close);
  return started;
}

function inState(by: RelayService, requestId: string, state: Delivery['state']) {
  return eventually(async () => {
    const delivery = await by.relay.showDelivery(requestId);
    return delivery?.state === state && delivery;
  });
}

const MESSAGE = { appId: APP_ID, callerNo: null, messageType: 'T', content: '{"n":1}' };
const LEASE_MS = 45_000;
/** Its poll comes too late for any test: only NOTIFY wakes it. */
const ONLY_NOTIFIED = { pollMs: 2_000_000_000 };

describe('a lease', () => {
  const URL = 'http://127.0.0.1:9/';
  const clock = new TestClock();

  async function claimOne(): Promise<ClaimedRow> {
    const now = clock.now();
    const leaseEndsAt = new Date(now.getTime() + LEASE_MS);
    const quotas = [{ lane: laneOfUrl(APP_ID, URL), max: 1 }];
    const [row] = await claimDue(database.db, { node: 'doomed', now, leaseEndsAt, quotas, bytesMax: 1e9 });
    return row!;
  }

  test('that nobody settled costs no try, five times; after that each does', async () => {
    await writeWaiting(database.db, [waitingRow(URL, clock.now())]);
    const tries: number[] = [];
    for (let times = 1; times <= 9; times += 1) {
      const row = await claimOne();
      expect([row.attempts, row.leaseToken]).toEqual([times, times]);
      tries.push(row.scheduleAttempts);
      expect(await takeBackEndedLeases(database.db, new Date(clock.now().getTime() + LEASE_MS - 1))).toEqual([]);
      clock.advance(LEASE_MS);
      expect(await takeBackEndedLeases(database.db, clock.now())).toEqual([laneOfUrl(APP_ID, URL)]);
    }
    expect(tries).toEqual([1, 1, 1, 1, 1, 1, 2, 3, 4]);
  });

  test('that is given back leaves no trace, and one that was lost cannot be given back', async () => {
    await writeWaiting(database.db, [waitingRow(URL, clock.now())]);
    const first = await claimOne();
    await giveBack(database.db, [first], 'destination_disabled');
    const second = await claimOne();
    expect([second.attempts, second.scheduleAttempts, second.leaseToken]).toEqual([1, 1, 2]);
    await giveBack(database.db, [first], 'destination_disabled');
    const { rows } = await database.pool.query('select state, lease_token, attempts from delivery_queue');
    expect(rows).toEqual([{ state: 'leased', lease_token: 2, attempts: 1 }]);
  });

  test('a message whose leases end again and again has failed in the end, without another attempt', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const row = waitingRow(destination.url, clock.now(), { attemptsMax: 3, profile: 'etc-relay' });
    await writeWaiting(database.db, [row]);
    await database.pool.query('update delivery_queue set attempts = 8, schedule_attempts = 3');
    const one = await node('a', { clock });
    const ended = await inState(one, row.requestId, 'failed');
    expect(ended).toMatchObject({ reason: 'lease_ended', attempts: 9 });
    expect(ended.attemptList).toMatchObject([{ number: 9, reason: 'lease_ended', durationMs: 0 }]);
    expect(destination.receipts).toEqual([]);
  });
});

describe('two at once', () => {
  const URL = 'http://127.0.0.1:9/';
  const LANE = laneOfUrl(APP_ID, URL);
  const clock = new TestClock();

  const claim = (db: Executor): Promise<ClaimedRow[]> =>
    claimDue(db, {
      node: 'a',
      now: clock.now(),
      leaseEndsAt: new Date(clock.now().getTime() + LEASE_MS),
      quotas: [{ lane: LANE, max: 10 }],
      bytesMax: 1e9,
    });

  function settlementOf(row: ClaimedRow, next: Settlement['next']): Settlement {
    const attempt: Attempt = {
      number: row.attempts,
      startedAt: clock.now(),
      durationMs: 1,
      outcome: 'acknowledged',
      status: 200,
      reason: null,
      answer: null,
      url: URL,
      remoteAddress: null,
      tlsFingerprint: null,
      requestSha256: null,
      node: 'a',
    };
    const { appId, requestId, lane, orderingKey, leaseToken } = row;
    const about = { appId, requestId, lane, orderingKey, latestOnly: false, leaseToken };
    return { ...about, next, endedAt: clock.now(), attempt, deliverySha256: '00'.repeat(32) };
  }

  /** Runs `second` while what `first` did is not committed; it has to wait for that, or to pass it by. */
  async function during<T>(first: (tx: Transaction) => Promise<unknown>, second: () => Promise<T>): Promise<T> {
    const work = await database.db.transaction().execute(async (tx) => {
      await first(tx);
      const progress = { isOver: false };
      const over = (): void => {
        progress.isOver = true;
      };
      const begun = second();
      begun.then(over, over);
      await eventually(async () => {
        const { rows } = await database.pool.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        );
        return progress.isOver || rows.length > 0;
      });
      return { begun };
    });
    return work.begun;
  }

  const states = async (): Promise<unknown[]> =>
    (await database.pool.query('select state, attempts from delivery_queue')).rows;

  test('a settlement that waits for the taking back of its lease changes nothing', async () => {
    await writeWaiting(database.db, [waitingRow(URL, clock.now())]);
    const [row] = await claim(database.db);
    clock.advance(LEASE_MS);
    for (const next of [{ state: 'delivered' }, { state: 'failed', reason: 'status_410' }] as const) {
      const [settled] = await during(
        (tx) => takeBackEndedLeases(tx, clock.now()),
        () => settleAttempts(database.db, [settlementOf(row!, next)]),
      );
      expect(settled!.own).toBe(false);
      expect(await states()).toEqual([{ state: 'waiting', attempts: 1 }]);
    }
  });

  test('leases are not taken back, and nothing is claimed, from under a settlement', async () => {
    await writeWaiting(database.db, [waitingRow(URL, clock.now())]);
    const [row] = await claim(database.db);
    clock.advance(LEASE_MS);
    const again = { state: 'waiting', reason: 'status_500', nextAttemptAt: clock.now() } as const;
    const settle = (tx: Transaction) => settleAttempts(tx, [settlementOf(row!, again)]);
    expect(await during(settle, () => takeBackEndedLeases(database.db, clock.now()))).toEqual([]);
    expect(await states()).toEqual([{ state: 'waiting', attempts: 1 }]);
    expect(await claim(database.db)).toHaveLength(1);
  });

  test('what is being claimed can be neither skipped nor parked', async () => {
    const one = await node('a', { clock, limits: { ...ONLY_NOTIFIED, attemptsInFlightMax: 0 } });
    const [id] = await writeWaiting(database.db, [waitingRow(URL, clock.now())]);
    for (const act of [one.relay.skip, one.relay.park]) {
      await expect(during(claim, () => act(id!, 'operator'))).rejects.toMatchObject({ code: 'delivery_not_waiting' });
      clock.advance(LEASE_MS);
      await takeBackEndedLeases(database.db, clock.now());
    }
    expect(
      await during(
        (tx) => claim(tx),
        () => claim(database.db),
      ),
    ).toEqual([]);
  });

  test('a lane is put into order again past what is being claimed', async () => {
    const rows = Array.from({ length: 4 }, () => waitingRow(URL, clock.now()));
    await writeWaiting(database.db, rows);
    await database.pool.query(`update delivery_queue set schedule_attempts = 1, due_at = due_at + interval '1 s'`);
    clock.advance(1_000);
    await during(
      (tx) =>
        claimDue(tx, {
          node: 'a',
          now: clock.now(),
          leaseEndsAt: new Date(8e15),
          quotas: [{ lane: LANE, max: 2 }],
          bytesMax: 1e9,
        }),
      () => replayLane(database.db, LANE),
    );
    const { rows: found } = await database.pool.query(
      `select count(*) filter (where state = 'leased')::integer as leased,
              count(*) filter (where due_at = accepted_at)::integer as first from delivery_queue`,
    );
    expect(found).toEqual([{ leased: 2, first: 2 }]);
  });
});

describe('a replay', () => {
  test('asked for many times at once is one', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const nodes = [await node('a'), await node('b')];
    const { requestId } = await nodes[0]!.relay.accept({ ...MESSAGE, destination: { url: destination.url } });
    await inState(nodes[0]!, requestId, 'delivered');
    // Nobody takes it up meanwhile.
    await database.pool
      .query(`insert into relay_lane (lane, circuit, failures, reason, opened_at, openings, probe_at, node)
      values ('${laneOfUrl(APP_ID, destination.url)}', 'open', 1, 'x', now(), 1, now() + interval '1 hour', 'x')`);
    const replays = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => nodes[n % 2]!.relay.replay(requestId, 'operator')),
    );
    expect(replays.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const replay of replays) {
      if (replay.status === 'rejected') expect(replay.reason).toMatchObject({ code: 'delivery_not_ended' });
    }
    await nodes[0]!.relay.skip(requestId, 'operator');
    expect(destination.receipts).toHaveLength(1);
  });

  test('of one that failed is a fresh schedule, counts on, and no older lease can settle it', async () => {
    const destination = await receiver((_receipt, nth) => (nth === 1 ? { status: 410 } : ACKNOWLEDGED));
    const one = await node('a');
    const { requestId } = await one.relay.accept({ ...MESSAGE, destination: { url: destination.url } });
    await inState(one, requestId, 'failed');
    await one.relay.replay(requestId, 'operator');
    const again = await inState(one, requestId, 'delivered');
    expect(again.attemptList.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, 'refused'],
      [2, 'acknowledged'],
    ]);
    expect(again.reason).toBeNull();
    await one.relay.replay(requestId, 'operator');
    await destination.received(3);
    await inState(one, requestId, 'delivered');
    expect(new Set(destination.receipts.map(({ webhookId }) => webhookId))).toEqual(new Set([requestId]));
  });
});

describe('several nodes', () => {
  test('NOTIFY wakes another node at once for what this one cannot send', async () => {
    const destination = await receiver(() => ({ body: '{"response_code":"000"}' }));
    const full = await node('full', {
      limits: { ...ONLY_NOTIFIED, attemptsInFlightMax: 0, firstAttemptsInFlightMax: 0 },
    });
    const other = await node('other', { limits: ONLY_NOTIFIED });
    const event = { appId: APP_ID, profile: 'etc-notify', content: '{}', url: destination.url } as const;
    const id = await database.db
      .transaction()
      .execute((tx) => full.relay.enqueue(tx, { ...event, occurredAt: new Date() }));
    const { attemptList } = await inState(other, id, 'delivered');
    expect(attemptList).toMatchObject([{ node: 'other' }]);
    await full.relay.replay(id, 'operator');
    await destination.received(2);
  });

  test('an enqueue that is rolled back leaves nothing, in no table', async () => {
    const one = await node('a');
    const event = { appId: APP_ID, profile: 'etc-notify', content: '{}', url: 'http://127.0.0.1:9/' } as const;
    const failing = database.db.transaction().execute(async (tx) => {
      await one.relay.enqueueMany(tx, [
        { ...event, occurredAt: new Date() },
        { ...event, occurredAt: new Date(), url: 'http://10.0.0.1/' },
      ]);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    for (const table of ['delivery', 'delivery_queue', 'delivery_attempt']) {
      expect((await database.pool.query(`select from ${table}`)).rows).toEqual([]);
    }
  });

  test('whose machines’ clocks are an hour apart keep one time: no retry early, no lease taken, no node thought dead', async () => {
    const HOUR_MS = 3_600_000;
    const synchronised = async (wrongMs: number) => {
      const startsAt = new Date(Date.now() + wrongMs);
      const clock = createSynchronisedClock(
        () => databaseTime(database.pool),
        () => performance.now(),
        startsAt,
      );
      await clock.synchronise();
      return clock;
    };
    const limits = { pollMs: 20, nodeDeadMs: 2_000 };
    const nodes = [
      await node('ahead', { clock: await synchronised(HOUR_MS), limits }),
      await node('behind', { clock: await synchronised(-HOUR_MS), limits }),
    ];
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async (_receipt, nth) => {
      if (nth <= 2) await held.promise;
      return nth <= 2 ? { status: 404 } : ACKNOWLEDGED;
    });
    const ids = await Promise.all(
      nodes.map(async ({ relay }) => {
        const message = { ...MESSAGE, destination: { url: destination.url }, respondAsync: true };
        return (await relay.accept(message)).requestId;
      }),
    );
    await destination.received(2);
    // Both have looked at the database again and again while the two leases run.
    const beats = async (): Promise<string[]> => {
      const { rows } = await database.pool.query<{ at: string }>(
        'select heartbeat_at::text as at from relay_node order by node',
      );
      return rows.map(({ at }) => at);
    };
    const before = await beats();
    expect(before).toHaveLength(2);
    await eventually(async () => (await beats()).every((at, index) => at > before[index]!));
    expect(destination.receipts).toHaveLength(2);
    held.resolve();
    for (const id of ids) {
      const { attemptList } = await inState(nodes[0]!, id, 'delivered');
      const [first, second] = attemptList;
      const { rows } = await database.pool.query<{ apart: number }>(
        'select abs(extract(epoch from now() - $1::timestamptz))::float8 as apart',
        [first!.startedAt],
      );
      expect(rows[0]!.apart).toBeLessThan(60);
      expect(second!.startedAt.getTime() - first!.startedAt.getTime()).toBeGreaterThanOrEqual(1_000);
    }
    expect(destination.receipts).toHaveLength(4);
  });
});

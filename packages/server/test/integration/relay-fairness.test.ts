import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CalleeChange } from '../../src/relay/index.ts';
import { laneOfCallee, laneOfUrl } from '../../src/relay/lane.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED } from '../support/receiver.ts';
import {
  PLAIN,
  startCountingReceiver,
  waitingRow,
  writeWaiting,
  type CountingReceiver,
} from '../support/relay-backlog.ts';
import {
  APP_ID,
  eventually,
  OTHER_APP_ID,
  startRelayService,
  TestClock,
  type RelayService,
} from '../support/relay-service.ts';

const database = await createTestDatabase({ poolSizeMax: 16 });
const clock = new TestClock();
const closing: (() => Promise<unknown>)[] = [];

beforeEach(() => database.pool.query('truncate delivery, delivery_queue, delivery_attempt, relay_lane, relay_node'));
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => database.drop());

async function node(nodeName: string, limits = {}): Promise<RelayService> {
  const started = await startRelayService({ database, clock, nodeName, limits });
  closing.push(started.stop);
  return started;
}

async function receiver(...behaviour: Parameters<typeof startCountingReceiver>): Promise<CountingReceiver> {
  const started = await startCountingReceiver(...behaviour);
  closing.push(started.close);
  return started;
}

/** Destinations are kept over the tests, so each has its own. */
let callees = 0;
async function callee(by: RelayService, change: Partial<CalleeChange>): Promise<string> {
  callees += 1;
  const calleeNo = `callee-${callees}`;
  await by.relay.setCallee({ appId: APP_ID, calleeNo, actor: 'operator', ...PLAIN, ...change });
  return calleeNo;
}

const laneOf = (calleeNo: string): string => laneOfCallee({ appId: APP_ID, calleeNo });

/** Every node has looked at the database since this was called, and knows of the others. */
async function looked(...names: string[]): Promise<void> {
  for (let times = 0; times < 2; times += 1) {
    clock.advance(1);
    await eventually(async () => {
      const { rows } = await database.pool.query(
        'select from relay_node where heartbeat_at >= $1 and node = any ($2)',
        [clock.now(), names],
      );
      return rows.length === names.length;
    });
  }
}

const waiting = async (calleeNo: string): Promise<number> => {
  const { rows } = await database.pool.query<{ count: number }>(
    'select count(*)::integer as count from delivery_queue where lane = $1',
    [laneOf(calleeNo)],
  );
  return rows[0]!.count;
};

describe('turns', () => {
  const FEW = 4;
  const LANES = 50;
  const MANY = 5_000;

  test.each(['before', 'after'])(
    `${LANES} destinations with a few messages each are served while one has ${MANY} waiting that were written %s theirs`,
    async (written) => {
      const destination = await receiver(async () => ACKNOWLEDGED);
      const first = await node('a', { pollMs: 2_000_000_000, attemptsInFlightMax: 8 });
      const row = (calleeNo: string) =>
        waitingRow(destination.url, clock.now(), { calleeNo, content: `{"to":"${calleeNo}"}` });
      const big = await callee(first, { url: destination.url });
      const small: string[] = [];
      for (let lane = 0; lane < LANES; lane += 1) small.push(await callee(first, { url: destination.url }));
      const ofBig = Array.from({ length: MANY }, () => row(big));
      const ofSmall = small.flatMap((calleeNo) => Array.from({ length: FEW }, () => row(calleeNo)));
      await writeWaiting(database.db, written === 'before' ? [...ofBig, ...ofSmall] : [...ofSmall, ...ofBig]);
      // The big one is under way for a while before the others are heard of.
      await database.pool.query(`select pg_notify('yinxin_relay', $1)`, [laneOf(big)]);
      await destination.received(100);
      const before = destination.receipts.length;
      await database.pool.query(`select pg_notify('yinxin_relay', lane) from unnest($1::text[]) as lane`, [
        small.map(laneOf),
      ]);
      await eventually(
        async () => destination.receipts.filter(({ json }) => json['to'] !== big).length === LANES * FEW,
      );
      const ofBigMeanwhile = destination.receipts.length - before - LANES * FEW;
      // A turn is one claim of at most 8: the big one has its own in each round of 51, and what was under way.
      expect(ofBigMeanwhile).toBeLessThan(LANES * FEW);
      await first.stop();
    },
  );

  test('destinations of which more was heard than there is do not keep those after them waiting', async () => {
    const destination = await receiver(async () => ACKNOWLEDGED);
    const first = await node('a', { pollMs: 2_000_000_000, attemptsInFlightMax: 2 });
    const lanes: string[] = [];
    for (let lane = 0; lane < 20; lane += 1) lanes.push(await callee(first, { url: destination.url }));
    const tell = (told: readonly string[]) =>
      database.pool.query(`select pg_notify('yinxin_relay', lane) from unnest($1::text[]) as lane`, [told.map(laneOf)]);
    const write = (calleeNo: string) =>
      writeWaiting(database.db, [waitingRow(destination.url, clock.now(), { calleeNo })]);
    // What the destinations themselves were told of comes before this.
    await write(lanes[0]!);
    await tell(lanes.slice(0, 1));
    await destination.received(1);
    await write(lanes.at(-1)!);
    await tell(lanes);
    await destination.received(2);
    await first.stop();
  });

  test('destinations that hang leave room: others are served while 15 of them hold all they may', async () => {
    const released = Promise.withResolvers<void>();
    const hanging = await receiver(async () => {
      await released.promise;
      return ACKNOWLEDGED;
    });
    const destination = await receiver();
    const limits = { attemptsInFlightMax: 64, firstAttemptsInFlightMax: 64 };
    const first = await node('a', limits);
    for (let lane = 0; lane < 15; lane += 1) {
      const calleeNo = await callee(first, { url: hanging.url });
      await writeWaiting(
        database.db,
        Array.from({ length: 50 }, () => waitingRow(hanging.url, clock.now(), { calleeNo })),
      );
    }
    await hanging.received(15);
    await looked('a');
    const calleeNo = await callee(first, { url: destination.url });
    await writeWaiting(
      database.db,
      Array.from({ length: 20 }, () => waitingRow(destination.url, clock.now(), { calleeNo })),
    );
    await destination.received(20);
    released.resolve();
  });
});

describe('the cap', () => {
  test.each([1, 3])('%i: two nodes together never exceed it, and use it', async (inFlightMax) => {
    const destination = await receiver();
    const [first, second] = [await node('a'), await node('b')];
    const calleeNo = await callee(first, { url: destination.url, inFlightMax });
    await looked('a', 'b');
    const message = { appId: APP_ID, callerNo: null, messageType: 'T', destination: { calleeNo }, respondAsync: true };
    await Promise.all(
      Array.from({ length: 60 }, (_, n) => [first, second][n % 2]!.relay.accept({ ...message, content: `{"n":${n}}` })),
    );
    await destination.received(60);
    await eventually(async () => (await waiting(calleeNo)) === 0);
    expect(destination.mostAtOnce).toBe(inFlightMax);
    expect(new Set(destination.receipts.map(({ webhookId }) => webhookId)).size).toBe(60);
  });

  test('holds for retries of a destination that nobody has asked for since, and on a node that was only told of it', async () => {
    const destination = await receiver();
    const first = await node('a');
    const calleeNo = await callee(first, { url: destination.url, inFlightMax: 1 });
    await first.stop();
    await writeWaiting(
      database.db,
      Array.from({ length: 30 }, () => waitingRow(destination.url, clock.now(), { calleeNo })),
    );
    await database.pool.query(`update delivery_queue set due_at = $1`, [new Date(clock.now().getTime() + 60_000)]);
    // It looks once, when nothing is due; after that it knows what NOTIFY tells.
    await node('b', { pollMs: 2_000_000_000 });
    clock.advance(60_000);
    await database.pool.query(`select pg_notify('yinxin_relay', $1)`, [laneOf(calleeNo)]);
    await destination.received(30);
    expect(destination.mostAtOnce).toBe(1);
  });

  test('a smaller one counts at once on other nodes', async () => {
    const held: (() => void)[] = [];
    const destination = await receiver(async () => {
      await new Promise<void>((resolve) => held.push(resolve));
      return ACKNOWLEDGED;
    });
    const [first] = [await node('a'), await node('b', { pollMs: 2_000_000_000 })];
    const calleeNo = await callee(first, { url: destination.url, inFlightMax: 10 });
    await first.relay.setCallee({ appId: APP_ID, calleeNo, actor: 'operator', inFlightMax: 2 });
    await first.stop();
    await writeWaiting(
      database.db,
      Array.from({ length: 9 }, () => waitingRow(destination.url, clock.now(), { calleeNo })),
    );
    await database.pool.query(`select pg_notify('yinxin_relay', $1)`, [laneOf(calleeNo)]);
    while (destination.receipts.length < 9) {
      await eventually(async () => held.length > 0);
      for (const release of held.splice(0)) release();
    }
    for (const release of held.splice(0)) release();
    // The other node is gone, but this one does not look for that: it has its part of 2, which is 1.
    expect(destination.mostAtOnce).toBeLessThanOrEqual(2);
  });

  test('messages for a node without a part of it go out on the other at once', async () => {
    const destination = await receiver();
    const nodes = { a: await node('a', { pollMs: 50 }), b: await node('b', { pollMs: 50 }) };
    const calleeNo = await callee(nodes.a, { url: destination.url, inFlightMax: 1 });
    await looked('a', 'b');
    const outcomes = await Promise.all(
      Object.values(nodes).map((by) =>
        by.relay.accept({ appId: APP_ID, callerNo: null, messageType: 'T', content: '{}', destination: { calleeNo } }),
      ),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['delivered', 'delivered']);
    expect(destination.mostAtOnce).toBe(1);
  });
});

describe('the rate', () => {
  test('of a destination holds over its own messages, retries and two nodes', async () => {
    const destination = await receiver(async () => ({ status: 404 }));
    const [first, second] = [await node('a'), await node('b')];
    const calleeNo = await callee(first, {
      url: destination.url,
      ratePerSecond: 4,
      delaysMs: [1, 1, 1, 1, 1, 1, 1, 1],
    });
    await looked('a', 'b');
    const startedAt = clock.now().getTime();
    const message = { appId: APP_ID, callerNo: null, messageType: 'T', content: '{}', destination: { calleeNo } };
    for (const by of [first, second]) {
      for (let n = 0; n < 5; n += 1) await by.relay.accept({ ...message, respondAsync: true });
    }
    for (let second = 0; second < 4; second += 1) {
      const allowed = (): number => 4 + ((clock.now().getTime() - startedAt) * 4) / 1_000;
      await eventually(async () => destination.receipts.length >= Math.floor(allowed()) - 1);
      await looked('a', 'b');
      expect(destination.receipts.length).toBeLessThanOrEqual(allowed());
      clock.advance(1_000);
    }
  });

  test('a node without a part of a cap of one leaves its part of the rate to the other', async () => {
    const destination = await receiver();
    const [first] = [await node('a'), await node('b')];
    const calleeNo = await callee(first, { url: destination.url, ratePerSecond: 10, inFlightMax: 1 });
    await looked('a', 'b');
    await writeWaiting(
      database.db,
      Array.from({ length: 20 }, () => waitingRow(destination.url, clock.now(), { calleeNo })),
    );
    await destination.received(10);
    clock.advance(1_000);
    await destination.received(20);
  });
});

describe('what waits', () => {
  test('gets the rate of its destination before messages that come later', async () => {
    const destination = await receiver();
    const one = await node('a');
    const calleeNo = await callee(one, { url: destination.url, ratePerSecond: 2 });
    const message = { appId: APP_ID, callerNo: null, messageType: 'T', destination: { calleeNo }, respondAsync: true };
    const send = async (n: number): Promise<string> => {
      clock.advance(1);
      return (await one.relay.accept({ ...message, content: `{"n":${n}}` })).requestId;
    };
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push(await send(n));
    await destination.received(2);
    for (let second = 1; second <= 5; second += 1) {
      clock.advance(1_000);
      // As many more as the rate allows, at the moment it allows them.
      ids.push(await send(ids.length), await send(ids.length + 1));
      await destination.received(2 + 2 * second);
    }
    expect(destination.receipts.map(({ webhookId }) => webhookId).toSorted()).toEqual(ids.slice(0, 12).toSorted());
  });

  test('gets its part of the cap while more comes than the cap lets through', async () => {
    const flood = { isOn: true, release: [] as (() => void)[] };
    const destination = await receiver(async () => {
      if (flood.isOn) await new Promise<void>((resolve) => flood.release.push(resolve));
      return ACKNOWLEDGED;
    });
    const one = await node('a');
    const calleeNo = await callee(one, { url: destination.url, inFlightMax: 2 });
    const message = { appId: APP_ID, callerNo: null, messageType: 'T', destination: { calleeNo }, respondAsync: true };
    const send = async (n: number): Promise<string> =>
      (await one.relay.accept({ ...message, content: `{"n":${n}}` })).requestId;
    const early: string[] = [];
    for (let n = 0; n < 6; n += 1) early.push(await send(n));
    await destination.received(2);
    const received = (id: string): boolean => destination.receipts.some(({ webhookId }) => webhookId === id);
    // Two come for each that is answered.
    for (let n = 6; !early.every(received); n += 2) {
      await Promise.all([send(n), send(n + 1)]);
      await eventually(async () => flood.release.length > 0);
      flood.release.shift()?.();
      expect(n).toBeLessThan(200);
    }
    flood.isOn = false;
    for (const answer of flood.release.splice(0)) answer();
    await eventually(async () => (await waiting(calleeNo)) === 0);
    expect(destination.mostAtOnce).toBe(2);
  });
});

describe('applications', () => {
  test('a second try of one goes out while hundreds of destinations of another that hang hold all they may', async () => {
    const released = Promise.withResolvers<void>();
    const hanging = await receiver(async () => {
      await released.promise;
      return ACKNOWLEDGED;
    });
    const destination = await receiver(async (_receipt, nth) => (nth === 1 ? { status: 202 } : ACKNOWLEDGED));
    const first = await node('a', { attemptsInFlightMax: 32 });
    const message = { callerNo: null, messageType: 'T', content: '{}', destination: { calleeNo: 'OF-OTHER' } };
    await first.relay.setCallee({
      appId: OTHER_APP_ID,
      calleeNo: 'OF-OTHER',
      actor: 'operator',
      ...PLAIN,
      url: destination.url,
      delaysMs: [1_000],
    });
    const rows = Array.from({ length: 300 }, (_, n) =>
      waitingRow(hanging.url, clock.now(), { lane: laneOfUrl(APP_ID, `https://origin-${n}.example`) }),
    );
    await writeWaiting(database.db, rows);
    // Three quarters of what is not kept for those who have nothing under way.
    await hanging.received(21);
    const { requestId, outcome } = await first.relay.accept({ appId: OTHER_APP_ID, ...message });
    expect(outcome).toBe('retrying');
    await eventually(async () => (await first.relay.showDelivery(requestId))?.state === 'waiting');
    clock.advance(2_000);
    await destination.received(2);
    await eventually(async () => (await first.relay.showDelivery(requestId))?.state === 'delivered');
    expect(hanging.underWay).toBeGreaterThanOrEqual(21);
    expect(hanging.underWay).toBeLessThan(32);
    released.resolve();
  });
});

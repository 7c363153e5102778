import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { createRelayOperations, type CalleeChange, type Delivery } from '../../src/relay/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver, type Receipt, type Receiver, type ReceiverAnswer } from '../support/receiver.ts';
import { PLAIN } from '../support/relay-backlog.ts';
import { APP_ID, applications, eventually, startRelayService, type RelayService } from '../support/relay-service.ts';

const database = await createTestDatabase({ poolSizeMax: 16 });
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => database.drop());

async function node(nodeName: string): Promise<RelayService> {
  const started = await startRelayService({ database, clock: systemClock, nodeName });
  closing.push(started.stop);
  return started;
}

interface KeyedReceiver extends Receiver {
  /** What `n` of a key was received, in order, repeats included. */
  readonly ofKey: (key: string) => number[];
  /** The most that one key had under way at once. */
  readonly most: { ofOneKey: number };
}

type Answer = (message: { key: string; n: number; nth: number }) => ReceiverAnswer | Promise<ReceiverAnswer>;

const keyOf = ({ json }: Receipt): string => String(json['key']);

async function receiver(answer: Answer): Promise<KeyedReceiver> {
  const underWay = new Map<string, number>();
  const most = { ofOneKey: 0 };
  const count = (key: string, by: number): void => {
    const ofKey = (underWay.get(key) ?? 0) + by;
    underWay.set(key, ofKey);
    most.ofOneKey = Math.max(most.ofOneKey, ofKey);
  };
  const started = await startReceiver(async (receipt, nth) => {
    const key = keyOf(receipt);
    count(key, 1);
    const result = await answer({ key, n: Number(receipt.json['n']), nth });
    count(key, -1);
    return result;
  });
  closing.push(started.close);
  const ofKey = (key: string) =>
    started.receipts.filter((receipt) => keyOf(receipt) === key).map(({ json }) => Number(json['n']));
  return Object.assign(started, { ofKey, most });
}

let callees = 0;
async function callee(by: RelayService, change: Partial<CalleeChange>): Promise<string> {
  callees += 1;
  const calleeNo = `ordered-${callees}`;
  await by.relay.setCallee({
    appId: APP_ID,
    calleeNo,
    actor: 'operator',
    ...PLAIN,
    circuit: 'off',
    orderingKeyPath: 'key',
    delaysMs: Array.from({ length: 10 }, () => 20),
    ...change,
  });
  return calleeNo;
}

const send = async (by: RelayService, calleeNo: string, key: string, n: number): Promise<string> => {
  const message = { appId: APP_ID, callerNo: null, messageType: 'T', content: `{"key":"${key}","n":${n}}` };
  const header = (name: string): string | undefined => (name === 'x-flow' ? key : undefined);
  return (await by.relay.accept({ ...message, destination: { calleeNo }, header, respondAsync: true })).requestId;
};

const state = async (by: RelayService, id: string): Promise<Delivery['state'] | undefined> =>
  (await by.relay.showDelivery(id))?.state;

const inState = (by: RelayService, id: string, wanted: Delivery['state']): Promise<Delivery> =>
  eventually(async () => {
    const delivery = await by.relay.showDelivery(id);
    return delivery?.state === wanted && delivery;
  });

const drained = (): Promise<boolean> =>
  eventually(async () => (await database.pool.query('select from delivery_queue')).rows.length === 0);

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

describe('messages of one key', () => {
  test('arrive one after another in the order of acceptance over two nodes, tries that fail in between; keys pass each other', async () => {
    const failed = new Set<string>();
    const destination = await receiver(({ key, n }) => {
      const name = `${key}/${n}`;
      if (n % 4 !== 1 || failed.has(name)) return ACKNOWLEDGED;
      failed.add(name);
      return n % 8 === 1 ? { status: 500 } : { status: 404 };
    });
    const nodes = [await node('a'), await node('b')];
    const calleeNo = await callee(nodes[0]!, { url: destination.url });
    const keys = upTo(20).map((n) => `K${n}`);
    await Promise.all(
      keys.map(async (key, index) => {
        // Each of a key after the one before is durable, at whichever node.
        for (const n of upTo(10)) await send(nodes[(index + n) % 2]!, calleeNo, key, n);
      }),
    );
    await drained();
    for (const key of keys) {
      const received = destination.ofKey(key);
      expect(received).toEqual(received.toSorted((one, other) => one - other));
      expect([...new Set(received)]).toEqual(upTo(10));
    }
    expect(destination.most.ofOneKey).toBe(1);
  });

  test('that are handed over in one go are in the order of the going, also beside a small commit', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const one = await node('a');
    const calleeNo = await callee(one, { url: destination.url });
    const first = send(one, calleeNo, 'K', 0);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    await Promise.all([
      first,
      ...upTo(40)
        .slice(1)
        .map((n) => send(one, calleeNo, 'K', n)),
    ]);
    await drained();
    expect(destination.ofKey('K')).toEqual(upTo(40));
  });

  test('wait for one that hangs, and others do not', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async ({ key, n }) => {
      if (key === 'slow' && n === 0) await held.promise;
      return ACKNOWLEDGED;
    });
    const one = await node('a');
    const calleeNo = await callee(one, { url: destination.url });
    const ids = [];
    for (const n of upTo(3)) ids.push(await send(one, calleeNo, 'slow', n));
    await Promise.all(upTo(30).map((n) => send(one, calleeNo, `other-${n}`, n)));
    await destination.received(31);
    expect(destination.ofKey('slow')).toEqual([0]);
    expect([await state(one, ids[0]!), await state(one, ids[1]!), await state(one, ids[2]!)]).toEqual([
      'leased',
      'queued',
      'queued',
    ]);
    held.resolve();
    await drained();
    expect(destination.ofKey('slow')).toEqual(upTo(3));
  });

  test('go on when one of them has failed for good', async () => {
    const destination = await receiver(({ n }) => (n === 0 ? { status: 410 } : ACKNOWLEDGED));
    const one = await node('a');
    const calleeNo = await callee(one, { url: destination.url });
    const ids = await Promise.all(upTo(4).map((n) => send(one, calleeNo, 'K', n)));
    await inState(one, ids[0]!, 'failed');
    await inState(one, ids[3]!, 'delivered');
    expect(destination.ofKey('K')).toEqual(upTo(4));
  });

  test('are told apart by a request header where the destination says so', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const one = await node('a');
    const calleeNo = await callee(one, { url: destination.url, orderingKeyHeader: 'x-flow', orderingKeyPath: null });
    const message = { appId: APP_ID, callerNo: null, messageType: 'T', content: '{"key":"K","n":0}' };
    const header = (name: string): string | undefined => (name === 'x-flow' ? 'F1' : undefined);
    await one.relay.accept({ ...message, destination: { calleeNo }, header });
    const { rows } = await database.pool.query('select from delivery_queue where ordering_key is not null');
    expect(rows.length).toBeLessThanOrEqual(1);
    await drained();
    expect(destination.receipts).toHaveLength(1);
  });
});

describe('a message that poisons its key', () => {
  /** The first of three is never acknowledged, and its next try is an hour away. */
  async function poisoned() {
    const accepts = { poison: false };
    const destination = await receiver(({ n }) => (n === 0 && !accepts.poison ? { status: 404 } : ACKNOWLEDGED));
    const one = await node('a');
    const other = await node('b');
    const calleeNo = await callee(one, { url: destination.url, delaysMs: [3_600_000, 3_600_000] });
    const ids: string[] = [];
    for (const n of upTo(3)) ids.push(await send(one, calleeNo, 'K', n));
    await inState(one, ids[0]!, 'waiting');
    expect(await state(one, ids[1]!)).toBe('queued');
    return { accepts, destination, calleeNo, ids, one, other };
  }

  test('is skipped: it has failed, and the others go', async () => {
    const { destination, ids, other } = await poisoned();
    await other.relay.skip(ids[0]!, 'operator');
    await drained();
    expect(destination.ofKey('K')).toEqual([0, 1, 2]);
    expect(await other.relay.showDelivery(ids[0]!)).toMatchObject({ state: 'failed', reason: 'skipped' });
    await expect(other.relay.skip(ids[0]!, 'operator')).rejects.toMatchObject({ code: 'delivery_not_waiting' });
    await expect(other.relay.release(ids[0]!, 'operator')).rejects.toMatchObject({ code: 'delivery_not_parked' });
  });

  test('is parked: the others go, and it comes when it is released', async () => {
    const { accepts, destination, ids, one, other } = await poisoned();
    await one.relay.park(ids[0]!, 'operator');
    await inState(one, ids[2]!, 'delivered');
    expect(await one.relay.showDelivery(ids[0]!)).toMatchObject({ state: 'parked', reason: 'parked_by_operator' });
    await expect(one.relay.park(ids[0]!, 'operator')).rejects.toMatchObject({ code: 'delivery_not_waiting' });
    accepts.poison = true;
    await other.relay.release(ids[0]!, 'operator');
    await inState(one, ids[0]!, 'delivered');
    expect(destination.ofKey('K')).toEqual([0, 1, 2, 0]);
  });

  test('released while another of its key is under way waits for that one, and comes before what is queued', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async ({ n, nth }) => {
      if (n === 1) await held.promise;
      return n === 0 && nth === 1 ? { status: 404 } : ACKNOWLEDGED;
    });
    const one = await node('a');
    const calleeNo = await callee(one, { url: destination.url, delaysMs: [3_600_000] });
    const ids: string[] = [];
    for (const n of upTo(3)) ids.push(await send(one, calleeNo, 'K', n));
    await inState(one, ids[0]!, 'waiting');
    await one.relay.park(ids[0]!, 'operator');
    await destination.received(2);
    await one.relay.release(ids[0]!, 'operator');
    expect(await state(one, ids[0]!)).toBe('queued');
    held.resolve();
    await drained();
    expect(destination.ofKey('K')).toEqual([0, 1, 0, 2]);
  });

  test('one that is queued is skipped or parked without a change for the first', async () => {
    const { accepts, destination, calleeNo, ids, one } = await poisoned();
    await one.relay.skip(ids[1]!, 'operator');
    await one.relay.park(ids[2]!, 'operator');
    ids.push(await send(one, calleeNo, 'K', 3));
    expect(await state(one, ids[3]!)).toBe('queued');
    accepts.poison = true;
    await one.relay.skip(ids[0]!, 'operator');
    await inState(one, ids[3]!, 'delivered');
    await one.relay.release(ids[2]!, 'operator');
    await drained();
    expect(destination.ofKey('K')).toEqual([0, 3, 2]);
  });

  test('acts of operators on everything at once, while it is sent: each either counts or is refused, nothing stays behind', async () => {
    const destination = await receiver(({ n }) => (n % 3 === 0 ? { status: 404 } : ACKNOWLEDGED));
    const nodes = [await node('a'), await node('b')];
    const calleeNo = await callee(nodes[0]!, { url: destination.url, delaysMs: [10, 10] });
    const ids: string[] = [];
    await Promise.all(
      upTo(8).map(async (key) => {
        for (const n of upTo(8)) ids.push(await send(nodes[n % 2]!, calleeNo, `K${key}`, n));
      }),
    );
    const parks = ids.map((id, index) => nodes[index % 2]!.relay.park(id, 'operator'));
    const skips = ids.filter((_, index) => index % 3 === 0).map((id) => nodes[1]!.relay.skip(id, 'operator'));
    for (const act of await Promise.allSettled([...parks, ...skips])) {
      if (act.status === 'rejected') expect(act.reason).toMatchObject({ code: 'delivery_not_waiting' });
    }
    const { rows } = await database.pool.query<{ id: string }>(
      `select request_id as id from delivery_queue where state = 'parked'`,
    );
    await Promise.all(rows.map(({ id }, index) => nodes[index % 2]!.relay.release(id, 'operator')));
    await drained();
    expect(destination.most.ofOneKey).toBe(1);
  });
});

describe('where only the latest counts', () => {
  test('of those that wait the last is sent alone; the others have failed as superseded', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async ({ n }) => {
      if (n === 0) await held.promise;
      return ACKNOWLEDGED;
    });
    const nodes = [await node('a'), await node('b')];
    const calleeNo = await callee(nodes[0]!, { url: destination.url, latestOnly: true });
    const ids: string[] = [];
    for (const n of upTo(6)) ids.push(await send(nodes[n % 2]!, calleeNo, 'K', n));
    await send(nodes[0]!, calleeNo, 'other', 0);
    held.resolve();
    await drained();
    expect(destination.ofKey('K')).toEqual([0, 5]);
    for (const id of ids.slice(1, 5)) {
      expect(await nodes[0]!.relay.showDelivery(id)).toMatchObject({
        state: 'failed',
        reason: 'superseded',
        attempts: 0,
      });
    }
  });

  test('numbers beyond 2⁵³ that differ, and a text and a number, are keys of their own: none is lost', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async () => {
      await held.promise;
      return ACKNOWLEDGED;
    });
    const one = await node('a');
    const calleeNo = await callee(one, { url: destination.url, latestOnly: true, inFlightMax: 1 });
    const keys = [
      '1795314741674000001',
      '1795314741674000002',
      '1795314741674000003',
      '"1795314741674000001"',
      'true',
      '"true"',
    ];
    const ids: string[] = [];
    for (const key of keys) {
      const message = { appId: APP_ID, callerNo: null, messageType: 'T', content: `{"key":${key},"n":0}` };
      ids.push((await one.relay.accept({ ...message, destination: { calleeNo }, respondAsync: true })).requestId);
    }
    held.resolve();
    for (const id of ids) await inState(one, id, 'delivered');
  });

  test('one that fails while a later one waits has no other try: the later one goes at once', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async ({ n }) => {
      if (n === 0) await held.promise;
      return n === 0 ? { status: 500 } : ACKNOWLEDGED;
    });
    const one = await node('a');
    const calleeNo = await callee(one, { url: destination.url, latestOnly: true, delaysMs: [3_600_000] });
    const first = await send(one, calleeNo, 'K', 0);
    const second = await send(one, calleeNo, 'K', 1);
    held.resolve();
    await inState(one, second, 'delivered');
    const ended = await one.relay.showDelivery(first);
    expect(ended).toMatchObject({ state: 'failed', reason: 'superseded', attempts: 1 });
    expect(ended!.attemptList).toMatchObject([{ reason: 'status_500' }]);
  });

  test('one that waits for its next try gives way to a new one', async () => {
    const destination = await receiver(({ n }) => (n === 0 ? { status: 500 } : ACKNOWLEDGED));
    const one = await node('a');
    const calleeNo = await callee(one, { url: destination.url, latestOnly: true, delaysMs: [3_600_000] });
    const first = await send(one, calleeNo, 'K', 0);
    await inState(one, first, 'waiting');
    await inState(one, await send(one, calleeNo, 'K', 1), 'delivered');
    expect(await one.relay.showDelivery(first)).toMatchObject({ state: 'failed', reason: 'superseded' });
  });

  test('under load over two nodes the last of each key arrives, in order, and nothing stays behind', async () => {
    const destination = await receiver(({ n }) => (n % 5 === 2 ? { status: 500 } : ACKNOWLEDGED));
    const nodes = [await node('a'), await node('b')];
    const calleeNo = await callee(nodes[0]!, { url: destination.url, latestOnly: true, delaysMs: [5, 5, 5, 5] });
    await Promise.all(
      upTo(10).map(async (key) => {
        for (const n of upTo(20)) await send(nodes[(key + n) % 2]!, calleeNo, `K${key}`, n);
      }),
    );
    await drained();
    for (const key of upTo(10)) {
      const received = destination.ofKey(`K${key}`);
      expect(received).toEqual(received.toSorted((one, other) => one - other));
      expect(received.at(-1)).toBe(19);
    }
    expect(destination.most.ofOneKey).toBe(1);
  });
});

describe('replayed messages of one key', () => {
  /** Five of one key that were refused for good, and operations over them. */
  async function refused(change: Partial<CalleeChange> = {}, count = 5) {
    const way = { refuses: true, held: null as Promise<void> | null };
    const destination = await receiver(async ({ n }) => {
      await way.held;
      return way.refuses && n < count ? { status: 410 } : ACKNOWLEDGED;
    });
    const nodes = [await node('a'), await node('b')];
    const one = nodes[0]!;
    const calleeNo = await callee(one, { url: destination.url, ...change });
    const ids: string[] = [];
    for (const n of upTo(count)) {
      ids.push(await send(one, calleeNo, 'K', n));
      await inState(one, ids[n]!, 'failed');
    }
    way.refuses = false;
    const operations = createRelayOperations({ db: database.db, clock: systemClock, keys: applications });
    const filter = { state: 'failed', calleeNo, appId: APP_ID } as const;
    const replay = (superseded = false) =>
      operations.replayMany({
        filter: { ...filter, superseded },
        // Two batches: what is of one key comes in order over both.
        ratePerSecond: 12,
        actor: 'operator',
        signal: new AbortController().signal,
        onProgress: () => undefined,
      });
    destination.receipts.splice(0);
    return { way, destination, nodes, one, calleeNo, ids, operations, filter, replay };
  }

  test.each(['a path', 'a header'])(
    'go out one after another in the order of acceptance, behind what is under way, the key given by %s',
    async (given) => {
      const byHeader = given === 'a header';
      const { way, destination, one, calleeNo, ids, replay } = await refused(
        byHeader ? { orderingKeyPath: null, orderingKeyHeader: 'x-flow' } : {},
      );
      const held = Promise.withResolvers<void>();
      way.held = held.promise;
      const fresh = await send(one, calleeNo, 'K', 7);
      await destination.received(1);
      expect(await replay()).toMatchObject({ replayed: 5, total: 5 });
      for (const id of ids) expect(await state(one, id)).toBe('queued');
      held.resolve();
      await inState(one, ids[4]!, 'delivered');
      await drained();
      expect(await state(one, fresh)).toBe('delivered');
      expect(destination.ofKey('K')).toEqual([7, 0, 1, 2, 3, 4]);
      expect(destination.most.ofOneKey).toBe(1);
    },
  );

  test('one by one as well, and two runs at once over two nodes take each once', async () => {
    const { destination, nodes, ids, replay } = await refused();
    await Promise.allSettled([...ids.map((id, n) => nodes[n % 2]!.relay.replay(id, 'operator')), replay(), replay()]);
    await drained();
    expect(destination.ofKey('K').toSorted()).toEqual(upTo(5));
    expect(destination.most.ofOneKey).toBe(1);
  });

  test('that were accepted before keys were kept have that of the destination’s present path', async () => {
    const { destination, ids, replay } = await refused();
    await database.pool.query(
      'update delivery set ordering_key = null, ordering_position = null where request_id = any ($1)',
      [ids],
    );
    await replay();
    await drained();
    expect(destination.ofKey('K')).toEqual(upTo(5));
    expect(destination.most.ofOneKey).toBe(1);
  });

  test('where only the latest counts: the last alone is sent again; a dry run says so', async () => {
    const { destination, ids, one, operations, filter, replay } = await refused({ latestOnly: true });
    expect(await operations.previewReplays(filter)).toMatchObject({
      count: 1,
      superseded: 4,
      sample: [{ requestId: ids[4] }],
    });
    expect(await operations.previewReplays({ ...filter, superseded: true })).toMatchObject({ count: 5, superseded: 0 });
    expect(await replay()).toMatchObject({ replayed: 1, total: 1 });
    await drained();
    expect(destination.ofKey('K')).toEqual([4]);
    await expect(one.relay.replay(ids[0]!, 'operator')).rejects.toMatchObject({ code: 'delivery_superseded' });
    expect(await state(one, ids[0]!)).toBe('failed');
  });

  test('where only the latest counts, earlier ones come again when they are asked for, but not past one under way', async () => {
    const { way, destination, ids, one, calleeNo, replay } = await refused({ latestOnly: true });
    const held = Promise.withResolvers<void>();
    way.held = held.promise;
    const latest = await send(one, calleeNo, 'K', 9);
    await destination.received(1);
    expect(await replay(true)).toMatchObject({ replayed: 0 });
    await expect(one.relay.replay(ids[1]!, 'operator', { superseded: true })).rejects.toMatchObject({
      code: 'delivery_superseded',
    });
    held.resolve();
    await inState(one, latest, 'delivered');
    await one.relay.replay(ids[1]!, 'operator', { superseded: true });
    await drained();
    expect(destination.ofKey('K')).toEqual([9, 1]);
    expect(await replay(true)).toMatchObject({ replayed: 4 });
    await drained();
    expect(destination.ofKey('K')).toEqual([9, 1, 0, 2, 3, 4]);
  });

  test('one that was superseded is left out although its destination takes all of them now', async () => {
    const { destination, ids, one, calleeNo, replay } = await refused({ latestOnly: true }, 2);
    await database.pool.query(`update delivery set reason = 'superseded' where request_id = $1`, [ids[0]]);
    await one.relay.setCallee({ appId: APP_ID, calleeNo, actor: 'operator', latestOnly: false });
    await replay();
    await drained();
    expect(destination.ofKey('K')).toEqual([1]);
  });
});

test('where only the latest counts, one that was parked and is released after a later one ends as superseded', async () => {
  const accepts = { first: false };
  const destination = await receiver(({ n }) => (n === 0 && !accepts.first ? { status: 404 } : ACKNOWLEDGED));
  const one = await node('a');
  const calleeNo = await callee(one, { url: destination.url, latestOnly: true, delaysMs: [3_600_000] });
  const old = await send(one, calleeNo, 'K', 0);
  await inState(one, old, 'waiting');
  await one.relay.park(old, 'operator');
  accepts.first = true;
  const other = await send(one, calleeNo, 'other', 0);
  await inState(one, other, 'delivered');
  await inState(one, await send(one, calleeNo, 'K', 1), 'delivered');
  await one.relay.release(old, 'operator');
  expect(await one.relay.showDelivery(old)).toMatchObject({ state: 'failed', reason: 'superseded' });
  await drained();
  expect(destination.ofKey('K')).toEqual([0, 1]);
});

import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { orderedDestinations, upTo } from '../support/ordered-destinations.ts';
import { ACKNOWLEDGED } from '../support/receiver.ts';
import { APP_ID } from '../support/relay-service.ts';

const database = await createTestDatabase({ poolSizeMax: 16 });
const { node, receiver, callee, send, state, inState, drained, close } = orderedDestinations(database);
afterEach(close);
afterAll(() => database.drop());

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

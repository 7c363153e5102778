import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { createRelayOperations, type CalleeChange } from '../../src/relay/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { orderedDestinations, upTo } from '../support/ordered-destinations.ts';
import { ACKNOWLEDGED } from '../support/receiver.ts';
import { APP_ID, applications, vault } from '../support/relay-service.ts';

const database = await createTestDatabase({ poolSizeMax: 16 });
const { node, receiver, callee, send, state, inState, drained, close } = orderedDestinations(database);
afterEach(close);
afterAll(() => database.drop());

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
    const operations = createRelayOperations({ db: database.db, clock: systemClock, vault, keys: applications });
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
    expect(destination.ofKey('K').toSorted((one, other) => one - other)).toEqual(upTo(5));
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

import { sql } from 'kysely';
import { afterAll, expect, test } from 'vitest';
import { verifyAuditChain } from '../../src/audit/index.ts';
import { createRelayOperations, type DeliveryFilter, type ReplayProgress } from '../../src/relay/index.ts';
import { withinSearchTime } from '../../src/relay/delivery-store.ts';
import { createTestDatabase } from '../support/database.ts';
import { deliver, inState } from '../support/delivery-history.ts';
import { ACKNOWLEDGED, startReceiver, type ReceiverAnswer } from '../support/receiver.ts';
import { APP_ID, applications, OTHER_APP_ID, startRelayService, vault } from '../support/relay-service.ts';

const database = await createTestDatabase();
const { db } = database;
const service = await startRelayService({ database });
const { relay, clock } = service;
const slept: number[] = [];
const operations = createRelayOperations({
  db,
  clock,
  vault,
  keys: applications,
  sleep: async (milliseconds) => void slept.push(milliseconds),
});
let answer: ReceiverAnswer = ACKNOWLEDGED;
const destination = await startReceiver(() => answer);

afterAll(async () => {
  await service.stop();
  await destination.close();
  await database.drop();
});

const find = async (filter: Partial<DeliveryFilter>): Promise<string[]> =>
  (await relay.listDeliveries({ limit: 50, ...filter })).map((delivery) => delivery.requestId);

async function setCallee(calleeNo: string, change: { enabled?: boolean } = {}): Promise<void> {
  await relay.setCallee({
    appId: APP_ID,
    calleeNo,
    url: destination.url,
    orderingKeyPath: 'flow',
    circuit: { failures: 2, coolDownMs: 60_000 },
    actor: 'operator',
    ...change,
  });
}

const accept = async (calleeNo: string, flow: string): Promise<string> => {
  const content = JSON.stringify({ flow });
  const message = { appId: APP_ID, callerNo: null, messageType: 'ordered', content, respondAsync: true };
  return (await relay.accept({ ...message, destination: { calleeNo } })).requestId;
};

test('by state, destination, ordering key, time and type; each page goes on before the last', async () => {
  await setCallee('SEARCHED');
  const delivered = await deliver(relay, { url: destination.url, content: '{"n":1}', messageType: 'a' }, 'delivered');
  const others = await deliver(relay, { url: destination.url, content: '{"n":1}', appId: OTHER_APP_ID }, 'delivered');
  clock.advance(60_000);
  answer = { status: 400 };
  const first = await accept('SEARCHED', 'F-1');
  await inState(relay, first, 'waiting');
  const second = await accept('SEARCHED', 'F-1');
  const third = await accept('SEARCHED', 'F-2');
  await inState(relay, third, 'waiting');
  expect(await find({ state: 'delivered', appId: APP_ID })).toEqual([delivered]);
  expect(await find({ state: 'delivered' })).toEqual([others, delivered].toSorted().toReversed());
  expect(await find({ state: 'queued' })).toEqual([second]);
  expect(await find({ calleeNo: 'SEARCHED' })).toEqual([third, second, first].toSorted().toReversed());
  expect(await find({ orderingKey: 'F-1' })).toEqual([second, first].toSorted().toReversed());
  expect(await find({ from: clock.now() })).toHaveLength(3);
  expect(await find({ to: clock.now(), appId: APP_ID })).toEqual([delivered]);
  expect(await find({ messageType: 'a' })).toEqual([delivered]);
  expect(await find({ text: '"n":1', from: new Date(0) })).toHaveLength(2);
  const all = await find({});
  const pages = [await find({ limit: 3 }), await find({ limit: 3, before: all[2]! })];
  expect(pages.flat()).toEqual(all);
  await relay.park(first, 'operator');
  expect(await find({ state: 'parked' })).toEqual([first]);
  await relay.skip(third, 'operator');
  expect(await find({ state: 'failed' })).toEqual([third]);
});

test('a text alone, and what takes too long, is refused', async () => {
  await expect(find({ text: 'x' })).rejects.toMatchObject({ code: 'search_unbounded' });
  await expect(withinSearchTime(db, (tx) => sql`select pg_sleep(60)`.execute(tx), 1)).rejects.toMatchObject({
    code: 'search_too_slow',
    params: { seconds: '1' },
  });
});

test('a destination that is down is listed with its backlog, and why its circuit is open; so is one switched off', async () => {
  await setCallee('DOWN');
  answer = { status: 503 };
  for (const flow of ['A', 'B', 'C'])
    await inState(relay, await accept('DOWN', flow), flow === 'A' ? 'waiting' : 'parked');
  const [lane] = await operations.listLanes({ appId: APP_ID, calleeNo: 'DOWN' });
  expect(lane).toMatchObject({
    lane: `${APP_ID}/DOWN`,
    enabled: true,
    circuit: 'open',
    circuitReason: 'status_503',
    openings: 1,
    waiting: 3,
    leased: 0,
    oldestAcceptedAt: clock.now(),
  });
  expect(lane!.probeAt!.getTime()).toBe(clock.now().getTime() + 60_000);
  await setCallee('DOWN', { enabled: false });
  expect(await operations.listLanes({ appId: APP_ID, calleeNo: 'DOWN' })).toMatchObject([{ enabled: false }]);
  expect((await operations.listLanes({ appId: APP_ID })).map((listed) => listed.lane)).toContain(`${APP_ID}/SEARCHED`);
  expect(await operations.listLanes({ appId: OTHER_APP_ID })).toEqual([]);
});

test('a run of replays that is left goes on where it stopped, at its rate, and takes each once', async () => {
  answer = { status: 410 };
  const ids: string[] = [];
  for (let n = 0; n < 7; n += 1) {
    clock.advance(1);
    ids.push(await deliver(relay, { url: destination.url, content: '{}', messageType: 'gone' }, 'failed'));
  }
  const dropped = ids[6]!;
  await sql`update delivery set content = null, content_sha256 = sha256(convert_to(content, 'UTF8')) where request_id = ${dropped}`.execute(
    db,
  );
  clock.advance(1);
  const filter = { state: 'failed', messageType: 'gone', appId: APP_ID } as const;
  expect(await operations.previewReplays(filter)).toMatchObject({ count: 6, contentDropped: 1 });
  const left = new AbortController();
  const told: ReplayProgress[] = [];
  const run = { ratePerSecond: 8, actor: 'operator', signal: left.signal };
  const before = destination.receipts.length;
  // Still gone: what is replayed fails again, and is not taken a second time.
  const stopped = await operations.replayMany({
    ...run,
    filter,
    onProgress: (progress) => {
      told.push(progress);
      if (told.length === 2) left.abort();
    },
  });
  expect(stopped).toEqual({ replayed: 4, total: 6, lastRequestId: ids[3] });
  expect(slept).toEqual([250, 250]);
  await destination.received(before + 4);
  const rest = await operations.replayMany({
    ...run,
    filter: { ...filter, after: ids[3]! },
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  expect(rest).toEqual({ replayed: 2, total: 2, lastRequestId: ids[5] });
  await destination.received(before + 6);
  expect(
    destination.receipts
      .slice(before)
      .map((receipt) => receipt.webhookId)
      .toSorted(),
  ).toEqual(ids.slice(0, 6));
  for (const id of ids.slice(0, 6)) {
    const { attemptList } = await inState(relay, id, 'failed');
    expect(attemptList).toHaveLength(2);
  }
  expect(await verifyAuditChain(db, APP_ID)).toMatchObject({ fault: null });
  expect(await operations.verifyChain(APP_ID)).toMatchObject({ faults: [] });
});

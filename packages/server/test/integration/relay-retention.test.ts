import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLog } from '../../src/platform/log.ts';
import { verifyAuditChain } from '../../src/audit/index.ts';
import { createRelayOperations, type Delivery, type RelayRetention } from '../../src/relay/index.ts';
import { maintain } from '../../src/relay/maintenance.ts';
import { findPartitions } from '../../src/relay/partition-store.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver, type Behaviour, type Receiver } from '../support/receiver.ts';
import { PLAIN } from '../support/relay-backlog.ts';
import {
  applications,
  APP_ID,
  eventually,
  OTHER_APP_ID,
  startRelayService,
  vault,
  type RelayService,
} from '../support/relay-service.ts';

const DAY_MS = 86_400_000;
const RETENTION: RelayRetention = { days: 2, contentDays: null, idempotencyHours: 24 };

let database: TestDatabase;
let service: RelayService;
const receivers: Receiver[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  service = await startRelayService({ database });
});
afterEach(async () => {
  await service.stop();
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
  await database.drop();
});

async function receiver(behaviour: Behaviour): Promise<Receiver> {
  const started = await startReceiver(behaviour);
  receivers.push(started);
  return started;
}

const lines: string[] = [];
const log = createLog({ level: 'info', write: (line) => void lines.push(line) });

/** The hourly housekeeping; none of its parts may fail. */
async function keepHouse(retention: RelayRetention = RETENTION): Promise<void> {
  lines.length = 0;
  await maintain({ db: database.db, clock: service.clock, log, retention, vault, wake: () => undefined });
  expect(lines.filter((line) => /"level":"(warn|error)"/.test(line))).toEqual([]);
}

const MESSAGE = { appId: APP_ID, callerNo: null, messageType: 'T', content: '{"n":"ä"}' };
const accept = async (url: string, more = {}): Promise<string> =>
  (await service.relay.accept({ ...MESSAGE, destination: { url }, ...more })).requestId;

function inState(
  requestId: string,
  state: Delivery['state'],
): Promise<NonNullable<Awaited<ReturnType<RelayService['relay']['showDelivery']>>>> {
  return eventually(async () => {
    const delivery = await service.relay.showDelivery(requestId);
    return delivery?.state === state && delivery;
  });
}

const names = async (): Promise<string[]> => (await findPartitions(database.db)).map(({ name }) => name);

describe('partitions', () => {
  test('there is one for today and each of seven days ahead, and each day one more', async () => {
    const before = await names();
    expect(before).toHaveLength(3 * 8);
    await keepHouse({ ...RETENTION, days: 90 });
    expect(await names()).toEqual(before);
    service.clock.advance(DAY_MS);
    await keepHouse({ ...RETENTION, days: 90 });
    expect(await names()).toHaveLength(3 * 9);
  });

  test('two nodes that keep house at once, and one again after a pause of a month, get along', async () => {
    service.clock.advance(30 * DAY_MS);
    await Promise.all([keepHouse({ ...RETENTION, days: 90 }), keepHouse({ ...RETENTION, days: 90 })]);
    const destination = await receiver(() => ACKNOWLEDGED);
    await inState(await accept(destination.url), 'delivered');
    const { rows } = await database.pool.query('select from delivery_default');
    expect(rows).toEqual([]);
  });

  test('a day without one leaves its rows to the default partition: they are delivered and dropped like others', async () => {
    service.clock.advance(60 * DAY_MS);
    const destination = await receiver(() => ACKNOWLEDGED);
    const id = await accept(destination.url);
    await inState(id, 'delivered');
    expect((await database.pool.query('select from delivery_default')).rows).toHaveLength(1);
    service.clock.advance(3 * DAY_MS);
    await keepHouse();
    expect(await service.relay.showDelivery(id)).toBeNull();
    expect((await database.pool.query('select from delivery_attempt')).rows).toEqual([]);
  });
});

describe('retention', () => {
  test('drops whole days of what has ended; deliveries under way survive, are delivered, and are dropped after that', async () => {
    let mended = false;
    const destination = await receiver(({ body }) => {
      if (body.includes('gone')) return { status: 410 };
      return body.includes('ä') || mended ? ACKNOWLEDGED : { status: 404 };
    });
    const delays = { delaysMs: [5 * DAY_MS, 1_000], actor: 'operator', orderingKeyPath: 'key', ...PLAIN };
    await service.relay.setCallee({ appId: APP_ID, calleeNo: 'kept', url: destination.url, ...delays });
    const delivered = await accept(destination.url);
    const failed = await accept(destination.url, { content: '{"n":"gone"}' });
    const to = { destination: { calleeNo: 'kept' } };
    const waiting = await accept('', { ...to, content: '{"n":"waits","key":"K"}' });
    const queued = await accept('', { ...to, content: '{"n":"queued","key":"K"}', respondAsync: true });
    const parked = await accept('', { ...to, content: '{"n":"parked"}' });
    await inState(delivered, 'delivered');
    await inState(failed, 'failed');
    await inState(parked, 'waiting');
    await inState(queued, 'queued');
    await service.relay.park(parked, 'operator');

    service.clock.advance(4 * DAY_MS);
    await keepHouse();
    expect(await service.relay.showDelivery(delivered)).toBeNull();
    expect(await service.relay.showDelivery(failed)).toBeNull();
    await expect(service.relay.replay(delivered, 'operator')).rejects.toMatchObject({ code: 'delivery_not_found' });
    expect((await service.relay.showDelivery(waiting))!.attemptList).toMatchObject([{ reason: 'status_404' }]);
    expect(await service.relay.showDelivery(queued)).toMatchObject({
      state: 'queued',
      content: '{"n":"queued","key":"K"}',
    });

    mended = true;
    service.clock.advance(DAY_MS);
    await inState(waiting, 'delivered');
    await inState(queued, 'delivered');
    await service.relay.release(parked, 'operator');
    expect(await inState(parked, 'delivered')).toMatchObject({ attempts: 2 });
    await keepHouse();
    for (const id of [waiting, queued, parked]) expect(await service.relay.showDelivery(id)).toBeNull();
  });

  test('what it drops is written down, so that the chains hold, and what else is missing is named', async () => {
    const { verifyChain } = createRelayOperations({ db: database.db, clock: service.clock, vault, keys: applications });
    const destination = await receiver(({ body }) => (body.includes('ä') ? ACKNOWLEDGED : { status: 404 }));
    const url = destination.url;
    const days = { delaysMs: [7 * DAY_MS], actor: 'operator', ...PLAIN };
    await service.relay.setCallee({ appId: APP_ID, calleeNo: 'slow', url, ...days });
    const waiting = await accept('', { destination: { calleeNo: 'slow' }, content: '{"n":"waits"}' });
    await inState(waiting, 'waiting');
    const skipped = await accept('', { destination: { calleeNo: 'slow' }, content: '{"n":"skipped"}' });
    await inState(skipped, 'waiting');
    await service.relay.skip(skipped, 'operator');
    await inState(await accept(url, { appId: OTHER_APP_ID }), 'delivered');
    const holds = async (appId = APP_ID) => {
      const report = await verifyChain(appId);
      expect(report.faults).toEqual([]);
      return report;
    };
    let last = '';
    for (let day = 0; day < 5; day += 1) {
      for (const _ of [1, 2]) {
        last = await accept(url);
        await inState(last, 'delivered');
      }
      await keepHouse({ ...RETENTION, contentDays: 1 });
      await holds();
      service.clock.advance(DAY_MS);
    }
    await service.relay.replay(last, 'operator');
    await inState(last, 'delivered');
    await keepHouse({ ...RETENTION, contentDays: 1 });
    const report = await holds();
    expect(report.linksDropped).toBeGreaterThan(4);
    expect(report).toMatchObject({ firstSequence: report.linksDropped + 1, attemptsOlder: 1 });
    expect(report.links).toBe(report.head!.sequence - report.linksDropped);
    // Silent since: all of its links are gone.
    expect(await holds(OTHER_APP_ID)).toMatchObject({ links: 0, linksDropped: 1 });
    for (const appId of [APP_ID, OTHER_APP_ID, '*']) {
      expect((await verifyAuditChain(database.db, appId)).fault).toBeNull();
    }

    const first = report.firstSequence!;
    await database.pool.query('delete from delivery_attempt_link where app_id = $1 and sequence = $2', [APP_ID, first]);
    expect((await verifyChain(APP_ID)).faults).toContainEqual({
      kind: 'link_missing',
      sequence: first,
      lastSequence: first,
    });
    await database.pool.query('update delivery_chain set hash = sha256(hash) where app_id = $1', [OTHER_APP_ID]);
    expect((await verifyChain(OTHER_APP_ID)).faults).toEqual([{ kind: 'head_differs', sequence: 1 }]);
  });

  test('links of days without a partition are written down too', async () => {
    const { verifyChain } = createRelayOperations({ db: database.db, clock: service.clock, vault, keys: applications });
    const destination = await receiver(() => ACKNOWLEDGED);
    await inState(await accept(destination.url), 'delivered');
    service.clock.advance(60 * DAY_MS);
    for (const _ of [1, 2, 3]) await inState(await accept(destination.url), 'delivered');
    service.clock.advance(3 * DAY_MS);
    await keepHouse();
    expect(await verifyChain(APP_ID)).toMatchObject({ links: 0, linksDropped: 4, faults: [] });
    await inState(await accept(destination.url), 'delivered');
    expect(await verifyChain(APP_ID)).toMatchObject({ links: 1, linksDropped: 4, faults: [] });
  });

  test('under load nothing is lost while a day is dropped', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    await inState(await accept(destination.url), 'delivered');
    service.clock.advance(3 * DAY_MS);
    const [ids] = await Promise.all([
      Promise.all(Array.from({ length: 200 }, () => accept(destination.url, { respondAsync: true }))),
      keepHouse(),
      keepHouse(),
    ]);
    await Promise.all(ids.map((id) => inState(id, 'delivered')));
    expect(destination.receipts).toHaveLength(201);
  });

  test('contents of delivered messages go earlier; their SHA-256, the failed and what is under way stay', async () => {
    const destination = await receiver(({ body }) => {
      if (body.includes('gone')) return { status: 410 };
      return body.includes('ä') ? ACKNOWLEDGED : { status: 404 };
    });
    const delivered = await accept(destination.url);
    const failed = await accept(destination.url, { content: '{"n":"gone"}' });
    const waiting = await accept(destination.url, { content: '{"n":"waits"}' });
    const replayed = await accept(destination.url);
    for (const id of [delivered, replayed]) await inState(id, 'delivered');
    const { dueAt } = await inState(waiting, 'waiting');
    expect(dueAt).not.toBeNull();
    const early = { days: 30, contentDays: 1, idempotencyHours: 24 };
    await keepHouse(early);
    expect((await service.relay.showDelivery(delivered))!.content).toBe(MESSAGE.content);

    service.clock.advance(2 * DAY_MS);
    await service.relay.replay(replayed, 'operator');
    await keepHouse(early);
    const { rows } = await database.pool.query('select content, content_sha256 from delivery where request_id = $1', [
      delivered,
    ]);
    expect(rows).toEqual([{ content: null, content_sha256: createHash('sha256').update(MESSAGE.content).digest() }]);
    expect(await service.relay.showDelivery(delivered)).toMatchObject({ state: 'delivered', content: null });
    expect((await service.relay.showDelivery(delivered))!.attemptList).toHaveLength(1);
    expect((await service.relay.showDelivery(failed))!.content).toBe('{"n":"gone"}');
    expect((await service.relay.showDelivery(waiting))!.content).toBe('{"n":"waits"}');
    await expect(service.relay.replay(delivered, 'operator')).rejects.toMatchObject({
      code: 'delivery_content_dropped',
    });
    await service.relay.replay(failed, 'operator');
    await inState(failed, 'failed');
  });

  test('a replay and the dropping of its content at once: either it is sent whole, or it is refused', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const ids = await Promise.all(Array.from({ length: 40 }, () => accept(destination.url)));
    await Promise.all(ids.map((id) => inState(id, 'delivered')));
    service.clock.advance(2 * DAY_MS);
    const results = await Promise.all([
      ...ids.map((id) =>
        service.relay.replay(id, 'operator').then(
          () => id,
          () => null,
        ),
      ),
      keepHouse({ days: 30, contentDays: 1, idempotencyHours: 24 }),
    ]);
    const sent = results.filter((id) => typeof id === 'string');
    await Promise.all(sent.map((id) => inState(id, 'delivered')));
    expect(destination.receipts).toHaveLength(40 + sent.length);
    expect((await database.pool.query('select from delivery_queue')).rows).toEqual([]);
  });

  test('idempotency keys are forgotten after their time', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const first = await accept(destination.url, { idempotencyKey: 'key-1' });
    service.clock.advance(23 * 3_600_000);
    await keepHouse();
    expect(await accept(destination.url, { idempotencyKey: 'key-1' })).toBe(first);
    service.clock.advance(2 * 3_600_000);
    await keepHouse();
    expect(await accept(destination.url, { idempotencyKey: 'key-1' })).not.toBe(first);
  });
});

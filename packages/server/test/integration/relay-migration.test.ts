import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { migrate } from '../../src/platform/database/index.ts';
import { MIGRATIONS_FOLDER } from '../../src/platform/database/migrations.ts';
import { uuidV7 } from '../../src/platform/ids.ts';
import { laneOfCallee, laneOfUrl } from '../../src/relay/lane.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver, type Receiver } from '../support/receiver.ts';
import { APP_ID, eventually, startRelayService, TestClock, type RelayService } from '../support/relay-service.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const database = await createTestDatabase({ migrated: false });
const clock = new TestClock();
const NOW = clock.now();
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const services: RelayService[] = [];

afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
});
afterAll(async () => {
  await destination.close();
  await database.drop();
});

interface OldRow {
  readonly state: 'leased' | 'waiting' | 'parked' | 'delivered' | 'failed';
  readonly ageMs?: number;
  readonly calleeNo?: string;
  readonly dueInMs?: number;
  readonly attempts?: number;
  readonly reason?: string;
  readonly url?: string;
}

/** Every state there was, as the relay before wrote it. */
const OLD: Readonly<Record<string, OldRow>> = {
  delivered: { state: 'delivered', attempts: 2, ageMs: 40 * DAY_MS },
  failed: { state: 'failed', attempts: 20, reason: 'status_500', ageMs: DAY_MS },
  refused: { state: 'failed', attempts: 0, reason: 'address_forbidden' },
  due: { state: 'waiting', dueInMs: -MINUTE_MS },
  retrying: { state: 'waiting', dueInMs: 5 * MINUTE_MS, attempts: 3, reason: 'status_503' },
  ofOff: { state: 'waiting', dueInMs: -MINUTE_MS, calleeNo: 'off' },
  parked: { state: 'parked', calleeNo: 'off', attempts: 1, reason: 'destination_disabled' },
  parkedButOn: { state: 'parked', calleeNo: 'on', attempts: 1, reason: 'destination_disabled' },
  leased: { state: 'leased', dueInMs: MINUTE_MS, attempts: 1 },
  leaseEnded: { state: 'leased', dueInMs: -MINUTE_MS, attempts: 1 },
  old: { state: 'waiting', dueInMs: -MINUTE_MS, ageMs: 100 * DAY_MS },
  oddUrl: { state: 'waiting', dueInMs: -MINUTE_MS, url: 'HTTP://127.0.0.1:9?x=1' },
};
const ids: Record<string, string> = {};
let destination: Receiver;

const inState = (service: RelayService, name: string, state: string) =>
  eventually(async () => {
    const delivery = await service.relay.showDelivery(ids[name]!);
    return delivery?.state === state && delivery;
  });

async function start(): Promise<RelayService> {
  const service = await startRelayService({ database, clock });
  services.push(service);
  return service;
}

/** The migrations before the queue stood apart. */
async function migrateTo0012(): Promise<void> {
  const folder = await makeTemporaryFolder('yinxin-test-migrations-');
  const files = (await readdir(MIGRATIONS_FOLDER)).filter((name) => name < '0013');
  for (const name of files) await cp(new URL(name, MIGRATIONS_FOLDER), join(folder, name));
  await migrate(database.pool, pathToFileURL(`${folder}/`));
  await rm(folder, { recursive: true });
}

async function insertOld(name: string, row: OldRow): Promise<void> {
  const { state, ageMs = 0, calleeNo = null, dueInMs = 0, attempts = 0, reason = null } = row;
  const acceptedAt = new Date(NOW.getTime() - ageMs);
  const isDue = state === 'leased' || state === 'waiting';
  ids[name] = uuidV7(acceptedAt);
  await database.pool.query(
    `insert into delivery (app_id, request_id, state, profile, url, callee_app_id, callee_no, message_type, content,
                           attempts, schedule_attempts, lease_token, lease_owner, due_at, reason, accepted_at, ended_at)
     values ($1, $2, $3, 'etc-relay', $4, $5, $6, 'T', $7, $8::integer, $8::integer, $8::integer, $9, $10, $11, $12, $13)`,
    [
      APP_ID,
      ids[name],
      state,
      row.url ?? destination.url,
      calleeNo === null ? null : APP_ID,
      calleeNo,
      `{"name":"${name}"}`,
      attempts,
      state === 'leased' ? 'a node of before' : null,
      isDue ? new Date(NOW.getTime() + dueInMs) : null,
      reason,
      acceptedAt,
      isDue || state === 'parked' ? null : acceptedAt,
    ],
  );
  for (let number = 1; number <= attempts; number += 1) {
    await database.pool.query(
      `insert into delivery_attempt (app_id, request_id, number, started_at, duration_ms, outcome, status, reason, url, node)
       values ($1, $2, $3, $4, 5, 'unacknowledged', 500, 'status_500', $5, 'a node of before')`,
      [APP_ID, ids[name], number, acceptedAt, destination.url],
    );
  }
}

beforeAll(async () => {
  destination = await startReceiver(() => ACKNOWLEDGED);
  await migrateTo0012();
  for (const [calleeNo, enabled] of [
    ['on', true],
    ['off', false],
  ] as const) {
    await database.pool.query(
      `insert into callee (app_id, callee_no, url, profile, sign_type, enabled, delays_ms, created_at, updated_at)
       values ($1, $2, $3, 'etc-relay', 'RSA', $4, '{1000,2000}', now(), now())`,
      [APP_ID, calleeNo, destination.url, enabled],
    );
  }
  for (const [name, row] of Object.entries(OLD)) await insertOld(name, row);
  await database.pool.query(
    `insert into delivery_idempotency_key (app_id, idempotency_key, fingerprint, request_id, created_at)
     values ($1, 'key-1', '\\x00', $2, now())`,
    [APP_ID, ids['delivered']],
  );
  const { applied } = await migrate(database.pool);
  expect(applied).toContain('0014_relay_queue.sql');
});

describe('a database of the relay before, migrated', () => {
  test('has every delivery and attempt, what is under way in the queue alone, each in its lane', async () => {
    const { rows } = await database.pool.query<{
      id: string;
      lane: string;
      state: string;
      due: Date;
      reason: string | null;
    }>('select request_id as id, lane, state, due_at as due, reason from delivery_queue');
    const queued = new Map(rows.map((row) => [row.id, row]));
    const underWay = Object.keys(OLD).filter((name) => !['delivered', 'failed'].includes(OLD[name]!.state));
    expect([...queued.keys()].toSorted()).toEqual(underWay.map((name) => ids[name]!).toSorted());
    expect(queued.get(ids['leased']!)).toMatchObject({ state: 'leased', due: new Date(NOW.getTime() + MINUTE_MS) });
    expect(queued.get(ids['retrying']!)).toMatchObject({ state: 'waiting', reason: 'status_503' });
    expect(queued.get(ids['parked']!)).toMatchObject({ state: 'waiting', due: NOW });
    expect(queued.get(ids['due']!)!.lane).toBe(laneOfUrl(APP_ID, destination.url));
    expect(queued.get(ids['oddUrl']!)!.lane).toBe(laneOfUrl(APP_ID, OLD['oddUrl']!.url!));
    expect(queued.get(ids['ofOff']!)!.lane).toBe(laneOfCallee({ appId: APP_ID, calleeNo: 'off' }));
    const counts = await database.pool.query<{ deliveries: number; attempts: number }>(
      `select (select count(*) from delivery)::integer as deliveries, (select count(*) from delivery_attempt)::integer as attempts`,
    );
    const attempts = Object.values(OLD).reduce((sum, row) => sum + (row.attempts ?? 0), 0);
    expect(counts.rows).toEqual([{ deliveries: Object.keys(OLD).length, attempts }]);
    // Nothing of it is in the way of the days to come.
    expect((await database.pool.query('select from delivery_default')).rows).toEqual([]);
  });

  test('a relay on it delivers what waited, at its time, once; what has ended is as it was', async () => {
    const service = await start();
    for (const name of ['due', 'old', 'parkedButOn', 'leaseEnded']) {
      expect(await inState(service, name, 'delivered')).toMatchObject({ reason: null });
    }
    for (const name of ['ofOff', 'parked']) {
      expect(await inState(service, name, 'parked')).toMatchObject({ reason: 'destination_disabled' });
    }
    expect(await inState(service, 'retrying', 'waiting')).toMatchObject({ attempts: 3, reason: 'status_503' });
    expect(await inState(service, 'leased', 'leased')).toMatchObject({ attempts: 1 });
    expect(await inState(service, 'delivered', 'delivered')).toMatchObject({ attempts: 2, reason: null });
    expect(await inState(service, 'failed', 'failed')).toMatchObject({ attempts: 20, reason: 'status_500' });
    expect(await inState(service, 'refused', 'failed')).toMatchObject({ attempts: 0, reason: 'address_forbidden' });

    await service.relay.setCallee({ appId: APP_ID, calleeNo: 'off', enabled: true, actor: 'operator' });
    clock.advance(5 * MINUTE_MS);
    for (const name of ['ofOff', 'parked', 'retrying', 'leased']) await inState(service, name, 'delivered');
    await service.relay.replay(ids['failed']!, 'operator');
    expect(await inState(service, 'failed', 'delivered')).toMatchObject({ attempts: 21, reason: null });
    const names = destination.receipts.map(
      ({ json }) => (JSON.parse(String(json['request_content'])) as { name: string }).name,
    );
    const sent = ['due', 'failed', 'leaseEnded', 'leased', 'ofOff', 'old', 'parked', 'parkedButOn', 'retrying'];
    expect(names.toSorted()).toEqual(sent);
  });

  test('retention drops what came before as one day', async () => {
    const service = await start();
    clock.advance(200 * DAY_MS);
    await service.relay.maintain();
    expect(await service.relay.showDelivery(ids['delivered']!)).toBeNull();
    const { rows } = await database.pool.query('select from delivery_idempotency_key');
    expect(rows).toEqual([]);
  });
});

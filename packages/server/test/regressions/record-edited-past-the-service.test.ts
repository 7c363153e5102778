/**
 * Somebody with the database's password deleted everything of an application, cut off its oldest days, changed a message
 * after it was delivered, and made a failed callback a delivered one. `yinxin audit verify` said that the record holds: it
 * took every deletion for retention's, and hashed tries without their messages.
 */
import { sql, type RawBuilder } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRelayOperations } from '../../src/relay/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { deliver, inState } from '../support/delivery-history.ts';
import { PLAIN } from '../support/relay-backlog.ts';
import { ACKNOWLEDGED, startReceiver } from '../support/receiver.ts';
import { applications, APP_ID, eventually, startRelayService, vault } from '../support/relay-service.ts';

const database = await createTestDatabase();
const { db } = database;
const service = await startRelayService({ database });
const { relay, clock } = service;
const operations = createRelayOperations({ db, clock, vault, keys: applications });
let isWell = true;
const destination = await startReceiver(({ body }) => {
  if (body.includes('gone')) return { status: 410 };
  return isWell ? ACKNOWLEDGED : { status: 500 };
});
const TABLES = ['delivery', 'delivery_attempt', 'delivery_attempt_link', 'delivery_chain', 'delivery_queue'];
const ofApp = sql`app_id = ${APP_ID}`;
const HEAD = { appId: APP_ID, callerNo: null, messageType: 'T' };
let failed: string;
let delivered: string;

const accept = async (calleeNo: string, content: string): Promise<string> =>
  (await relay.accept({ ...HEAD, destination: { calleeNo }, content, respondAsync: true })).requestId;

/** It waits for its next try after so many: before the first one of a schedule it waits too. */
const waitsAfter = (requestId: string, attempts: number) =>
  eventually(async () => {
    const shown = await relay.showDelivery(requestId);
    return shown?.state === 'waiting' && shown.attemptList.length === attempts;
  });

/** Everything that honestly comes to pass with a callback. */
beforeAll(async () => {
  const callee = { appId: APP_ID, url: destination.url, actor: 'operator', ...PLAIN, delaysMs: [60_000] };
  await relay.setCallee({ ...callee, calleeNo: 'latest', orderingKeyPath: 'key', latestOnly: true });
  await relay.setCallee({ ...callee, calleeNo: 'ordered', orderingKeyPath: 'key' });
  delivered = await deliver(relay, { url: destination.url, content: '{"amount":1}' }, 'delivered');
  failed = await deliver(relay, { url: destination.url, content: '"gone"' }, 'failed');
  isWell = false;
  const superseded = await accept('latest', '{"key":"K","n":1}');
  await waitsAfter(superseded, 1);
  await accept('latest', '{"key":"K","n":2}');
  await inState(relay, superseded, 'failed');
  const first = await accept('ordered', '{"key":"K","n":1}');
  await waitsAfter(first, 1);
  const untried = await accept('ordered', '{"key":"K","n":2}');
  await inState(relay, untried, 'queued');
  await relay.skip(untried, 'operator');
  await relay.park(first, 'operator');
  // Its leases ended with their nodes until there is no other try.
  const givenUp = await deliver(relay, { url: destination.url, content: '{}' }, 'waiting');
  await sql`update delivery_queue set attempts = 99, schedule_attempts = 99 where request_id = ${givenUp}`.execute(db);
  clock.advance(5_000);
  await inState(relay, givenUp, 'failed');
  const forbidden = await relay.accept({ ...HEAD, destination: { url: 'http://10.1.2.3/' }, content: '{}' });
  expect(forbidden.outcome).toBe('failed');
  // Delivered, sent again by hand, and refused then.
  const replayed = await deliver(relay, { url: destination.url, content: '{"twice":1}' }, 'waiting');
  isWell = true;
  clock.advance(10_000);
  await inState(relay, replayed, 'delivered');
  await relay.replay(replayed, 'operator');
  await inState(relay, replayed, 'delivered');
  isWell = false;
  await relay.replay(replayed, 'operator');
  await waitsAfter(replayed, 4);
  await relay.skip(replayed, 'operator');
  await service.stop();
});
afterAll(async () => {
  await destination.close();
  await database.drop();
});

/** The faults that edits leave; the edits are taken back. */
async function faults(...edits: RawBuilder<unknown>[]) {
  for (const table of TABLES) {
    await sql`create table ${sql.id(`kept_${table}`)} as select * from ${sql.id(table)}`.execute(db);
  }
  for (const edit of edits) await edit.execute(db);
  const report = await operations.verifyChain(APP_ID);
  for (const table of TABLES) {
    await sql`delete from ${sql.id(table)}`.execute(db);
    const values = table === 'delivery_queue' ? sql`overriding system value select *` : sql`select *`;
    await sql`insert into ${sql.id(table)} ${values} from ${sql.id(`kept_${table}`)}`.execute(db);
    await sql`drop table ${sql.id(`kept_${table}`)}`.execute(db);
  }
  return report.faults;
}

test('whatever honestly became of a callback, its chain holds', async () => {
  expect(await operations.verifyChain(APP_ID)).toMatchObject({ linksDropped: 0, attemptsOlder: 0, faults: [] });
  expect(await faults()).toEqual([]);
});

test('everything of the application deleted: each link up to the head is missing', async () => {
  const { head } = await operations.verifyChain(APP_ID);
  const tables = ['delivery_queue', 'delivery_attempt_link', 'delivery_attempt', 'delivery'];
  expect(await faults(...tables.map((table) => sql`delete from ${sql.id(table)} where ${ofApp}`))).toEqual([
    { kind: 'link_missing', sequence: 1, lastSequence: head!.sequence },
  ]);
});

test('the oldest part cut off where no callback straddles: its links are missing', async () => {
  const found = await faults(
    sql`delete from delivery_attempt_link where ${ofApp} and sequence = 1`,
    sql`delete from delivery_attempt where request_id = ${delivered}`,
    sql`delete from delivery where request_id = ${delivered}`,
  );
  expect(found).toEqual([{ kind: 'link_missing', sequence: 1, lastSequence: 1 }]);
});

test('a message that was changed is named, and its evidence is not signed', async () => {
  expect(await faults(sql`update delivery set content = '{"amount":9}' where request_id = ${delivered}`)).toEqual([
    { kind: 'attempt_changed', sequence: 1, requestId: delivered, number: 1 },
  ]);
});

test('a failed callback that was made a delivered one is named', async () => {
  const flip = sql`update delivery set failed_at = null, reason = null where request_id = ${failed}`;
  expect(await faults(flip)).toEqual([{ kind: 'delivery_unacknowledged', requestId: failed }]);
});

test('a callback that was deleted while its tries stay is named', async () => {
  expect(await faults(sql`delete from delivery where request_id = ${failed}`)).toEqual([
    { kind: 'delivery_missing', sequence: 2, requestId: failed, number: 1 },
  ]);
});

test('a planted callback is named, even where its id says that it is older than everything', async () => {
  const id = '016f5e66-e800-7000-8000-000000000000';
  const found = await faults(
    sql`
      insert into delivery (app_id, request_id, profile, url, message_type, content, accepted_at)
      values (${APP_ID}, ${id}, 'etc-relay', ${destination.url}, 'T', '{}', '2020-01-01')`,
    sql`
      insert into delivery_attempt (app_id, request_id, number, started_at, duration_ms, outcome, url, node)
      values (${APP_ID}, ${id}, 1, '2020-01-01', 1, 'acknowledged', ${destination.url}, 'node-1')`,
  );
  expect(found).toEqual([{ kind: 'attempt_unlinked', requestId: id, number: 1 }]);
});

test('an attempt from before there were chains is older, not planted', async () => {
  const before = sql`
    update schema_migration set applied_at = applied_at - interval '2 days' where version = 8`;
  const plant = sql`
    insert into delivery_attempt (app_id, request_id, number, started_at, duration_ms, outcome, url, node)
    values (${APP_ID}, '016f5e66-e800-7000-8000-000000000000', 1, '2020-01-01', 1, 'refused', ${destination.url}, 'x')`;
  expect(await faults(before, plant)).toEqual([]);
});

test('a planted try is named, however long ago it says it was', async () => {
  const plant = sql`
    insert into delivery_attempt (app_id, request_id, number, started_at, duration_ms, outcome, url, node)
    values (${APP_ID}, ${failed}, 2, '2020-01-01', 1, 'acknowledged', ${destination.url}, 'node-1')`;
  const flip = sql`update delivery set failed_at = null, reason = null where request_id = ${failed}`;
  expect(await faults(plant, flip)).toEqual([{ kind: 'attempt_unlinked', requestId: failed, number: 2 }]);
});

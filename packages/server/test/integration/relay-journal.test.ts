import { sql } from 'kysely';
import { afterAll, afterEach, expect, test } from 'vitest';
import { uuidV7 } from '../../src/platform/ids.ts';
import { laneOfUrl } from '../../src/relay/lane.ts';
import { deleteJournals, insertJournal, isJournalable, takeUpJournals } from '../../src/relay/journal-store.ts';
import { createRelayOperations } from '../../src/relay/index.ts';
import type { NewDelivery } from '../../src/relay/store.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver, type Behaviour, type Receiver } from '../support/receiver.ts';
import {
  APP_ID,
  eventually,
  OTHER_APP_ID,
  applications,
  startRelayService,
  vault,
  type RelayService,
  type RelayServiceOptions,
} from '../support/relay-service.ts';

/** A message whose first attempt is answered at once stands in the journal alone until it is written with its outcome. */
const database = await createTestDatabase({ poolSizeMax: 12 });
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await sql`truncate delivery, delivery_queue, delivery_attempt, delivery_journal`.execute(database.db);
});
afterAll(() => database.drop());

async function node(options: Partial<RelayServiceOptions> = {}): Promise<RelayService> {
  const started = await startRelayService({ database, ...options });
  closing.push(started.stop);
  return started;
}

async function receiver(behaviour: Behaviour): Promise<Receiver> {
  const started = await startReceiver(behaviour);
  closing.push(started.close);
  return started;
}

async function countOf(
  table: 'delivery' | 'delivery_queue' | 'delivery_attempt' | 'delivery_journal',
): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*)::integer as n from ${sql.table(table)}`.execute(
    database.db,
  );
  return rows[0]?.n ?? -1;
}

const message = (url: string, change: object = {}) => ({
  appId: APP_ID,
  destination: { url },
  callerNo: null,
  messageType: 'T',
  content: '{"n":1}',
  ...change,
});

/** Nothing is written to a table until the returned function is called. */
async function hold(table: 'delivery' | 'delivery_journal'): Promise<() => Promise<void>> {
  const client = await database.pool.connect();
  await client.query(`begin`);
  await client.query(`lock table ${table} in share row exclusive mode`);
  return async () => {
    await client.query('rollback');
    client.release();
  };
}

function row(change: Partial<NewDelivery> = {}): NewDelivery {
  const url = 'http://127.0.0.1:9/';
  const now = new Date();
  return {
    appId: APP_ID,
    requestId: uuidV7(now),
    lane: laneOfUrl(APP_ID, url),
    state: 'leased',
    orderingKey: null,
    latestOnly: false,
    profile: 'plain',
    url,
    urlVersion: null,
    calleeAppId: null,
    calleeNo: null,
    callerNo: null,
    messageType: 'T',
    content: '{"n":"\\u0000 \\" 印信"}',
    contentBytes: 7,
    attemptsMax: null,
    delaysMs: null,
    traceParent: null,
    leaseOwner: 'gone',
    dueAt: new Date(now.getTime() - 1_000),
    reason: null,
    acceptedAt: new Date(now.getTime() - 46_000),
    occurredAt: null,
    idempotency: null,
    ...change,
  };
}

test('a message is on disk in the journal when it goes out, and in no other table', async () => {
  const seen: number[][] = [];
  const destination = await receiver(async () => {
    seen.push([await countOf('delivery_journal'), await countOf('delivery'), await countOf('delivery_queue')]);
    return ACKNOWLEDGED;
  });
  const { relay } = await node({ limits: { journalMs: 3_000 } });
  const told = await relay.accept(message(destination.url));
  expect(told.outcome).toBe('delivered');
  expect(seen).toEqual([[1, 0, 0]]);
  const shown = await relay.showDelivery(told.requestId);
  expect(shown).toMatchObject({ state: 'delivered', attempts: 1, content: '{"n":1}' });
  expect(shown?.attemptList).toMatchObject([{ number: 1, outcome: 'acknowledged', status: 200 }]);
  expect(await countOf('delivery_queue')).toBe(0);
  await eventually(async () => (await countOf('delivery_journal')) === 0);
});

test('what is answered at once is there at once for this node: show, list, replay', async () => {
  const destination = await receiver(() => ACKNOWLEDGED);
  const { relay } = await node({ limits: { settleGatherMs: 300, journalMs: 3_000 } });
  const one = await relay.accept(message(destination.url));
  expect((await relay.showDelivery(one.requestId))?.state).toBe('delivered');
  const two = await relay.accept(message(destination.url));
  expect((await relay.listDeliveries({ limit: 9 })).map(({ requestId }) => requestId)).toContain(two.requestId);
  const three = await relay.accept(message(destination.url));
  await relay.replay(three.requestId, 'test');
  await destination.received(4);
});

test('an attempt that takes long: the message gets rows of its own meanwhile, and its outcome afterwards', async () => {
  const held = Promise.withResolvers<void>();
  const destination = await receiver(async () => {
    await held.promise;
    return ACKNOWLEDGED;
  });
  const { relay } = await node({ limits: { journalMs: 40 } });
  const told = relay.accept(message(destination.url));
  const queued = await eventually(async () => {
    const { rows } = await sql<{ state: string; lease_token: number }>`
      select state, lease_token from delivery_queue`.execute(database.db);
    return rows[0];
  });
  expect(queued).toEqual({ state: 'leased', lease_token: 1 });
  await eventually(async () => (await countOf('delivery_journal')) === 0);
  held.resolve();
  expect((await told).outcome).toBe('delivered');
  await eventually(async () => (await countOf('delivery_queue')) === 0);
  const { requestId } = await told;
  expect((await relay.showDelivery(requestId))?.attemptList).toHaveLength(1);
});

test('a refusal for good is told when it is on disk; what fails for now waits in the queue', async () => {
  const refusing = await receiver(() => ({ status: 410, body: '' }));
  const failing = await receiver(() => ({ status: 500, body: '' }));
  const { relay } = await node({ limits: { journalMs: 3_000 } });
  const gone = await relay.accept(message(refusing.url));
  const { rows } = await sql<{ reason: string }>`
    select reason from delivery where request_id = ${gone.requestId} and failed_at is not null
  `.execute(database.db);
  expect([gone.outcome, rows]).toEqual(['failed', [{ reason: 'gone' }]]);
  const later = await relay.accept(message(failing.url));
  expect(later.outcome).toBe('retrying');
  expect(await relay.showDelivery(later.requestId)).toMatchObject({
    state: 'waiting',
    attempts: 1,
    reason: 'status_500',
  });
});

test('tables that take no rows for a while: the destination has it, the caller is told, and the rows come later', async () => {
  const destination = await receiver(() => ACKNOWLEDGED);
  const { relay } = await node({ limits: { journalMs: 3_000 } });
  const release = await hold('delivery');
  const told = await relay.accept(message(destination.url));
  expect(told.outcome).toBe('delivered');
  expect(await relay.outcome(told.requestId)).toMatchObject({ state: 'delivered' });
  await release();
  expect((await relay.showDelivery(told.requestId))?.attemptList).toHaveLength(1);
});

test('a journal that cannot be written: nothing goes out', async () => {
  const destination = await receiver(() => ACKNOWLEDGED);
  const { relay, post } = await node();
  await sql`alter table delivery_journal rename to elsewhere`.execute(database.db);
  try {
    const answer = await post({
      app_id: APP_ID,
      callback_url: destination.url,
      message_type: 'T',
      request_message: { n: 1 },
    });
    expect(answer['code']).toBe('500');
  } finally {
    await sql`alter table elsewhere rename to delivery_journal`.execute(database.db);
  }
  expect(destination.receipts).toEqual([]);
  expect(await relay.listDeliveries({ limit: 9 })).toEqual([]);
});

test('another node knows of a message that stands in a journal, and of nothing else', async () => {
  const { relay, query } = await node({ nodeName: 'other' });
  const held = row({ dueAt: new Date(Date.now() + 60_000) });
  const foreign = row({ appId: OTHER_APP_ID, dueAt: new Date(Date.now() + 60_000) });
  const id = uuidV7(new Date());
  await insertJournal(database.db, { id, leaseEndsAt: new Date(Date.now() + 60_000), rows: [foreign, held] });
  expect(await relay.outcome(held.requestId)).toEqual({ appId: APP_ID, requestId: held.requestId, state: 'leased' });
  expect((await query(`request_id=${held.requestId}`))['code']).toBe('202');
  expect((await query(`request_id=${foreign.requestId}`))['code']).toBe('404');
  expect(await relay.outcome(uuidV7(new Date()))).toBeNull();
  await deleteJournals(database.db, [id]);
});

test('what a dead node left is taken up when its lease has ended, but for what has rows already, and delivered once', async () => {
  const destination = await receiver(() => ACKNOWLEDGED);
  const left = [1, 2, 3].map((n) =>
    row({ url: destination.url, lane: laneOfUrl(APP_ID, destination.url), content: `{"n":${n}}` }),
  );
  const alive = row({ dueAt: new Date(Date.now() + 60_000) });
  const now = new Date();
  await insertJournal(database.db, { id: uuidV7(now), leaseEndsAt: new Date(now.getTime() - 1_000), rows: left });
  await insertJournal(database.db, { id: uuidV7(now), leaseEndsAt: new Date(now.getTime() + 60_000), rows: [alive] });
  await sql`insert into delivery (app_id, request_id, profile, url, message_type, content, accepted_at)
            values (${APP_ID}, ${left[1]!.requestId}, 'plain', 'http://127.0.0.1:9/', 'T', '{}', now())`.execute(
    database.db,
  );
  const { relay } = await node({ nodeName: 'survivor' });
  await destination.received(2);
  expect(destination.receipts.map(({ webhookId }) => webhookId).toSorted()).toEqual(
    [left[0]!.requestId, left[2]!.requestId].toSorted(),
  );
  const shown = await relay.showDelivery(left[0]!.requestId);
  expect(shown).toMatchObject({ content: '{"n":1}', attempts: 2 });
  expect(await countOf('delivery_journal')).toBe(1);
});

test('one that no table takes keeps none of the others from their rows, and is tried again later', async () => {
  const bad = row({ contentBytes: 3_000_000_000 });
  const good = row();
  await insertJournal(database.db, { id: uuidV7(new Date()), leaseEndsAt: new Date(0), rows: [bad, good] });
  const faults: string[] = [];
  const now = new Date();
  await takeUpJournals(database.db, now, (_error, requestId) => void faults.push(requestId));
  expect(faults).toEqual([bad.requestId]);
  const { rows } = await sql<{ request_id: string }>`select request_id from delivery`.execute(database.db);
  expect(rows.map(({ request_id }) => request_id)).toEqual([good.requestId]);
  // It stays there alone: when the others' rows have gone with their day, they are not sent again.
  const { rows: kept } = await sql<{ isLater: boolean; request_ids: string[]; count: number }>`
    select lease_ends_at > ${now} as "isLater", request_ids, jsonb_array_length(entries::jsonb) as count
    from delivery_journal
  `.execute(database.db);
  expect(kept).toEqual([{ isLater: true, request_ids: [bad.requestId], count: 1 }]);
});

test('a node that was asleep past its lease finds the message taken up: its attempt is recorded, nothing stands twice', async () => {
  const held = Promise.withResolvers<void>();
  const destination = await receiver(async () => {
    await held.promise;
    return ACKNOWLEDGED;
  });
  const { relay } = await node({ limits: { journalMs: 60_000 } });
  const told = relay.accept(message(destination.url));
  await destination.received(1);
  await sql`update delivery_journal set lease_ends_at = now() - interval '1 second'`.execute(database.db);
  await takeUpJournals(database.db, new Date(), () => undefined);
  expect([await countOf('delivery'), await countOf('delivery_queue'), await countOf('delivery_journal')]).toEqual([
    1, 1, 0,
  ]);
  held.resolve();
  expect((await told).outcome).toBe('delivered');
  await eventually(async () => (await countOf('delivery_queue')) === 0);
  const { requestId } = await told;
  expect(await relay.showDelivery(requestId)).toMatchObject({ state: 'delivered', attempts: 1 });
  expect(await countOf('delivery')).toBe(1);
});

test('only what depends on nothing else is journaled', () => {
  expect(isJournalable(row())).toBe(true);
  expect(isJournalable(row({ orderingKey: 'K' }))).toBe(false);
  expect(isJournalable(row({ idempotency: { key: 'k', fingerprint: Buffer.alloc(32) } }))).toBe(false);
  expect(isJournalable(row({ state: 'waiting' }))).toBe(false);
  expect(isJournalable(row({ messageType: 'a\0b' }))).toBe(false);
});

test('a hundred thousand characters beside small ones, in one batch and out of it', async () => {
  const destination = await receiver(() => ACKNOWLEDGED);
  const { relay } = await node();
  const contents = ['{"a":1}', JSON.stringify({ x: '"\\ 印信 🀄 '.repeat(12_000) }), '{"b":"\\u0000"}', '[]'];
  const told = await Promise.all(contents.map((content) => relay.accept(message(destination.url, { content }))));
  expect(told.map(({ outcome }) => outcome)).toEqual(contents.map(() => 'delivered'));
  const shown = await Promise.all(told.map(({ requestId }) => relay.showDelivery(requestId)));
  expect(shown.map((delivery) => delivery?.content)).toEqual(contents);
});

/** Resolves when a statement with that text waits for a lock. */
const isHeld = (text: string) =>
  eventually(async () => {
    const { rows } = await sql`
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like ${`%${text}%`}
    `.execute(database.db);
    return rows.length > 0;
  });

test('a node that stops sends what is just being written to the journal, and settles it', async () => {
  const held = Promise.withResolvers<void>();
  const destination = await receiver(async () => {
    await held.promise;
    return ACKNOWLEDGED;
  });
  const { relay } = await node({ limits: { journalMs: 20 } });
  const release = await hold('delivery_journal');
  const told = relay.accept(message(destination.url));
  await isHeld('into delivery_journal');
  let isStopped = false;
  const stopping = relay.stop().then(() => (isStopped = true));
  await release();
  await destination.received(1);
  await eventually(async () => (await countOf('delivery_queue')) === 1);
  expect(isStopped).toBe(false);
  held.resolve();
  await stopping;
  expect((await told).outcome).toBe('delivered');
  expect([await countOf('delivery'), await countOf('delivery_queue'), await countOf('delivery_journal')]).toEqual([
    1, 0, 0,
  ]);
});

test('a chain that is held up holds up no other application: messages get their rows without their outcomes', async () => {
  const destination = await receiver(() => ACKNOWLEDGED);
  const { relay } = await node({ limits: { unwrittenMax: 4 } });
  await relay.accept(message(destination.url));
  await eventually(async () => (await countOf('delivery')) === 1);
  const client = await database.pool.connect();
  await client.query('begin');
  await client.query('select from delivery_chain for update');
  const first = await Promise.all([1, 2, 3, 4].map(() => relay.accept(message(destination.url))));
  expect(first.map(({ outcome }) => outcome)).toEqual(['delivered', 'delivered', 'delivered', 'delivered']);
  await eventually(async () => (await countOf('delivery_queue')) === 4);
  expect((await relay.accept(message(destination.url, { appId: OTHER_APP_ID }))).outcome).toBe('delivered');
  await client.query('rollback');
  client.release();
  await eventually(async () => (await countOf('delivery_queue')) === 0 && (await countOf('delivery_attempt')) >= 6);
  expect(await countOf('delivery_attempt')).toBe(6);
});

test('a table that is held up does not keep a node from what else it polls for', async () => {
  await insertJournal(database.db, { id: uuidV7(new Date()), leaseEndsAt: new Date(0), rows: [row()] });
  const release = await hold('delivery');
  await node();
  await isHeld('into delivery');
  await sql`
    insert into delivery_queue (app_id, request_id, lane, state, attempts, schedule_attempts, lease_token, due_at,
                                content_bytes, accepted_at)
    values (${APP_ID}, ${uuidV7(new Date())}, 'a/b', 'leased', 1, 1, 1, now() - interval '1 hour', 1, now())
  `.execute(database.db);
  await eventually(async () => {
    const { rows } = await sql`select from delivery_queue where lane = 'a/b' and reason = 'lease_ended'`.execute(
      database.db,
    );
    return rows.length === 1;
  });
  await release();
});

test('hundreds of journals are taken up in one poll', async () => {
  const now = new Date();
  for (let n = 0; n < 200; n += 1) {
    await insertJournal(database.db, { id: uuidV7(now), leaseEndsAt: new Date(0), rows: [row()] });
  }
  await node({ limits: { pollMs: 2_000_000_000 } });
  await eventually(async () => (await countOf('delivery_journal')) === 0);
  expect(await countOf('delivery')).toBe(200);
});

test('what was just answered is known to operators: skip, park, evidence', async () => {
  const failing = await receiver(() => ({ status: 500, body: '' }));
  const destination = await receiver(() => ACKNOWLEDGED);
  const { relay, clock } = await node({ limits: { settleGatherMs: 100, journalMs: 3_000 } });
  for (const act of ['skip', 'park'] as const) {
    await relay[act]((await relay.accept(message(failing.url))).requestId, 'test');
  }
  const operations = createRelayOperations({ db: database.db, clock, vault, keys: applications });
  const { requestId } = await relay.accept(message(destination.url));
  expect(await operations.exportEvidence(requestId)).toBeTruthy();
});

test('operators are answered while the tables take no rows', async () => {
  const destination = await receiver(() => ACKNOWLEDGED);
  const { relay } = await node();
  const release = await hold('delivery');
  const { requestId } = await relay.accept(message(destination.url));
  expect(await relay.listDeliveries({ limit: 9 })).toEqual([]);
  expect(await relay.showDelivery(requestId)).toBeNull();
  await release();
  await eventually(async () => (await relay.showDelivery(requestId)) !== null);
});

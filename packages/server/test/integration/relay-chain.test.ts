import { sql, type RawBuilder } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRelayOperations, type ChainProgress } from '../../src/relay/index.ts';
import { appendAudit } from '../../src/audit/index.ts';
import { chainEntry } from '../../src/relay/attempt-chain.ts';
import { findAttempts } from '../../src/relay/delivery-store.ts';
import { createTestDatabase } from '../support/database.ts';
import { deliver, inState, startHesitant } from '../support/delivery-history.ts';
import { applications, APP_ID, OTHER_APP_ID, startRelayService, vault } from '../support/relay-service.ts';

const database = await createTestDatabase();
const { db } = database;
const service = await startRelayService({ database });
const { relay, clock } = service;
const { verifyChain, listChainedApps } = createRelayOperations({ db, clock, vault, keys: applications });
const destination = await startHesitant();
const ids: string[] = [];

const TABLES = ['delivery', 'delivery_attempt', 'delivery_attempt_link', 'delivery_chain'];

beforeAll(async () => {
  // One after another: each attempt is a link of its own.
  for (let n = 1; n <= 3; n += 1) {
    ids.push(await deliver(relay, { url: destination.url, content: `{"n":${n}}` }, 'waiting'));
  }
  await deliver(relay, { url: destination.url, content: '{}', appId: OTHER_APP_ID }, 'waiting');
  clock.advance(10_000);
  for (const id of ids) await inState(relay, id, 'delivered');
  await service.stop();
  for (const table of TABLES) {
    await sql`create table ${sql.id(`kept_${table}`)} as select * from ${sql.id(table)}`.execute(db);
  }
});
beforeEach(async () => {
  for (const table of TABLES) {
    await sql`delete from ${sql.id(table)}`.execute(db);
    await sql`insert into ${sql.id(table)} select * from ${sql.id(`kept_${table}`)}`.execute(db);
  }
});
afterAll(async () => {
  await destination.close();
  await database.drop();
});

const ofApp = sql`app_id = ${APP_ID}`;
const link = (sequence: number) => sql`${ofApp} and sequence = ${sequence}`;

interface Named {
  requestId: string;
  number: number;
}

/** What stands in a link, so that a test can name it. */
async function attemptsOf(sequence: number): Promise<Named[]> {
  const { rows } = await sql<Named>`
    select encode(substring(entries from 1 + 52 * place for 16), 'hex')::uuid::text as "requestId",
           ('x' || encode(substring(entries from 17 + 52 * place for 4), 'hex'))::bit(32)::int as number
    from delivery_attempt_link, generate_series(0, octet_length(entries) / 52 - 1) as place
    where ${link(sequence)} order by 1, 2
  `.execute(db);
  return rows;
}

const attemptOf = async (sequence: number): Promise<Named> => (await attemptsOf(sequence))[0]!;

async function faults(...planted: RawBuilder<unknown>[]) {
  for (const edit of planted) await edit.execute(db);
  const report = await verifyChain(APP_ID);
  expect(report.faultCount).toBe(report.faults.length);
  expect((await verifyChain(OTHER_APP_ID)).faults).toEqual([]);
  return report.faults;
}

describe('the chain of attempts', () => {
  test('holds, from its first link to its head, and tells how far it is', async () => {
    const told: ChainProgress[] = [];
    const report = await verifyChain(APP_ID, (progress) => told.push(progress));
    expect(report).toMatchObject({
      appId: APP_ID,
      firstSequence: 1,
      attempts: 6,
      attemptsDropped: 0,
      attemptsOlder: 0,
      faults: [],
    });
    expect(report.links).toBe(report.head!.sequence);
    expect(told.at(-1)).toEqual({ appId: APP_ID, links: report.links, linksTotal: report.links });
    expect(await listChainedApps()).toEqual([APP_ID, OTHER_APP_ID].toSorted());
    expect(await verifyChain('NOBODYNOBODYNOBO')).toMatchObject({ links: 0, head: null, faults: [] });
  });

  test.each([
    ['started_at', sql`started_at + interval '1 millisecond'`],
    ['duration_ms', sql`duration_ms + 1`],
    ['outcome', sql`'refused'`],
    ['status', sql`202`],
    ['reason', sql`'other'`],
    ['answer', sql`set_byte(answer, 0, 0)`],
    ['url', sql`url || '?'`],
    ['remote_address', sql`'203.0.113.7'`],
    ['tls_fingerprint', sql`sha256('x')`],
    ['request_sha256', sql`sha256('x')`],
    ['node', sql`'node-2'`],
  ])('an attempt whose %s was changed is named', async (column, value) => {
    const attempt = await attemptOf(2);
    const found = await faults(sql`
      update delivery_attempt set ${sql.id(column)} = ${value}
      where ${ofApp} and request_id = ${attempt.requestId} and number = ${attempt.number}`);
    expect(found).toEqual([{ kind: 'attempt_changed', sequence: 2, ...attempt }]);
  });

  test('an attempt that was deleted is named', async () => {
    const attempt = await attemptOf(2);
    const found = await faults(sql`
      delete from delivery_attempt where ${ofApp} and request_id = ${attempt.requestId} and number = ${attempt.number}`);
    expect(found).toEqual([{ kind: 'attempt_missing', sequence: 2, ...attempt }]);
  });

  test('an attempt that was added is named', async () => {
    const found = await faults(sql`
      insert into delivery_attempt (app_id, request_id, number, started_at, duration_ms, outcome, url, node)
      select app_id, request_id, 7, started_at, duration_ms, 'acknowledged', url, node
      from delivery_attempt where ${ofApp} and request_id = ${ids[0]} and number = 1`);
    expect(found).toEqual([{ kind: 'attempt_unlinked', requestId: ids[0], number: 7 }]);
  });

  test('an attempt that was moved to another callback is named', async () => {
    const attempt = await attemptOf(1);
    const other = ids.find((id) => id !== attempt.requestId)!;
    const found = await faults(sql`
      update delivery_attempt set request_id = ${other}, number = 9
      where ${ofApp} and request_id = ${attempt.requestId} and number = ${attempt.number}`);
    expect(found).toEqual([
      { kind: 'attempt_missing', sequence: 1, ...attempt },
      { kind: 'attempt_unlinked', requestId: other, number: 9 },
    ]);
  });

  test('an attempt that was changed together with its entry shows in the link', async () => {
    const found = await faults(
      sql`update delivery_attempt_link set entries = set_byte(entries, 30, 255 - get_byte(entries, 30)) where ${link(3)}`,
    );
    expect(found).toEqual([
      { kind: 'link_changed', sequence: 3 },
      { kind: 'attempt_changed', sequence: 3, ...(await attemptOf(3)) },
    ]);
  });

  test('a link whose hash was made to fit shows in the next one, and the last in the head', async () => {
    const rehash = (sequence: number) => sql`
      update delivery_attempt_link set hash = sha256(hash) where ${link(sequence)}`;
    expect(await faults(rehash(2))).toEqual([
      { kind: 'link_changed', sequence: 2 },
      { kind: 'link_changed', sequence: 3 },
    ]);
    const { head } = await verifyChain(APP_ID);
    expect((await faults(rehash(head!.sequence))).slice(2)).toEqual([
      { kind: 'link_changed', sequence: head!.sequence },
      { kind: 'head_differs', sequence: head!.sequence },
    ]);
  });

  test('links that were swapped are named', async () => {
    const found = await faults(
      sql`update delivery_attempt_link set sequence = -2 where ${link(2)}`,
      sql`update delivery_attempt_link set sequence = 2 where ${link(3)}`,
      sql`update delivery_attempt_link set sequence = 3 where ${link(-2)}`,
    );
    expect(found).toEqual([
      { kind: 'link_changed', sequence: 2 },
      { kind: 'link_changed', sequence: 3 },
      { kind: 'link_changed', sequence: 4 },
    ]);
  });

  test('a link that was taken out is named, and its attempts', async () => {
    const attempt = await attemptOf(3);
    expect(await faults(sql`delete from delivery_attempt_link where ${link(3)}`)).toEqual([
      { kind: 'link_missing', sequence: 3, lastSequence: 3 },
      { kind: 'attempt_unlinked', ...attempt },
    ]);
  });

  test('a tail that was cut off is named', async () => {
    const { head } = await verifyChain(APP_ID);
    const { sequence } = head!;
    const attempts = await attemptsOf(sequence);
    const unlinked = attempts.map((attempt) => ({ kind: 'attempt_unlinked', ...attempt }));
    const cut = sql`delete from delivery_attempt_link where ${link(sequence)}`;
    expect(await faults(cut)).toEqual([{ kind: 'link_missing', sequence, lastSequence: sequence }, ...unlinked]);
    // The head put back, so that the chain looks whole: its attempts show. Those deleted too: their deliveries show.
    const putBack = sql`
      update delivery_chain set sequence = ${sequence - 1}, hash = (
        select hash from delivery_attempt_link where ${link(sequence - 1)}) where ${ofApp}`;
    expect(await faults(putBack)).toEqual(unlinked);
    const { requestId } = attempts[0]!;
    const deleteAll = sql`delete from delivery_attempt where ${ofApp} and request_id = ${requestId}`;
    expect((await faults(deleteAll)).at(-1)).toEqual({ kind: 'delivery_unacknowledged', requestId });
  });

  test('a link that was added is named: behind the head, or beside another', async () => {
    const { head } = await verifyChain(APP_ID);
    const { sequence } = head!;
    const add = (as: number, at: RawBuilder<unknown>) => sql`
      insert into delivery_attempt_link
      select app_id, ${as}, ${at}, entries, hash from delivery_attempt_link where ${link(2)}`;
    expect(await faults(add(sequence + 1, sql`at`))).toEqual([{ kind: 'link_beyond_head', sequence: sequence + 1 }]);
    await sql`delete from delivery_attempt_link where ${link(sequence + 1)}`.execute(db);
    expect(await faults(add(2, sql`at + interval '1 second'`))).toEqual([
      { kind: 'link_repeated', sequence: 2 },
      { kind: 'link_moved', sequence: 2 },
    ]);
  });

  test('a head that was taken away is named', async () => {
    const { head } = await verifyChain(APP_ID);
    expect(await faults(sql`delete from delivery_chain where ${ofApp}`)).toEqual([
      { kind: 'head_missing', sequence: head!.sequence },
    ]);
  });
});

describe('what was accepted', () => {
  test.each([
    ['content', sql`content || ' '`],
    ['url', sql`url || '?'`],
    ['accepted_at', sql`accepted_at - interval '1 day'`],
    ['occurred_at', sql`accepted_at`],
    ['message_type', sql`'other'`],
    ['profile', sql`'plain'`],
    ['caller_no', sql`'other'`],
    ['callee_no', sql`'other'`],
    ['callee_app_id', sql`'other'`],
  ])('a delivery whose %s was changed shows in each of its attempts', async (column, value) => {
    const [id] = ids;
    const found = await faults(sql`
      update delivery set ${sql.id(column)} = ${value} where ${ofApp} and request_id = ${id}`);
    expect(found).toMatchObject([
      { kind: 'attempt_changed', requestId: id, number: 1 },
      { kind: 'attempt_changed', requestId: id, number: 2 },
    ]);
  });

  test('a content that was dropped earlier is held against its SHA-256, and another SHA-256 is named', async () => {
    const [id] = ids;
    const dropAs = (content: RawBuilder<unknown>) => sql`
      update delivery set content = null, content_sha256 = sha256(convert_to(${content}, 'UTF8'))
      where ${ofApp} and request_id = ${id}`;
    expect(await faults(dropAs(sql`content`))).toEqual([]);
    expect(await faults(dropAs(sql`'{"n":2}'`))).toMatchObject([{ number: 1 }, { number: 2 }]);
  });

  test('a delivery that was deleted while its attempts stay is named', async () => {
    const [id] = ids;
    expect(await faults(sql`delete from delivery where ${ofApp} and request_id = ${id}`)).toMatchObject([
      { kind: 'delivery_missing', requestId: id, number: 1 },
      { kind: 'delivery_missing', requestId: id, number: 2 },
    ]);
  });

  test('a failed one that was made a delivered one by taking the failure away is named', async () => {
    const [id] = ids;
    const attempts = sql`delete from delivery_attempt where ${ofApp} and request_id = ${id} and number = 2`;
    const named = { kind: 'delivery_unacknowledged', requestId: id };
    expect(await faults(attempts)).toContainEqual(named);
    const failed = sql`update delivery set failed_at = now(), reason = 'x' where ${ofApp} and request_id = ${id}`;
    expect(await faults(failed)).not.toContainEqual(named);
  });

  test('an attempt of before deliveries were hashed too holds by its own text', async () => {
    // The first link as the version before wrote it, and those behind it made to follow.
    const { requestId, number } = await attemptOf(1);
    const attempt = (await findAttempts(db, APP_ID, requestId)).find((each) => each.number === number)!;
    const entry = chainEntry(APP_ID, requestId, attempt, null);
    await sql`update delivery_attempt_link set entries = ${entry}, hash = sha256(${entry}) where ${link(1)}`.execute(
      db,
    );
    const { head } = await verifyChain(APP_ID);
    for (let sequence = 2; sequence <= head!.sequence; sequence += 1) {
      await sql`
        update delivery_attempt_link own set hash = sha256(previous.hash || sha256(own.entries))
        from delivery_attempt_link previous
        where own.app_id = ${APP_ID} and own.sequence = ${sequence}
          and previous.app_id = ${APP_ID} and previous.sequence = ${sequence - 1}`.execute(db);
    }
    await sql`
      update delivery_chain set hash = (select hash from delivery_attempt_link where ${link(head!.sequence)})
      where ${ofApp}`.execute(db);
    expect(await verifyChain(APP_ID)).toMatchObject({ attempts: 6, faults: [] });
    expect(
      await faults(sql`update delivery_attempt set node = 'x' where ${ofApp} and request_id = ${requestId}`),
    ).toContainEqual({ kind: 'attempt_changed', sequence: 1, requestId, number });
  });
});

describe('what looks as if retention had dropped it', () => {
  test('everything of an application deleted but its head: every link is missing', async () => {
    const { head } = await verifyChain(APP_ID);
    const deleted = ['delivery_attempt_link', 'delivery_attempt', 'delivery'].map(
      (table) => sql`delete from ${sql.id(table)} where ${ofApp}`,
    );
    expect(await faults(...deleted)).toEqual([{ kind: 'link_missing', sequence: 1, lastSequence: head!.sequence }]);
  });

  test('a planted attempt is named, however old it says it is', async () => {
    const found = await faults(sql`
      insert into delivery_attempt (app_id, request_id, number, started_at, duration_ms, outcome, url, node)
      values (${APP_ID}, ${ids[0]}, 9, '2020-01-01', 1, 'acknowledged', 'https://example.com/', 'node-1')`);
    expect(found).toEqual([{ kind: 'attempt_unlinked', requestId: ids[0], number: 9 }]);
  });

  test('a link that stands at another time than its attempts is named', async () => {
    expect(await faults(sql`update delivery_attempt_link set at = at - interval '30 days' where ${link(3)}`)).toEqual([
      { kind: 'link_moved', sequence: 3 },
    ]);
  });

  test('a drop that nobody sealed explains nothing', async () => {
    const detail = { before: '2020-01-02', partition: 'x', runs: [{ first: 1, last: 1, hash: null }], mac: '00' };
    const forge = (told: Record<string, unknown>) =>
      db.transaction().execute((tx) =>
        appendAudit(tx, {
          appId: APP_ID,
          actor: 'system',
          action: 'relay.retention',
          subject: 'delivery_attempt_link',
          detail: told,
          at: clock.now(),
        }),
      );
    await forge(detail);
    await forge({ ...detail, migration: 23 });
    const found = await faults(sql`delete from delivery_attempt_link where ${link(1)}`);
    expect(found).toContainEqual({ kind: 'link_missing', sequence: 1, lastSequence: 1 });
    expect(found).toContainEqual({ kind: 'retention_forged' });
  });
});

import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendAudit, verifyAuditChain } from '../../src/audit/index.ts';
import { migrate } from '../../src/platform/database/index.ts';
import { MIGRATIONS_FOLDER } from '../../src/platform/database/migrations.ts';
import { linkHash } from '../../src/relay/attempt-chain.ts';
import { createRelayOperations } from '../../src/relay/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { applications, APP_ID, OTHER_APP_ID, TestClock, vault } from '../support/relay-service.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const database = await createTestDatabase({ migrated: false });
const { db } = database;
const { verifyChain } = createRelayOperations({ db, clock: new TestClock(), vault, keys: applications });
const LINKS = 6;

/** Migrations before retention was recorded. */
async function migrateTo0022(): Promise<void> {
  const folder = await makeTemporaryFolder('yinxin-test-migrations-');
  const files = (await readdir(MIGRATIONS_FOLDER)).filter((name) => name < '0023');
  for (const name of files) await cp(new URL(name, MIGRATIONS_FOLDER), join(folder, name));
  await migrate(database.pool, pathToFileURL(`${folder}/`));
  await rm(folder, { recursive: true });
}

/** A chain of which only these links are kept; they hold no attempts. */
async function insertChain(appId: string, kept: readonly number[]): Promise<void> {
  let hash: Buffer | null = null;
  for (let sequence = 1; sequence <= LINKS; sequence += 1) {
    hash = linkHash(hash, Buffer.alloc(0));
    if (!kept.includes(sequence)) continue;
    await sql`
      insert into delivery_attempt_link (app_id, sequence, at, entries, hash)
      values (${appId}, ${sequence}, now(), '', ${hash})`.execute(db);
  }
  await sql`insert into delivery_chain (app_id, sequence, hash) values (${appId}, ${LINKS}, ${hash})`.execute(db);
}

beforeAll(async () => {
  await migrateTo0022();
  await insertChain(APP_ID, [3, 5, 6]);
  await insertChain(OTHER_APP_ID, []);
  await insertChain('WHOLEWHOLEWHOLEW', [1, 2, 3, 4, 5, 6]);
  await sql`
    update schema_migration set applied_at = applied_at - interval '100 days' where version = 14`.execute(db);
  // Days before this one were dropped.
  for (const table of ['delivery', 'delivery_attempt']) {
    const { rows } = await sql<{ name: string }>`
      select child.relname as name from pg_inherits join pg_class child on child.oid = inhrelid
      where inhparent = ${table}::regclass and child.relname like '%_before_%'`.execute(db);
    for (const { name } of rows) await sql`drop table ${sql.id(name)}`.execute(db);
    await sql`
      create table ${sql.id(`${table}_before_20260102`)} partition of ${sql.id(table)}
      for values from ('019b76da-a800-0000-0000-000000000000') to ('019b7c01-0400-0000-0000-000000000000')`.execute(db);
  }
  const { applied } = await migrate(database.pool);
  expect(applied).toContain('0023_recorded_retention.sql');
});
afterAll(() => database.drop());

describe('a database whose retention left no record, migrated', () => {
  test('has what was missing written down, and its chains hold', async () => {
    expect(await verifyChain(APP_ID)).toMatchObject({ links: 3, linksDropped: 3, firstSequence: 3, faults: [] });
    expect(await verifyChain(OTHER_APP_ID)).toMatchObject({ links: 0, linksDropped: 6, faults: [] });
    expect(await verifyChain('WHOLEWHOLEWHOLEW')).toMatchObject({ links: 6, linksDropped: 0, faults: [] });
    for (const appId of [APP_ID, OTHER_APP_ID, '*']) {
      expect(await verifyAuditChain(db, appId)).toMatchObject({ fault: null });
    }
    const { rows } = await sql`
      select app_id, subject, detail from audit_entry where app_id = '*' order by sequence`.execute(db);
    expect(rows).toEqual(
      ['delivery', 'delivery_attempt'].map((subject) => ({
        app_id: '*',
        subject,
        detail: { migration: 23, before: '2026-01-01' },
      })),
    );
  });

  test('nobody can tell of more such links afterwards', async () => {
    const whole = 'WHOLEWHOLEWHOLEW';
    const { rows } = await sql<{ at: Date }>`select at from audit_entry where app_id = ${whole}`.execute(db);
    const detail = { migration: 23, before: null, runs: [{ first: 1, last: 2, hash: null }] };
    const entry = { actor: 'system', action: 'relay.retention', subject: 'delivery_attempt_link', detail };
    await db.transaction().execute((tx) => appendAudit(tx, { ...entry, appId: whole, at: rows[0]!.at }));
    await sql`delete from delivery_attempt_link where app_id = ${whole} and sequence <= 2`.execute(db);
    expect((await verifyChain(whole)).faults).toEqual([
      { kind: 'link_missing', sequence: 1, lastSequence: 2 },
      { kind: 'retention_forged' },
    ]);
  });

  test('what is taken out afterwards is named', async () => {
    await sql`delete from delivery_attempt_link where app_id = ${APP_ID} and sequence = 3`.execute(db);
    expect((await verifyChain(APP_ID)).faults).toEqual([{ kind: 'link_missing', sequence: 3, lastSequence: 3 }]);
  });
});

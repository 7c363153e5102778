import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { appendAudit, findAuditedApps, listAudit, verifyAuditChain, type AuditEntry } from '../../src/audit/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => database.drop());

const entry = (appId: string, number: number): AuditEntry => ({
  appId,
  actor: 'operator',
  action: 'org.verify',
  subject: `org:${number}`,
  detail: { reason: '营业执照已核对', z: 1, a: { number } },
  at: new Date(Date.UTC(2026, 0, 1, 0, 0, number)),
});

async function append(appId: string, numbers: readonly number[]): Promise<void> {
  await Promise.all(
    numbers.map((number) => database.db.transaction().execute((tx) => appendAudit(tx, entry(appId, number)))),
  );
}

const third = sql`app_id = 'BROKEN' and sequence = 3`;

describe('the audit chain', () => {
  test('holds, whoever writes at the same time, and each application has its own', async () => {
    await append(
      'HOLDS',
      Array.from({ length: 30 }, (_, index) => index),
    );
    await append('OTHER', [1]);
    expect(await verifyAuditChain(database.db, 'HOLDS')).toMatchObject({ entries: 30, fault: null });
    expect(await verifyAuditChain(database.db, 'OTHER')).toMatchObject({ entries: 1, fault: null });
    expect(await verifyAuditChain(database.db, 'NOBODY')).toEqual({ entries: 0, fault: null, head: null });
    expect(await findAuditedApps(database.db)).toEqual(['HOLDS', 'OTHER']);
    const [newest] = await listAudit(database.db, { appId: 'HOLDS', limit: 1 });
    expect(newest).toMatchObject({ sequence: 30, action: 'org.verify', detail: { reason: '营业执照已核对' } });
  });

  test.each([
    ['edited in what people read', sql`update audit_entry set actor = 'nobody' where ${third}`, 3, 'entry_changed'],
    ['edited in its detail', sql`update audit_entry set detail = '{}' where ${third}`, 3, 'entry_changed'],
    ['edited in its hashed text', sql`update audit_entry set content = '[]' where ${third}`, 3, 'entry_changed'],
    ['edited in its hash', sql`update audit_entry set hash = sha256(hash) where ${third}`, 3, 'entry_changed'],
    ['removed', sql`delete from audit_entry where app_id = 'BROKEN' and sequence = 2`, 2, 'entry_missing'],
    ['cut off at the end', sql`delete from audit_entry where app_id = 'BROKEN' and sequence = 5`, 5, 'entry_missing'],
    [
      'swapped with another',
      sql`update audit_entry set sequence = -sequence where app_id = 'BROKEN' and sequence in (2, 3);
          update audit_entry set sequence = 5 + sequence where app_id = 'BROKEN' and sequence < 0`,
      2,
      'entry_changed',
    ],
    [
      'added behind the head',
      sql`insert into audit_entry select app_id, 6, at, actor, action, subject, detail, content, hash
          from audit_entry where ${third}`,
      6,
      'entry_beyond_head',
    ],
    ['left without a head', sql`delete from audit_chain where app_id = 'BROKEN'`, 5, 'head_missing'],
    [
      'left with another head',
      sql`update audit_chain set hash = sha256(hash) where app_id = 'BROKEN'`,
      5,
      'head_differs',
    ],
  ])('an entry that was %s is named', async (_what, planted, sequence, kind) => {
    await sql`delete from audit_entry where app_id = 'BROKEN'`.execute(database.db);
    await sql`delete from audit_chain where app_id = 'BROKEN'`.execute(database.db);
    await append('BROKEN', [1, 2, 3, 4, 5]);
    await planted.execute(database.db);
    expect((await verifyAuditChain(database.db, 'BROKEN')).fault).toEqual({ kind, sequence });
  });

  test('what is rolled back leaves no entry', async () => {
    const failed = database.db.transaction().execute(async (tx) => {
      await appendAudit(tx, entry('ROLLED', 1));
      throw new Error('not after all');
    });
    await expect(failed).rejects.toThrow('not after all');
    expect(await listAudit(database.db, { appId: 'ROLLED', limit: 9 })).toEqual([]);
  });
});

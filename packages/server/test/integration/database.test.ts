import { afterAll, expect, test } from 'vitest';

import { createTestDatabase } from '../support/database.ts';

const database = await createTestDatabase();
afterAll(() => database.drop());

test('bigint arrives as a number, timestamptz as a Date and date as text', async () => {
  const found = await database.pool.query(
    `select 9007199254740991::bigint as fen, array[1, null]::bigint[] as fens, '2026-03-01 08:00+08'::timestamptz as at,
            '2026-03-01'::date as day, array['2026-03-01']::date[] as days, 0.01::numeric as amount`,
  );
  expect(found.rows[0]).toEqual({
    fen: 9_007_199_254_740_991,
    fens: [1, null],
    at: new Date('2026-03-01T00:00:00Z'),
    day: '2026-03-01',
    days: ['2026-03-01'],
    amount: '0.01',
  });
});

test('a bigint beyond 2^53 raises and loses no digit', async () => {
  await expect(database.pool.query('select 9007199254740993::bigint as fen')).rejects.toThrow(/beyond 2\^53/);
});

test('sessions run in UTC and with limits on statements and idle transactions', async () => {
  const found = await database.pool.query(
    `select current_setting('timezone') as zone, current_setting('statement_timeout') as statement,
            current_setting('idle_in_transaction_session_timeout') as idle`,
  );
  expect(found.rows[0]).toEqual({ zone: 'UTC', statement: '30s', idle: '1min' });
});

test('a capability names its own tables', async () => {
  await database.pool.query('create table sample (id bigint primary key, name text not null)');
  const db = database.db.withTables<{ sample: { id: number; name: string } }>();
  await db
    .transaction()
    .execute((transaction) => transaction.insertInto('sample').values({ id: 1, name: '印信' }).execute());
  expect(await db.selectFrom('sample').selectAll().execute()).toEqual([{ id: 1, name: '印信' }]);
});

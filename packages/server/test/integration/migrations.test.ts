import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { Pool } from 'pg';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';

import { migrate } from '../../src/platform/database/index.ts';
import { MIGRATIONS_FOLDER, readMigrations } from '../../src/platform/database/migrations.ts';
import { createTestDatabase } from '../support/database.ts';

const database = await createTestDatabase({ migrated: false });
let path: string;
let folder: URL;

beforeEach(async () => {
  await database.pool.query('drop schema public cascade; create schema public');
  path = await mkdtemp(join(tmpdir(), 'yinxin-migrations-'));
  folder = pathToFileURL(`${path}/`);
  await write('0001_first.sql', 'create table first (id integer primary key);');
  await write('0002_second.sql', 'create table second (id integer primary key); insert into second values (1);');
});

afterEach(() => rm(path, { recursive: true }));

afterAll(() => database.drop());

function write(name: string, sql: string): Promise<void> {
  return writeFile(join(path, name), sql);
}

async function appliedNames(): Promise<string[]> {
  const found = await database.pool.query<{ name: string }>('select name from schema_migration order by version');
  return found.rows.map(({ name }) => name);
}

test('files are applied once, in order, and later ones when they come', async () => {
  expect((await migrate(database.pool, folder)).applied).toEqual(['0001_first.sql', '0002_second.sql']);
  expect((await migrate(database.pool, folder)).applied).toEqual([]);
  await write('0005_fifth.sql', 'drop table second;');
  expect((await migrate(database.pool, folder)).applied).toEqual(['0005_fifth.sql']);
  expect(await appliedNames()).toEqual(['0001_first.sql', '0002_second.sql', '0005_fifth.sql']);
});

test('with nothing to do it is one query', async () => {
  await migrate(database.pool, folder);
  const queries: string[] = [];
  const counting = { query: (text: string) => (queries.push(text), database.pool.query(text)) } as unknown as Pool;
  await migrate(counting, folder);
  expect(queries).toHaveLength(1);
});

test('of many nodes that start at once each file is applied by one', async () => {
  const pools = Array.from({ length: 4 }, () => new Pool({ connectionString: database.url, max: 1 }));
  // Without the lock the second insert would fail, or there would be two rows.
  await write('0003_third.sql', 'create table third (id integer); insert into third select 1 from pg_sleep(0.05);');
  const results = await Promise.all(pools.map((pool) => migrate(pool, folder)));
  await Promise.all(pools.map((pool) => pool.end()));
  expect(results.flatMap(({ applied }) => applied).sort()).toEqual([
    '0001_first.sql',
    '0002_second.sql',
    '0003_third.sql',
  ]);
  expect((await database.pool.query('select id from third')).rows).toEqual([{ id: 1 }]);
});

test('a file that fails leaves nothing of itself, and those before it stay', async () => {
  await write('0003_third.sql', 'create table third (id integer);\n\ninsert into thirds values (1);');
  await expect(migrate(database.pool, folder)).rejects.toMatchObject({
    code: 'migration_failed',
    params: { file: '0003_third.sql', line: '3', reason: 'relation "thirds" does not exist' },
  });
  expect(await appliedNames()).toEqual(['0001_first.sql', '0002_second.sql']);
  expect((await database.pool.query("select to_regclass('third') as found")).rows).toEqual([{ found: null }]);
  await write('0003_third.sql', 'create table third (id integer);');
  expect((await migrate(database.pool, folder)).applied).toEqual(['0003_third.sql']);
});

test('an applied file that changed is refused, but not for its line ends', async () => {
  await write('0003_third.sql', 'create table third (\n  id integer\n);\n');
  await migrate(database.pool, folder);
  await write('0003_third.sql', 'create table third (\r\n  id integer\r\n);\r\n');
  expect((await migrate(database.pool, folder)).applied).toEqual([]);
  await appendFile(join(path, '0001_first.sql'), ' -- changed');
  await expect(migrate(database.pool, folder)).rejects.toMatchObject({
    code: 'migration_changed',
    params: { file: '0001_first.sql' },
  });
});

test('an applied file that is missing is refused', async () => {
  await migrate(database.pool, folder);
  await rm(join(path, '0001_first.sql'));
  await expect(migrate(database.pool, folder)).rejects.toMatchObject({
    code: 'migration_missing',
    params: { file: '0001_first.sql' },
  });
});

test('a database that a newer Yinxin migrated is refused', async () => {
  await migrate(database.pool, folder);
  await rm(join(path, '0002_second.sql'));
  await expect(migrate(database.pool, folder)).rejects.toMatchObject({
    code: 'database_newer_than_code',
    params: { applied: '0002_second.sql', newestKnown: '1' },
  });
});

test('a file with a number below an applied one is refused', async () => {
  await write('0004_fourth.sql', 'create table fourth (id integer);');
  await migrate(database.pool, folder);
  await write('0003_third.sql', 'create table third (id integer);');
  await expect(migrate(database.pool, folder)).rejects.toMatchObject({
    code: 'migration_out_of_order',
    params: { file: '0003_third.sql', newestApplied: '4' },
  });
});

test.each([['0002_again.sql'], ['2_short.sql'], ['0003-dash.sql']])('the file name %s is refused', async (name) => {
  await write(name, 'select 1;');
  await expect(migrate(database.pool, folder)).rejects.toMatchObject({ code: 'migration_file_invalid' });
});

test('a file that commits by itself is refused: its half would stay after a failure', async () => {
  await write('0003_third.sql', 'create table third (id integer); commit; create table more (id integer);');
  await expect(migrate(database.pool, folder)).rejects.toMatchObject({
    code: 'migration_failed',
    params: { file: '0003_third.sql' },
  });
});

test("Yinxin's own files make a schema from nothing", async () => {
  const files = await readMigrations(MIGRATIONS_FOLDER);
  expect(files.length).toBeGreaterThan(0);
  expect((await migrate(database.pool)).applied).toEqual(files.map(({ name }) => name));
});

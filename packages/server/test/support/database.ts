import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

import { Client } from 'pg';
import { inject } from 'vitest';

import { openDatabase } from '../../src/platform/database/index.ts';
import type { OpenDatabase } from '../../src/platform/database/index.ts';
import type { PostgresForTests } from './postgres-for-tests.ts';

export interface TestDatabase extends OpenDatabase {
  readonly url: string;
  /** Closes the pool and drops the database, whoever is still connected. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Default 8. */
  readonly poolSizeMax?: number;
  /** False: a database without any table of ours. Default true. */
  readonly migrated?: boolean;
}

/** Copies of one template are made one after the other; the number only has to be ours. */
const COPY_LOCK = 8_046_110_719;

/**
 * A database of its own for a test file, with every migration applied.
 *
 * @example
 * const database = await createTestDatabase();
 * afterAll(() => database.drop());
 *
 * @throws Error naming the migration file when the template could not be made
 */
export async function createTestDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await askForServer();
  const name = `test_${randomBytes(8).toString('hex')}`;
  const template = options.migrated === false ? 'template1' : server.template;
  await asAdmin(server.url, async (client) => {
    await client.query('select pg_advisory_lock($1)', [COPY_LOCK]);
    await client.query(`create database ${name} template ${template}`);
  });
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const opened = await openDatabase({
    url: url.href,
    poolSizeMax: options.poolSizeMax ?? 8,
    applicationName: 'yinxin test',
  });
  return {
    ...opened,
    url: url.href,
    drop: async () => {
      await opened.close();
      await asAdmin(server.url, (client) => client.query(`drop database ${name} with (force)`));
    },
  };
}

async function askForServer(): Promise<Exclude<PostgresForTests, { error: string }>> {
  const answer = JSON.parse(await text(connect(inject('postgresForTests')))) as PostgresForTests;
  if ('error' in answer) throw new Error(answer.error);
  return answer;
}

async function asAdmin(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

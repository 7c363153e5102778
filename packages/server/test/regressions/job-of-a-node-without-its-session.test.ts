// Nodes say that they live by a lock that a session of the database holds. A restart of the database ends all sessions at
// once: whichever node came back first took the others for dead, and gave their jobs to a second worker.
import type { Pool } from 'pg';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { createJobs } from '../../src/jobs/index.ts';
import { createWorkerPresence, type WorkerPresence } from '../../src/jobs/presence.ts';
import { createLog } from '../../src/platform/log.ts';
import { createTestDatabase } from '../support/database.ts';
import { eventually } from '../support/relay-service.ts';

const { db, pool, drop } = await createTestDatabase({ poolSizeMax: 16 });
const log = createLog({ level: 'silent' });
const present: WorkerPresence[] = [];
afterAll(async () => {
  present.forEach((presence) => presence.stop());
  await drop();
});

beforeEach(async () => {
  const jobs = createJobs({ pool, log, concurrency: 1, pollIntervalMs: 20 });
  await jobs.start();
  await jobs.stop();
  await pool.query('delete from graphile_worker._private_jobs');
});

async function newNode(name: string): Promise<WorkerPresence> {
  const presence = createWorkerPresence(pool);
  present.push(presence);
  presence.begun(name);
  await presence.keep();
  return presence;
}

async function addJobOf(node: string): Promise<void> {
  const jobs = createJobs({ pool, log, concurrency: 1, pollIntervalMs: 20 });
  await jobs.add(db, 'test.long', {});
  await pool.query(
    `update graphile_worker._private_jobs set locked_at = now() - interval '1 minute', locked_by = $1
     where locked_by is null`,
    [node],
  );
}

async function lockedBy(): Promise<unknown[]> {
  const { rows } = await pool.query('select locked_by from graphile_worker._private_jobs order by locked_by');
  return rows.map((row: { locked_by: unknown }) => row.locked_by);
}

const PRESENCE_SESSIONS = `select pid from pg_locks where locktype = 'advisory' and database =
  (select oid from pg_database where datname = current_database())`;

/** As a restart of the database does. */
async function endPresenceSessions(): Promise<void> {
  const pids = (await pool.query(PRESENCE_SESSIONS)).rows.map((row: { pid: number }) => row.pid);
  await pool.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [pids]);
  await eventually(async () => {
    const left = await pool.query(`${PRESENCE_SESSIONS} and pid = any($1::int[])`, [pids]);
    return left.rows.length === 0;
  });
}

test('nodes that lost their sessions with ours have time to come back, and what is gone is freed then', async () => {
  const [first, second] = [await newNode('worker-first'), await newNode('worker-second')];
  await addJobOf('worker-second');
  await endPresenceSessions();
  for (let calls = 0; calls < 3; calls += 1) await first.keep();
  expect(await lockedBy()).toEqual(['worker-second']);
  await second.keep();
  await addJobOf('worker-gone');
  for (let calls = 0; calls < 2; calls += 1) await first.keep();
  expect(new Set(await lockedBy())).toEqual(new Set([null, 'worker-second']));
});

test('a node that alone lost its session takes another at once, before it counts as gone', async () => {
  const [looking] = [await newNode('worker-looking'), await newNode('worker-lost')];
  const held = "select pid from pg_locks where objid::bigint = (hashtext('worker-lost')::bigint & 4294967295)";
  await addJobOf('worker-lost');
  const { rows } = await pool.query(held);
  await looking.keep();
  await pool.query(`select pg_terminate_backend(pid) from (${held}) as lost`);
  await eventually(async () => {
    const now = await pool.query(held);
    return now.rows.length > 0 && now.rows[0].pid !== rows[0].pid;
  });
  for (let calls = 0; calls < 3; calls += 1) await looking.keep();
  expect(await lockedBy()).toEqual(['worker-lost']);
});

test('a node frees nothing of its own, even where it is given the session again that holds its lock', async () => {
  // As a pooler between us and the database may do: a session may take a lock twice that it holds.
  const client = await pool.connect();
  const pooled = { connect: async () => client, query: client.query.bind(client) } as unknown as Pool;
  const presence = createWorkerPresence(pooled);
  present.push(presence);
  presence.begun('worker-pooled');
  await addJobOf('worker-pooled');
  for (let calls = 0; calls < 2; calls += 1) await presence.keep();
  expect(await lockedBy()).toEqual(['worker-pooled']);
});

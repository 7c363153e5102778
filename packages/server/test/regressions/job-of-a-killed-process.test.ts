// A service on its own database was killed while it fetched a contract. After the restart the job stood locked by a
// process that was no more, and the flow waited minutes for the sweep.
import { afterAll, expect, test } from 'vitest';
import { createJobs, type Jobs } from '../../src/jobs/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createTestDatabase } from '../support/database.ts';

const { db, pool, drop } = await createTestDatabase();
afterAll(drop);

function newJobs(isOnlyNode: boolean): { jobs: Jobs; done: Promise<string> } {
  const { promise: done, resolve } = Promise.withResolvers<string>();
  const log = createLog({ level: 'silent' });
  const jobs = createJobs({ pool, log, concurrency: 1, pollIntervalMs: 20, isOnlyNode });
  jobs.handle('test.left', async () => resolve('left'));
  jobs.handle('test.free', async () => resolve('free'));
  return { jobs, done };
}

/** Starts, answers which job was done first, and stops. */
async function firstDone({ jobs, done }: ReturnType<typeof newJobs>): Promise<string> {
  await jobs.start();
  await jobs.add(db, 'test.free', {}, { runAt: new Date(Date.now() - 1_000) });
  const first = await done;
  await jobs.stop();
  return first;
}

test('the job of a killed process is taken up at the start of the only node, and not under another node', async () => {
  const { jobs } = newJobs(true);
  await jobs.start();
  await jobs.stop();
  await jobs.add(db, 'test.left', {}, { runAt: new Date(Date.now() - 60_000) });
  await pool.query(
    "update graphile_worker._private_jobs set locked_at = now(), locked_by = 'a process that is no more'",
  );
  expect(await firstDone(newJobs(false))).toBe('free');
  expect(await firstDone(newJobs(true))).toBe('left');
});

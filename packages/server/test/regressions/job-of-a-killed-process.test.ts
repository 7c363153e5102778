// A service on its own database was killed while it fetched a contract. After the restart the job stood locked by a
// process that was no more, and the flow waited minutes for the sweep. Where several nodes share a database, a node that was
// killed while it sent a message held the queue of every second message for four hours.
import { afterAll, expect, test } from 'vitest';
import { createJobs, type Jobs } from '../../src/jobs/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createTestDatabase } from '../support/database.ts';

const { db, pool, drop } = await createTestDatabase({ poolSizeMax: 16 });
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

test('what a killed process was at is taken up by another node, its queue too; what a living one is at is left alone', async () => {
  const log = createLog({ level: 'silent' });
  const parts = { pool, log, concurrency: 2, pollIntervalMs: 20 };
  const [alive, other] = [createJobs(parts), createJobs(parts)];
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let times = 0;
  for (const jobs of [alive, other]) {
    jobs.handle('test.long', async () => {
      times += 1;
      begun.resolve();
      await gate.promise;
    });
  }
  const queued = Promise.withResolvers<void>();
  other.handle('test.queued', async () => queued.resolve());
  await alive.start();
  await alive.add(db, 'test.long', {});
  await begun.promise;
  await alive.add(db, 'test.queued', {}, { queue: 'one' });
  await alive.add(db, 'test.queued', {}, { queue: 'one' });
  await pool.query(`
    with queue as (
      update graphile_worker._private_job_queues
      set locked_at = now(), locked_by = 'worker-gone' where queue_name = 'one' returning id
    )
    update graphile_worker._private_jobs set locked_at = now(), locked_by = 'worker-gone'
    where id = (select min(id) from graphile_worker._private_jobs where job_queue_id in (select id from queue))`);
  // Both have been locked for a minute.
  await pool.query(`
    update graphile_worker._private_jobs set locked_at = now() - interval '1 minute' where locked_by is not null`);
  // A node looks when it starts, and every few seconds from then on.
  await other.start();
  await queued.promise;
  expect(times).toBe(1);
  gate.resolve();
  await other.stop();
  await alive.stop();
});

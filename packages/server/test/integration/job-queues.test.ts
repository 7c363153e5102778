import { afterAll, expect, it } from 'vitest';
import { createJobs } from '../../src/jobs/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createTestDatabase } from '../support/database.ts';

const database = await createTestDatabase();
const jobs = createJobs({
  pool: database.pool,
  log: createLog({ level: 'silent' }),
  concurrency: 2,
  pollIntervalMs: 50,
});
afterAll(async () => {
  await jobs.stop();
  await database.drop();
});

it('jobs of one queue that hang leave room for others, and go on one after the other', async () => {
  const gate = Promise.withResolvers<void>();
  const other = Promise.withResolvers<void>();
  const all = Promise.withResolvers<void>();
  let [underWay, most, done] = [0, 0, 0];
  jobs.handle('hanging', async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await gate.promise;
    underWay -= 1;
    done += 1;
    if (done === 3) all.resolve();
  });
  jobs.handle('other', async () => other.resolve());
  await jobs.start();
  for (let count = 0; count < 3; count += 1) await jobs.add(database.db, 'hanging', {}, { queue: 'one' });
  await jobs.add(database.db, 'other', {});
  await other.promise;
  expect(done).toBe(0);
  gate.resolve();
  await all.promise;
  expect(most).toBe(1);
});

// Messages go out one after the other in two queues. Where many flows ended at once, the one-time code of somebody who sat
// before the page stood behind all of theirs, and was too old when it came.
import { afterAll, expect, test } from 'vitest';
import { createJobs } from '../../src/jobs/index.ts';
import { createMessages, type MessageAdapter } from '../../src/messages/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createTestDatabase } from '../support/database.ts';
import { standingClock } from '../support/signing-service.ts';

const { db, pool, drop } = await createTestDatabase();
afterAll(drop);

test('a one-time code goes out before the messages of flows that ended', async () => {
  const log = createLog({ level: 'silent' });
  const newJobs = () => createJobs({ pool, log, concurrency: 1, pollIntervalMs: 20, isOnlyNode: true });
  const first = newJobs();
  await first.start();
  await first.stop();

  const kinds: string[] = [];
  const all = Promise.withResolvers<void>();
  const adapter: MessageAdapter = {
    name: 'log',
    reaches: () => true,
    async send({ kind }) {
      kinds.push(kind);
      if (kinds.length === 12) all.resolve();
      return { kind: 'taken', reference: null };
    },
  };
  const jobs = newJobs();
  const vault = createVault(Buffer.alloc(32, 5));
  const messages = createMessages({ db, clock: standingClock(new Date()), vault, jobs, log, adapter });
  const to = { mobile: '13800138000' };
  const ended = { kind: 'sign_done', params: { initiator: '甲', subject: '合同', url: 'https://a.example' } } as const;
  const code = { kind: 'view_code', params: { code: '246813', subject: '合同', minutes: '10' } } as const;
  for (let count = 0; count < 11; count += 1) {
    await db.transaction().execute((tx) => messages.send(tx, { appId: 'MESSAGETESTAPPID', to, ...ended }));
  }
  await db.transaction().execute((tx) => messages.send(tx, { appId: 'MESSAGETESTAPPID', to, ...code }));
  await jobs.start();
  await all.promise;
  await jobs.stop();
  expect(kinds[0]).toBe('view_code');
});

import { expect, test } from 'vitest';
import { BacklogWatch, type Backlog } from './backlog.ts';

const BACKLOG: Backlog = {
  leased: 1,
  waiting: 2,
  queued: 3,
  parked: 4,
  oldestAcceptedAt: new Date(),
  circuitsOpen: 0,
  circuitsHalfOpen: 0,
};

const onError = (error: unknown): never => {
  throw error;
};

test('however many ask, the database is asked once', async () => {
  let reads = 0;
  const watch = new BacklogWatch(
    async () => {
      reads += 1;
      return BACKLOG;
    },
    { onError },
  );
  const asked = await Promise.all([watch.look(), watch.look(), watch.look()]);
  expect(await watch.look()).toEqual({ backlog: BACKLOG, isFresh: true });
  expect(asked).toEqual(asked.map(() => ({ backlog: BACKLOG, isFresh: true })));
  expect(reads).toBe(1);
});

test('a database that fails, or hangs, leaves the last figures, and says that they are old', async () => {
  const answers = [
    async () => BACKLOG,
    async () => {
      throw new Error('away');
    },
    () => new Promise<Backlog>(() => undefined),
  ];
  const told: unknown[] = [];
  const watch = new BacklogWatch(() => answers.shift()!(), {
    onError: (error) => void told.push(error),
    freshMs: 0,
    waitMs: 1,
  });

  const before = { backlog: BACKLOG, isFresh: false };
  for (let n = 0; n < 4; n += 1) expect(await watch.look()).toEqual(before);
  expect(answers).toEqual([]);
  expect(told).toEqual([new Error('away')]);
});

import { array, assert, asyncProperty, boolean, integer, record } from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createGroupCommit, isValueFault } from './group-commit.ts';

function recorder(write?: (items: readonly number[]) => Promise<readonly number[]>) {
  const batches: number[][] = [];
  const commit = createGroupCommit<number, number>({
    write: async (items) => {
      batches.push([...items]);
      return write === undefined ? items.map((item) => item * 10) : write(items);
    },
    rowsMax: 4,
    weightOf: (item) => item,
    weightMax: 100,
    isItemFault: (error) => error instanceof RangeError,
  });
  return { batches, commit };
}

describe('group commit', () => {
  test('what arrives together is one batch, and each gets its own result', async () => {
    const { batches, commit } = recorder();
    expect(await Promise.all([1, 2, 3].map((item) => commit.submit(item)))).toEqual([10, 20, 30]);
    expect(batches).toEqual([[1, 2, 3]]);
  });

  test('what arrives while a batch is written is the next batch', async () => {
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { batches, commit } = recorder(async (items) => {
      begun.resolve();
      await held.promise;
      return items;
    });
    const first = commit.submit(1);
    await begun.promise;
    const others = [2, 3].map((item) => commit.submit(item));
    held.resolve();
    await Promise.all([first, ...others]);
    expect(batches).toEqual([[1], [2, 3]]);
  });

  test('a batch has at most rowsMax items and weightMax weight, but never less than one', async () => {
    const { batches, commit } = recorder();
    await Promise.all([1, 2, 3, 4, 5, 90, 500, 60, 60].map((item) => commit.submit(item)));
    expect(batches).toEqual([[1, 2, 3, 4], [5, 90], [500], [60], [60]]);
  });

  test('one item’s fault is its own; the others of its batch are written', async () => {
    const { commit } = recorder(async (items) => {
      if (items.includes(2)) throw new RangeError('bad item');
      return items;
    });
    const results = await Promise.allSettled([1, 2, 3].map((item) => commit.submit(item)));
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  test('a fault of the database is everybody’s, and the next batch is tried', async () => {
    let down = true;
    const { commit } = recorder(async (items) => {
      if (down) throw new Error('down');
      return items;
    });
    const results = await Promise.allSettled([1, 2].map((item) => commit.submit(item)));
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected']);
    down = false;
    expect(await commit.submit(7)).toBe(7);
    await commit.idle();
  });

  test('where nobody waits for it a batch gathers, until it is full or something urgent comes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const batches: number[][] = [];
      const commit = createGroupCommit<number, number>({
        write: async (items) => {
          batches.push([...items]);
          return items;
        },
        rowsMax: 3,
        weightOf: () => 1,
        weightMax: 100,
        gatherMs: 20,
        isUrgent: (item) => item >= 100,
        isItemFault: () => false,
      });
      const first = [commit.submit(1), commit.submit(2)];
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      expect(batches).toEqual([]);
      vi.advanceTimersByTime(20);
      await Promise.all(first);
      expect(batches).toEqual([[1, 2]]);
      // Full, and urgent: no timer has run since.
      await Promise.all([3, 4, 5].map((item) => commit.submit(item)));
      const waiting = commit.submit(6);
      await Promise.all([waiting, commit.submit(100)]);
      await commit.submit(101);
      expect(batches).toEqual([[1, 2], [3, 4, 5], [6, 100], [101]]);
      expect(vi.getTimerCount()).toBe(0);
      await commit.idle();
    } finally {
      vi.useRealTimers();
    }
  });

  test('whatever comes in whichever order, each item is written once, in order, and gets its own result', async () => {
    const items = array(record({ urgent: boolean(), pause: boolean() }), { minLength: 1, maxLength: 60 });
    await assert(
      asyncProperty(items, integer({ min: 1, max: 7 }), async (list, rowsMax) => {
        const written: number[] = [];
        const commit = createGroupCommit<number, string>({
          write: async (batch) => {
            expect(batch.length).toBeLessThanOrEqual(rowsMax);
            await new Promise((resolve) => setImmediate(resolve));
            written.push(...batch);
            return batch.map((item) => `${item}`);
          },
          rowsMax,
          weightOf: () => 1,
          weightMax: 1_000,
          gatherMs: 1,
          isUrgent: (item) => list[item]?.urgent ?? false,
          isItemFault: () => false,
        });
        const results: Promise<string>[] = [];
        for (const [index, { pause }] of list.entries()) {
          results.push(commit.submit(index));
          if (pause) await new Promise((resolve) => setImmediate(resolve));
        }
        expect(await Promise.all(results)).toEqual(list.map((_, index) => `${index}`));
        await commit.idle();
        expect(written).toEqual(list.map((_, index) => index));
      }),
      { numRuns: 40 },
    );
  });

  test('tells a refused value from a failing database by SQLSTATE', () => {
    const withCode = (code: string) => Object.assign(new Error(code), { code });
    expect(['22021', '23505', '54000'].map((code) => isValueFault(withCode(code)))).toEqual([true, true, true]);
    expect(['57P01', '40001', 'ECONNRESET'].map((code) => isValueFault(withCode(code)))).toEqual([false, false, false]);
  });
});

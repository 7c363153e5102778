import { describe, expect, test } from 'vitest';
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

  test('tells a refused value from a failing database by SQLSTATE', () => {
    const withCode = (code: string) => Object.assign(new Error(code), { code });
    expect(['22021', '23505', '54000'].map((code) => isValueFault(withCode(code)))).toEqual([true, true, true]);
    expect(['57P01', '40001', 'ECONNRESET'].map((code) => isValueFault(withCode(code)))).toEqual([false, false, false]);
  });
});

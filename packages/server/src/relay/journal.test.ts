import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLog } from '../platform/log.ts';
import { JournaledMessage } from './journal.ts';
import type { NewDelivery, Settlement } from './store.ts';

const ROW = { requestId: 'r', dueAt: new Date(Date.now() + 3_600_000), content: '{}' } as NewDelivery;
const SETTLEMENT = { requestId: 'r' } as Settlement;
const silent = createLog({ level: 'error', write: () => undefined });

type Write = 'done' | 'lost' | 'ambiguous' | 'refused';
const writes = fc.array(fc.constantFrom<Write>('done', 'lost', 'ambiguous', 'refused'), { minLength: 1, maxLength: 4 });
const turns = fc.array(fc.nat(3), { minLength: 8, maxLength: 8 });

/** A table of one row, whose writes come to what is given, in turn, and are done at last. */
function table(outcomes: readonly Write[], pauses: readonly number[]) {
  const left = [...outcomes];
  let turn = 0;
  const pause = async (): Promise<void> => {
    turn += 1;
    for (let n = pauses[turn % pauses.length] ?? 0; n > 0; n -= 1)
      await new Promise((resolve) => setImmediate(resolve));
  };
  const coded = (code: string): Error => Object.assign(new Error(code), { code });
  const state = { rows: 0 };
  const write = async (mayBeRefused: boolean): Promise<void> => {
    const outcome = left.shift() ?? 'done';
    await pause();
    if (outcome === 'lost') throw new Error('connection lost');
    if (outcome === 'refused' && mayBeRefused) throw coded('22021');
    if (state.rows > 0) throw coded('23505');
    state.rows += 1;
    await pause();
    if (outcome === 'ambiguous') throw new Error('connection lost');
  };
  return { state, write, pause };
}

test('in whatever order it is spilled, ended and given up, a message leaves the journal once, with one row', async () => {
  await fc.assert(
    fc.asyncProperty(writes, turns, fc.boolean(), fc.nat(3), async (outcomes, pauses, isGivenUp, spills) => {
      const { state, write, pause } = table(outcomes, pauses);
      const lefts: boolean[] = [];
      let settledWithoutRow = 0;
      const first = new JournaledMessage({
        row: ROW,
        clock: { now: () => new Date() },
        log: silent,
        retryMs: 0,
        settle: async () => {
          if (state.rows === 0) settledWithoutRow += 1;
          return { own: true, promoted: [] };
        },
        writeEnded: async ({ first: { row } }) => {
          if (row === null) return false;
          await write(true);
          return true;
        },
        writeLeased: async () => {
          await write(false);
          return 'leased';
        },
        left: (isWritten) => void lefts.push(isWritten),
      });
      const end = async (): Promise<void> => {
        for (let attempt = 0; attempt < 5; attempt += 1) {
          await pause();
          try {
            await first.submit(SETTLEMENT);
            return;
          } catch {
            // As the runner does: again, and at last given up.
          }
        }
        first.giveUp();
      };
      const sweep = async (): Promise<void> => {
        for (let n = 0; n < spills; n += 1) {
          await pause();
          first.spill(n === 2 ? 0 : undefined);
        }
      };
      await Promise.all([isGivenUp ? first.giveUp() : end(), sweep(), first.written]);
      expect([lefts, state.rows, settledWithoutRow]).toEqual([[true], 1, 0]);
      expect(first.row).toBeNull();
    }),
    { numRuns: 300 },
  );
});

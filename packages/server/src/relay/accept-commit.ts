import { createGroupCommit, isValueFault, type GroupCommit } from './group-commit.ts';
import type { RelayLimits } from './relay.ts';
import type { NewDelivery } from './store.ts';

const BESIDE_BELOW_ROWS = 8;
/** While commits take as many rows as this, the next waits for company: a statement has a price of its own. */
const GATHER_FROM_ROWS = 12;
const GATHER_MS = 2;

/** Group commits of accepted messages, which their callers wait for: at a small load at once, at a great one many in each. */
export function createAcceptCommit<Result>(
  limits: Pick<RelayLimits, 'commitRowsMax' | 'commitCharactersMax'>,
  write: (rows: readonly NewDelivery[]) => Promise<readonly Result[]>,
): GroupCommit<NewDelivery, Result> {
  let lastRows = 0;
  return createGroupCommit({
    ...rowCommit(limits),
    besideBelowRows: BESIDE_BELOW_ROWS,
    gatherMs: GATHER_MS,
    isUrgent: () => lastRows < GATHER_FROM_ROWS,
    write: (rows) => {
      lastRows = rows.length;
      return write(rows);
    },
  });
}

/** What every group commit of deliveries has: how many it takes, how many characters of content, and whose a fault is. */
export function rowCommit(limits: Pick<RelayLimits, 'commitRowsMax' | 'commitCharactersMax'>) {
  return {
    rowsMax: limits.commitRowsMax,
    weightOf: (row: NewDelivery) => row.content.length,
    weightMax: limits.commitCharactersMax,
    isItemFault: isValueFault,
  };
}

import type { Database } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { createGroupCommit, isValueFault } from './group-commit.ts';
import { insertDeliveries, insertOrdered, type Inserted } from './insert-store.ts';
import type { RelayErrorCode, RelayLimits } from './relay.ts';
import type { NewDelivery } from './store.ts';

type UnwrittenLimits = Pick<
  RelayLimits,
  'commitRowsMax' | 'commitCharactersMax' | 'unwrittenMax' | 'unwrittenBytesMax'
>;

const RETRY_AFTER_SECONDS = 1;
const BESIDE_BELOW_ROWS = 8;
/** While commits take as many rows as this, the next waits for company: a statement has a price of its own. */
const GATHER_FROM_ROWS = 4;
const GATHER_MS = 2;

/**
 * Messages on their way into the database, in group commits. What waits here is bounded in number and bytes: beyond that
 * a message is refused at once, and nothing of it is stored.
 */
export interface Unwritten {
  /** Throws `relay_full` where there is no room for a message of that size. */
  assertRoom(contentBytes: number): void;
  /** Counts a message until what it returns is called, once. Throws `relay_full` at once where there is no room for it. */
  reserve(contentBytes: number): () => void;
  submit(row: NewDelivery): Promise<Inserted>;
  /** Resolves when nothing is waiting or being written. */
  idle(): Promise<void>;
  /** What waits or is being written. */
  waiting(): { readonly messages: number; readonly bytes: number };
}

export function createUnwritten(
  db: Database,
  limits: UnwrittenLimits,
  onFull: () => void = () => undefined,
): Unwritten {
  const options = {
    rowsMax: limits.commitRowsMax,
    weightOf: (row: NewDelivery) => row.content.length,
    weightMax: limits.commitCharactersMax,
    isItemFault: isValueFault,
  };
  let lastRows = 0;
  const plain = createGroupCommit({
    ...options,
    besideBelowRows: BESIDE_BELOW_ROWS,
    gatherMs: GATHER_MS,
    isUrgent: () => lastRows < GATHER_FROM_ROWS,
    write: (rows) => {
      lastRows = rows.length;
      return insertDeliveries(db, rows);
    },
  });
  // Messages with an ordering key take locks and look at what is before them; the others need not wait for that. One
  // batch after another: of two beside each other the later might come first.
  const ordered = createGroupCommit({ ...options, write: (rows) => insertOrdered(db, rows) });
  let rowsWaiting = 0;
  let bytesWaiting = 0;
  const assertRoom = (contentBytes: number): void => {
    if (rowsWaiting < limits.unwrittenMax && bytesWaiting + contentBytes <= limits.unwrittenBytesMax) return;
    onFull();
    throw new DomainError<RelayErrorCode>('relay_full', { retryAfterSeconds: `${RETRY_AFTER_SECONDS}` });
  };
  return {
    assertRoom,
    reserve(contentBytes) {
      assertRoom(contentBytes);
      rowsWaiting += 1;
      bytesWaiting += contentBytes;
      return () => {
        rowsWaiting -= 1;
        bytesWaiting -= contentBytes;
      };
    },
    waiting: () => ({ messages: rowsWaiting, bytes: bytesWaiting }),
    submit: (row) => (row.orderingKey === null ? plain : ordered).submit(row),
    async idle() {
      await Promise.all([plain.idle(), ordered.idle()]);
    },
  };
}

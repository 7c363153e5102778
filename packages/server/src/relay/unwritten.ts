import type { Database } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { createAcceptCommit, rowCommit } from './accept-commit.ts';
import { createGroupCommit } from './group-commit.ts';
import { insertDeliveries, insertOrdered, type Inserted } from './insert-store.ts';
import type { RelayErrorCode, RelayLimits } from './relay.ts';
import type { NewDelivery } from './store.ts';

type UnwrittenLimits = Pick<
  RelayLimits,
  'commitRowsMax' | 'commitCharactersMax' | 'unwrittenMax' | 'unwrittenBytesMax'
>;

const RETRY_AFTER_SECONDS = 1;

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
  const plain = createAcceptCommit(limits, (rows) => insertDeliveries(db, rows));
  // Messages with an ordering key take locks and look at what is before them; the others need not wait for that. One
  // batch after another: of two beside each other the later might come first.
  const ordered = createGroupCommit({ ...rowCommit(limits), write: (rows) => insertOrdered(db, rows) });
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

import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import { uuidV7 } from '../platform/ids.ts';
import { LinkedList } from '../platform/linked-list.ts';
import type { Logger } from '../platform/log.ts';
import { createAcceptCommit, rowCommit } from './accept-commit.ts';
import { insertEnded } from './ended-store.ts';
import { createGroupCommit, isUniqueViolation, isValueFault, type GroupCommit } from './group-commit.ts';
import { insertDeliveries, type Inserted } from './insert-store.ts';
import { deleteJournals, insertJournal } from './journal-store.ts';
import type { RelayLimits } from './relay.ts';
import type { Settled } from './settle-store.ts';
import type { NewDelivery, Settlement } from './store.ts';

export interface JournalDependencies {
  /** For what must be on disk before anything goes out. */
  readonly durable: Database;
  /** For what the journal's row answers for until it is on disk. */
  readonly prompt: Database;
  readonly clock: Clock;
  readonly log: Logger;
  /** The settlement of a delivery that has its row. */
  readonly settle: (settlement: Settlement) => Promise<Settled>;
  readonly onEnded: (count: number) => void;
  readonly limits: Pick<
    RelayLimits,
    'commitRowsMax' | 'commitCharactersMax' | 'settleRowsMax' | 'settleGatherMs' | 'journalMs'
  >;
}

const RETRY_MS = 250;
/** An outcome that takes so long to write waits for somebody else's lock: its message gets its row without it. */
const ENDING_MS_MAX = 1_000;
/** How long journals that are no longer needed gather to be deleted. */
const DELETE_GATHER_MS = 100;
const DELETED_MAX = 512;

/** An attempt that has ended, of a message that stands in the journal. */
interface Ended {
  readonly first: JournaledMessage;
  readonly settlement: Settlement;
}

/** A row of the journal, and how many of its messages have no rows of their own yet. */
interface JournalRow {
  readonly id: string;
  left: number;
}

/**
 * The first attempts of messages whose rows are yet to be written. A batch of messages is one row on disk before anything
 * goes out; a message that was answered at once is then written together with its attempt, and never stands in the queue.
 * One whose attempt takes longer than `journalMs` gets its rows as every other. The journal's row goes when all of its
 * messages have theirs; should the node die before, another takes it up when the lease has ended (`takeUpJournals`).
 */
export class Journal {
  readonly #dependencies: JournalDependencies;
  readonly #entries: GroupCommit<NewDelivery, JournalRow>;
  readonly #ended: GroupCommit<Ended, boolean>;
  readonly #leased: GroupCommit<NewDelivery, Inserted>;
  readonly #deletes: GroupCommit<string, undefined>;
  /** In the order in which they were journaled. */
  readonly #pending = new LinkedList<JournaledMessage>();
  #sweep: NodeJS.Timeout | null = null;

  constructor(dependencies: JournalDependencies) {
    const { durable, prompt, limits, onEnded } = dependencies;
    this.#dependencies = dependencies;
    const weighed = { weightMax: limits.commitCharactersMax, isItemFault: isValueFault };
    this.#entries = createAcceptCommit(limits, (rows) => this.#writeRow(durable, rows));
    this.#leased = createGroupCommit({ ...rowCommit(limits), write: (rows) => insertDeliveries(prompt, rows) });
    this.#ended = createGroupCommit<Ended, boolean>({
      ...weighed,
      rowsMax: limits.settleRowsMax,
      gatherMs: limits.settleGatherMs,
      isUrgent: ({ settlement }) => settlement.next.state === 'failed',
      weightOf: ({ first, settlement }) => (first.row?.content.length ?? 0) + (settlement.attempt.answer?.length ?? 0),
      write: async (items) => {
        onEnded(items.length);
        // Those that have left meanwhile have rows: their outcomes are settled there.
        const together = items.map(({ first: { row: own }, settlement }) => own && { row: own, settlement });
        const rows = together.filter((item) => item !== null);
        if (rows.length > 0) await insertEnded(prompt, rows);
        return together.map((item) => item !== null);
      },
    });
    this.#deletes = createGroupCommit<string, undefined>({
      ...weighed,
      rowsMax: DELETED_MAX,
      gatherMs: DELETE_GATHER_MS,
      isUrgent: () => false,
      weightOf: () => 0,
      write: async (ids) => {
        await deleteJournals(prompt, ids);
        return ids.map(() => undefined);
      },
    });
  }

  /**
   * Resolves when the message is on disk. What it returns takes the attempt's settlement.
   *
   * @param written called once, when the message has rows of its own, or is left to the end of its lease
   */
  async add(row: NewDelivery, written: () => void): Promise<JournaledMessage> {
    // Nothing below but the first attempt itself holds the row: it may wait long for its settlement.
    const journalRow = await this.#entries.submit(row);
    const first = new JournaledMessage({
      ...this.#dependencies,
      row,
      writeEnded: (item) => this.#ended.submit(item),
      writeLeased: (own) => this.#leased.submit(own),
      left: (isWritten) => {
        this.#pending.remove(place);
        if (isWritten) this.#written(journalRow);
        written();
      },
    });
    const place = this.#pending.append(first);
    if (this.#sweep === null) this.#sweepLater();
    return first;
  }

  /** Resolves when every message that stands in it now has rows of its own; after `waitMs` in any case. */
  async caughtUp(waitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, waitMs);
    await Promise.race([this.#allWritten(), promise]).finally(() => clearTimeout(timer));
  }

  /** Resolves when nothing is left to write. */
  async idle(): Promise<void> {
    await this.#entries.idle();
    await this.#allWritten();
    await this.#deletes.idle();
  }

  async #allWritten(): Promise<void> {
    await Promise.all(Array.from(this.#pending, (first) => first.written));
  }

  async #writeRow(db: Database, rows: readonly NewDelivery[]): Promise<JournalRow[]> {
    const journalRow = { id: uuidV7(this.#dependencies.clock.now()), left: rows.length };
    const leaseEndsAt = new Date(Math.max(...rows.map((row) => (row.dueAt ?? row.acceptedAt).getTime())));
    await insertJournal(db, { id: journalRow.id, leaseEndsAt, rows });
    return rows.map(() => journalRow);
  }

  #written(journalRow: JournalRow): void {
    journalRow.left -= 1;
    if (journalRow.left > 0) return;
    const { log } = this.#dependencies;
    // Where it fails, whoever takes the journal up finds nothing missing.
    this.#deletes
      .submit(journalRow.id)
      .catch((error: unknown) => log.warn({ err: error }, 'a journal was not deleted'));
  }

  #spillOld(): void {
    const { journalMs } = this.#dependencies.limits;
    const beforeMs = performance.now() - journalMs;
    for (const first of this.#pending) {
      if (first.beganMs > beforeMs) break;
      first.spill(ENDING_MS_MAX);
    }
    this.#sweep = null;
    if (!this.#pending.isEmpty) this.#sweepLater();
  }

  #sweepLater(): void {
    this.#sweep = setTimeout(() => this.#spillOld(), this.#dependencies.limits.journalMs / 2);
  }
}

type JournaledDependencies = Pick<JournalDependencies, 'clock' | 'log' | 'settle'> & {
  readonly row: NewDelivery;
  /** Between two tries to give it its row. */
  readonly retryMs?: number;
  readonly writeEnded: (item: Ended) => Promise<boolean>;
  readonly writeLeased: (row: NewDelivery) => Promise<Inserted>;
  /** It has its rows, or is left to the end of its lease. */
  readonly left: (isWritten: boolean) => void;
};

/** One message that stands in the journal while its first attempt is made. */
export class JournaledMessage {
  readonly beganMs = performance.now();
  readonly #dependencies: Omit<JournaledDependencies, 'row'>;
  readonly #requestId: string;
  readonly #left = Promise.withResolvers<void>();
  /** Null when it has left: whatever still holds this holds no content. */
  #row: NewDelivery | null;
  #isWritten = false;
  /** Since when its outcome is being written. */
  #endingMs: number | null = null;
  #spilling: Promise<void> | null = null;

  constructor({ row, ...dependencies }: JournaledDependencies) {
    this.#row = row;
    this.#requestId = row.requestId;
    this.#dependencies = dependencies;
  }

  /** Resolves when it has left the journal. */
  get written(): Promise<void> {
    return this.#left.promise;
  }

  /** The message, until it has left. */
  get row(): NewDelivery | null {
    return this.#row;
  }

  /** Writes what the attempt came to: with the message, or into the rows that it has by now. */
  async submit(settlement: Settlement): Promise<Settled> {
    if (this.#spilling === null && this.#row !== null && (await this.#end(settlement))) {
      return { own: true, promoted: [] };
    }
    await this.#spilling;
    // Without a row of its own there is nothing to settle: whoever takes the journal up sends it again.
    return this.#isWritten ? this.#dependencies.settle(settlement) : { own: false, promoted: [] };
  }

  /** No settlement will come: the message gets its row, whose lease will end. */
  giveUp(): void {
    this.#endingMs = null;
    this.spill();
  }

  /** Writes the message's rows now, unless its outcome is just being written, and has been for no longer than that. */
  spill(endingMsMax = Number.POSITIVE_INFINITY): void {
    if (this.#row === null) return;
    if (this.#endingMs !== null && performance.now() - this.#endingMs < endingMsMax) return;
    this.#spilling ??= this.#writeLeased(this.#row);
  }

  /** Whether the message and its outcome were written together. */
  async #end(settlement: Settlement): Promise<boolean> {
    this.#endingMs = performance.now();
    try {
      if (!(await this.#dependencies.writeEnded({ first: this, settlement }))) return false;
      this.#leave(true);
      return true;
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      // Its row is there: written by a commit that seemed to fail, by a spill, or by who took the journal up.
      this.#leave(true);
      return false;
    }
  }

  async #writeLeased(row: NewDelivery): Promise<void> {
    const { clock, log, writeLeased, retryMs = RETRY_MS } = this.#dependencies;
    const { dueAt } = row;
    for (;;) {
      try {
        await writeLeased(row);
        return this.#leave(true);
      } catch (error) {
        if (isUniqueViolation(error)) return this.#leave(true);
        const over = dueAt === null || clock.now() >= dueAt || isValueFault(error);
        log.error(
          { err: error, requestId: this.#requestId, givenUp: over },
          'an accepted message could not be given its row',
        );
        if (over) return this.#leave(false);
      }
      await delay(retryMs);
    }
  }

  #leave(isWritten: boolean): void {
    if (this.#row === null) return;
    this.#row = null;
    this.#isWritten = isWritten;
    this.#left.resolve();
    this.#dependencies.left(isWritten);
  }
}

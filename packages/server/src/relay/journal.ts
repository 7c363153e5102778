import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import { uuidV7 } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { insertEnded, type EndedFirst } from './ended-store.ts';
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

const BESIDE_BELOW_ROWS = 8;
/** While commits take as many rows as this, the next waits for company: a statement has a price of its own. */
const GATHER_FROM_ROWS = 4;
const GATHER_MS = 2;
const RETRY_MS = 250;
/** How long journals that are no longer needed gather to be deleted. */
const DELETE_GATHER_MS = 100;
const DELETED_MAX = 512;

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
  readonly #ended: GroupCommit<EndedFirst, undefined>;
  readonly #leased: GroupCommit<NewDelivery, Inserted>;
  readonly #deletes: GroupCommit<string, undefined>;
  /** In the order in which they were journaled. */
  readonly #pending = new Map<string, FirstAttempt>();
  #sweep: NodeJS.Timeout | null = null;

  constructor(dependencies: JournalDependencies) {
    const { durable, prompt, limits, onEnded } = dependencies;
    this.#dependencies = dependencies;
    const weighed = { weightMax: limits.commitCharactersMax, isItemFault: isValueFault };
    const row = { ...weighed, rowsMax: limits.commitRowsMax, weightOf: ({ content }: NewDelivery) => content.length };
    let lastRows = 0;
    this.#entries = createGroupCommit<NewDelivery, JournalRow>({
      ...row,
      besideBelowRows: BESIDE_BELOW_ROWS,
      gatherMs: GATHER_MS,
      isUrgent: () => lastRows < GATHER_FROM_ROWS,
      write: async (rows) => {
        lastRows = rows.length;
        return this.#writeRow(durable, rows);
      },
    });
    this.#leased = createGroupCommit<NewDelivery, Inserted>({
      ...row,
      write: (rows) => insertDeliveries(prompt, rows),
    });
    this.#ended = createGroupCommit<EndedFirst, undefined>({
      ...weighed,
      rowsMax: limits.settleRowsMax,
      gatherMs: limits.settleGatherMs,
      isUrgent: ({ settlement }) => settlement.next.state === 'failed',
      weightOf: (item) => item.row.content.length + (item.settlement.attempt.answer?.length ?? 0),
      write: async (items) => {
        onEnded(items.length);
        await insertEnded(prompt, items);
        return items.map(() => undefined);
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
  async add(row: NewDelivery, written: () => void): Promise<FirstAttempt> {
    const journalRow = await this.#entries.submit(row);
    const first = new FirstAttempt({
      ...this.#dependencies,
      row,
      writeEnded: (item) => this.#ended.submit(item),
      writeLeased: (own) => this.#leased.submit(own),
      left: (isWritten) => {
        this.#pending.delete(row.requestId);
        if (isWritten) this.#written(journalRow);
        written();
      },
    });
    this.#pending.set(row.requestId, first);
    if (this.#sweep === null) this.#sweepLater();
    return first;
  }

  /** Resolves when the message has rows of its own, at once where it stands in no journal of this node. */
  async written(requestId: string): Promise<void> {
    await this.#pending.get(requestId)?.written;
  }

  /** Resolves when every message that stands in it now has rows of its own. */
  async caughtUp(): Promise<void> {
    await Promise.all(Array.from(this.#pending.values(), (first) => first.written));
  }

  /** Resolves when nothing is left to write. */
  async idle(): Promise<void> {
    await this.#entries.idle();
    await this.caughtUp();
    await this.#deletes.idle();
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
    for (const first of this.#pending.values()) {
      if (first.beganMs > beforeMs) break;
      first.spill();
    }
    this.#sweep = null;
    if (this.#pending.size > 0) this.#sweepLater();
  }

  #sweepLater(): void {
    this.#sweep = setTimeout(() => this.#spillOld(), this.#dependencies.limits.journalMs / 2);
  }
}

type FirstAttemptDependencies = Pick<JournalDependencies, 'clock' | 'log' | 'settle'> & {
  readonly row: NewDelivery;
  readonly writeEnded: (item: EndedFirst) => Promise<undefined>;
  readonly writeLeased: (row: NewDelivery) => Promise<Inserted>;
  /** It has its rows, or is left to the end of its lease. */
  readonly left: (isWritten: boolean) => void;
};

/** One message that stands in the journal while its first attempt is made. */
export class FirstAttempt {
  readonly beganMs = performance.now();
  readonly #dependencies: FirstAttemptDependencies;
  readonly #left = Promise.withResolvers<void>();
  #hasLeft = false;
  #isEnding = false;
  #spilling: Promise<void> | null = null;

  constructor(dependencies: FirstAttemptDependencies) {
    this.#dependencies = dependencies;
  }

  /** Resolves when it has left the journal. */
  get written(): Promise<void> {
    return this.#left.promise;
  }

  /** Writes what the attempt came to: with the message, or into the rows that it has by now. */
  async submit(settlement: Settlement): Promise<Settled> {
    const { row, writeEnded, settle } = this.#dependencies;
    if (this.#spilling === null && !this.#hasLeft) {
      this.#isEnding = true;
      try {
        await writeEnded({ row, settlement });
        this.#leave(true);
        return { own: true, promoted: [] };
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        // Its row is there: written by a commit that seemed to fail, or by who took the journal up.
        this.#leave(true);
      }
    }
    await this.#spilling;
    return settle(settlement);
  }

  /** No settlement will come: the message gets its row, whose lease will end. */
  giveUp(): void {
    this.#isEnding = false;
    this.spill();
  }

  /** Writes the message's rows now, unless its attempt is just being written. */
  spill(): void {
    if (!this.#isEnding && !this.#hasLeft) this.#spilling ??= this.#writeLeased();
  }

  async #writeLeased(): Promise<void> {
    const { row, clock, log, writeLeased } = this.#dependencies;
    const { requestId, dueAt } = row;
    for (;;) {
      try {
        await writeLeased(row);
        return this.#leave(true);
      } catch (error) {
        if (isUniqueViolation(error)) return this.#leave(true);
        const over = dueAt === null || clock.now() >= dueAt || isValueFault(error);
        log.error({ err: error, requestId, givenUp: over }, 'an accepted message could not be given its row');
        if (over) return this.#leave(false);
      }
      await delay(RETRY_MS);
    }
  }

  #leave(isWritten: boolean): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#left.resolve();
    this.#dependencies.left(isWritten);
  }
}

import { sqlState } from '../platform/database/index.ts';
import { UnderWay } from './under-way.ts';

/**
 * Writes that arrive together are committed together: while one batch is being written the next one gathers, so under
 * load a commit's fsync is shared by many and alone nobody waits for company.
 */
export interface GroupCommit<Item, Result> {
  /** Resolves when the item's batch is committed. Rejects as `write` did. */
  submit(item: Item): Promise<Result>;
  /** Resolves when nothing is waiting or being written. */
  idle(): Promise<void>;
}

export interface GroupCommitOptions<Item, Result> {
  /** One statement for the whole batch; the results in the order of the items. */
  write(items: readonly Item[]): Promise<readonly Result[]>;
  readonly rowsMax: number;
  readonly weightOf: (item: Item) => number;
  readonly weightMax: number;
  /**
   * How long a batch gathers before it is written, unless it is full or an item of it is urgent: where nobody waits for
   * the commit, fewer and larger ones leave the disk to others. Default: not at all.
   */
  readonly gatherMs?: number;
  readonly isUrgent?: (item: Item) => boolean;
  /**
   * While the batches being written are smaller than this together, another is written beside them: at a small load
   * nobody waits for somebody else's commit, at a great one few commits take many. Default: one batch at a time.
   */
  readonly besideBelowRows?: number;
  /** Whether an error is one item's fault, so that the others of its batch are to be written without it. */
  readonly isItemFault: (error: unknown) => boolean;
}

interface Entry<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export function createGroupCommit<Item, Result>(options: GroupCommitOptions<Item, Result>): GroupCommit<Item, Result> {
  let gathering: Entry<Item, Result>[] = [];
  let looping = 0;
  const underWay = new UnderWay();
  let writingRows = 0;
  const { besideBelowRows = 0 } = options;
  const { gatherMs = 0, isUrgent = () => true } = options;
  let hurry: (() => void) | null = null;

  /** Whatever this turn of the event loop still reads from its sockets joins the batch, or what comes in a while. */
  const gather = async (): Promise<void> => {
    if (gatherMs === 0 || gathering.length >= options.rowsMax || gathering.some((entry) => isUrgent(entry.item))) {
      await new Promise((resolve) => setImmediate(resolve));
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, gatherMs);
    hurry = resolve;
    await promise;
    clearTimeout(timer);
    hurry = null;
  };

  const takeBatch = (): Entry<Item, Result>[] => {
    let weight = 0;
    let count = 0;
    for (const { item } of gathering) {
      weight += options.weightOf(item);
      // The first is taken whatever it weighs.
      if (count > 0 && (count === options.rowsMax || weight > options.weightMax)) break;
      count += 1;
    }
    const batch = gathering.slice(0, count);
    gathering = gathering.slice(count);
    return batch;
  };

  const writeBatch = async (batch: readonly Entry<Item, Result>[]): Promise<void> => {
    let results: readonly Result[];
    try {
      results = await options.write(batch.map((entry) => entry.item));
    } catch (error) {
      if (batch.length > 1 && options.isItemFault(error)) {
        for (const entry of batch) await writeBatch([entry]);
        return;
      }
      for (const entry of batch) entry.reject(error);
      return;
    }
    for (const [index, entry] of batch.entries()) entry.resolve(results[index] as Result);
  };

  const run = async (): Promise<void> => {
    try {
      while (gathering.length > 0) {
        await gather();
        const batch = takeBatch();
        // The other loop took them all.
        if (batch.length === 0) break;
        writingRows += batch.length;
        await writeBatch(batch);
        writingRows -= batch.length;
      }
    } finally {
      // In the same turn as the last look: what comes later finds that nobody looks any more.
      looping -= 1;
      underWay.end();
    }
  };

  const startLoop = (): void => {
    looping += 1;
    underWay.begin();
    void run();
  };

  return {
    submit(item) {
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      gathering.push({ item, resolve, reject });
      if (looping === 0 || (looping < LOOPS_MAX && writingRows > 0 && writingRows < besideBelowRows)) startLoop();
      if (hurry !== null && (gathering.length >= options.rowsMax || isUrgent(item))) hurry();
      return promise;
    },
    idle: () => underWay.idle(),
  };
}

const LOOPS_MAX = 2;

/** SQLSTATE classes that say something of the values: data exception, constraint violation, program limit. */
const ITEM_FAULT_CLASSES = new Set(['22', '23', '54']);

/** Whether the row is there already. */
export function isUniqueViolation(error: unknown): boolean {
  return sqlState(error) === '23505';
}

/** Whether PostgreSQL refused a value, as opposed to having failed itself. */
export function isValueFault(error: unknown): boolean {
  return ITEM_FAULT_CLASSES.has(sqlState(error)?.slice(0, 2) ?? '');
}

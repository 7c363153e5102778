import type { Database, Transaction } from './connect.ts';

const TRIES_MAX = 6;
/** Deadlock, serialization failure, lock not available. */
const WORTH_ANOTHER_TRY: ReadonlySet<string> = new Set(['40P01', '40001', '55P03']);

/** The SQLSTATE of an error of PostgreSQL. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Whether a transaction failed only because it met another one. */
export function isWorthAnotherTry(error: unknown): boolean {
  return WORTH_ANOTHER_TRY.has(sqlState(error) ?? '');
}

/**
 * Runs work in a transaction, again where it met another one in a ring of locks: an import holds the locks of many flows
 * at once, in the order of its lines. The work must be repeatable.
 */
export async function inTransactionRetried<T>(db: Database, work: (tx: Transaction) => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (tried >= TRIES_MAX || !isWorthAnotherTry(error)) throw error;
    }
  }
}

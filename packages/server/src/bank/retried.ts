import type { Database, Transaction } from '../platform/database/index.ts';

const TRIES_MAX = 6;
/** Deadlock, serialization failure, lock not available. */
const WORTH_ANOTHER_TRY = new Set(['40P01', '40001', '55P03']);
/** SQLSTATE classes of a database that cannot work now: connection, resources, intervention of an operator, system. */
const DATABASE_TROUBLE = /^(?:08|53|57|58|XX)/;

function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/** Runs work in a transaction, again where it met another one in a ring of locks. The work must be repeatable. */
export async function inTransactionRetried<T>(db: Database, work: (tx: Transaction) => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (tried >= TRIES_MAX || !WORTH_ANOTHER_TRY.has(sqlState(error) ?? '')) throw error;
    }
  }
}

/** Whether the database itself is in trouble: then trying line by line is of no use. */
export function isOfTheDatabase(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return DATABASE_TROUBLE.test(state) || WORTH_ANOTHER_TRY.has(state);
  const system = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /^E[A-Z]+$/.test(system) || (error instanceof Error && /connection|timeout/i.test(error.message));
}

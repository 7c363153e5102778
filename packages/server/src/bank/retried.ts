import { isWorthAnotherTry, sqlState } from '../platform/database/index.ts';

export { inTransactionRetried } from '../platform/database/index.ts';

/** SQLSTATE classes of a database that cannot work now: connection, resources, intervention of an operator, system. */
const DATABASE_TROUBLE = /^(?:08|53|57|58|XX)/;

/** Whether the database itself is in trouble: then trying line by line is of no use. */
export function isOfTheDatabase(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return DATABASE_TROUBLE.test(state) || isWorthAnotherTry(error);
  const system = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  return /^E[A-Z]+$/.test(system) || (error instanceof Error && /connection|timeout/i.test(error.message));
}

export { openDatabase } from './connect.ts';
export type { Database, DatabaseOptions, Executor, NoTables, OpenDatabase, Transaction } from './connect.ts';

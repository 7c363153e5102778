export { openDatabase } from './connect.ts';
export type { Database, DatabaseOptions, Executor, NoTables, OpenDatabase, Transaction } from './connect.ts';
export { startEmbeddedPostgres } from './embedded.ts';
export type { DatabaseLog, EmbeddedPostgres, EmbeddedPostgresOptions, StartTimings } from './embedded.ts';
export { migrate } from './migrations.ts';
export type { MigrationResult } from './migrations.ts';

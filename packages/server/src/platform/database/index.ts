export { openDatabase } from './connect.ts';
export type { Database, Executor, NoTables, OpenDatabase, Transaction } from './connect.ts';
export { startEmbeddedPostgres } from './embedded.ts';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './embedded.ts';
export { migrate } from './migrations.ts';
export { inTransactionRetried, isWorthAnotherTry, sqlState } from './retried.ts';
export { Batch, batchColumn, type BatchColumn } from './batch.ts';
export { bytesArray, hexArray, instantArray, plainArray, textArray } from './array-literal.ts';

import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from 'kysely';
import type { Transaction as KyselyTransaction } from 'kysely';
import { Pool, TypeOverrides, types, type PoolClient, type QueryConfig, type QueryResult } from 'pg';

/** No tables known: a capability names its own with `database.withTables<{ delivery: DeliveryTable }>()`. */
export type NoTables = object;

/** The query builder over the pool. */
export type Database = Kysely<NoTables>;

/** The query builder inside one transaction. */
export type Transaction = KyselyTransaction<NoTables>;

/** What a store function takes: it runs the same inside a transaction and outside of one. */
export type Executor = Database | Transaction;

export interface DatabaseOptions {
  /** `postgresql://…`; a socket directory is percent-encoded where the host stands. */
  readonly url: string;
  /** Connections this process holds at most. */
  readonly poolSizeMax: number;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** A statement that runs longer is cancelled. Default 30 s; 0 is no limit. */
  readonly statementTimeoutMs?: number;
  /** A session that idles inside a transaction longer is ended. Default 60 s; 0 is no limit. */
  readonly idleInTransactionTimeoutMs?: number;
  /** Server settings of every session, beside those above. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told of a pooled connection that broke while nobody used it (the server restarted); the pool opens another. */
  readonly onConnectionError?: (error: Error) => void;
}

export interface OpenDatabase {
  readonly db: Database;
  readonly pool: Pool;
  readonly connectionString: string;
  /** Ends every connection. May be called twice. */
  close(): Promise<void>;
}

const STATEMENT_TIMEOUT_MS = 30_000;
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
const IDLE_CONNECTION_MS = 60_000;
const KEEP_ALIVE_AFTER_MS = 60_000;

// Array types in pg_type.dat.
const INT8_ARRAY = 1016;
const DATE_ARRAY = 1182;

/**
 * `bigint` as a number. Counts, ids and fen are far below 2^53; a value beyond it raises rather than loses a digit.
 */
function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`bigint ${text} is beyond 2^53`);
  return value;
}

/** The parser of a one-dimensional array as PostgreSQL prints it, `{1,NULL,3}`, of items that never need quotes. */
function parseArrayOf<Item>(parseItem: (text: string) => Item): (text: string) => (Item | null)[] {
  return (text) => {
    const inner = text.slice(1, -1);
    if (inner === '') return [];
    return inner.split(',').map((item) => (item === 'NULL' ? null : parseItem(item)));
  };
}

const keepText = (text: string): string => text;

/**
 * How column types arrive: bigint as number, timestamptz as Date, date as `yyyy-MM-dd` (a Date would be midnight of
 * the process's own zone), numeric as string, jsonb parsed, bytea as Buffer.
 */
function columnTypes(): TypeOverrides {
  const overrides = new TypeOverrides();
  overrides.setTypeParser(types.builtins.INT8, parseInt8);
  overrides.setTypeParser(INT8_ARRAY, parseArrayOf(parseInt8));
  overrides.setTypeParser(types.builtins.DATE, keepText);
  overrides.setTypeParser(DATE_ARRAY, parseArrayOf(keepText));
  return overrides;
}

/**
 * Opens a pool and proves it with one query. Sessions run in UTC with a limit on statements and on idle transactions.
 *
 * @throws the driver's error when the server cannot be reached or refuses the login
 */
export async function openDatabase(options: DatabaseOptions): Promise<OpenDatabase> {
  const pool = new Pool({
    connectionString: options.url,
    max: options.poolSizeMax,
    application_name: options.applicationName,
    statement_timeout: options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? IDLE_IN_TRANSACTION_TIMEOUT_MS,
    options: Object.entries({ timezone: 'UTC', ...options.settings })
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    keepAlive: true,
    // Sessions that only hold a lock or listen say nothing for hours; what stands between would forget them.
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    types: columnTypes(),
  });
  // Without a listener a connection that breaks while idle would end the process.
  pool.on('error', (error) => {
    // The pool hangs its client on the error: a logger would write out the whole session with its cancel key.
    Object.defineProperty(error, 'client', { enumerable: false });
    options.onConnectionError?.(error);
  });
  // One that breaks while it is lent out tells whoever runs a statement on it; between statements nobody would hear.
  pool.on('connect', (client) => client.on('error', () => undefined));
  const db = new Kysely<NoTables>({ dialect: new PostgresDialect({ pool: preparing(pool) }) });

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= db.destroy().then(() => (pool.ended ? undefined : pool.end())));

  try {
    await pool.query('select 1');
  } catch (error) {
    await close();
    throw error;
  }
  return { db, pool, connectionString: options.url, close };
}

/** How a statement asks to be prepared: `/* prepared NAME *\/` before anything else. */
const PREPARED = /^\s*\/\* prepared (\w{1,60}) \*\//;

/**
 * The pool with statements prepared that ask for it: each connection parses such a text once, and its plan is made once.
 * A name stands for one text alone; the driver refuses another under the same name.
 */
function preparing(pool: Pool): PostgresPool {
  const prepared = new WeakMap<PoolClient, PostgresPoolClient>();
  return {
    options: pool.options,
    async connect() {
      const client = await pool.connect();
      const known = prepared.get(client);
      if (known !== undefined) return known;
      const query = (statement: string, parameters: readonly unknown[]): Promise<QueryResult> => {
        const name = PREPARED.exec(statement)?.[1];
        const config = { ...(name !== undefined && { name }), text: statement, values: [...parameters] };
        return byCallback(client, config);
      };
      // Everything else is the client's own.
      const made = Object.create(client, { query: { value: query } }) as PostgresPoolClient;
      prepared.set(client, made);
      return made;
    },
    end: () => pool.end(),
  };
}

/**
 * The result of a query. Not by the driver's own promise: the queries that were made that way stay in memory, parameters and
 * all, until the old generation is collected (seen in V8 13.6: of 12,000 queries in turn every second one outlived its
 * scavenges; by callback none).
 */
function byCallback(client: PoolClient, config: QueryConfig): Promise<QueryResult> {
  const { promise, resolve, reject } = Promise.withResolvers<QueryResult>();
  client.query(config, (error: Error | null, result) => (error === null ? resolve(result) : reject(error)));
  return promise.catch((error: unknown) => {
    // The stack that leads to whoever asked, not to the socket.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  });
}

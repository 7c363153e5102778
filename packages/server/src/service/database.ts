import type { Config } from '../platform/config.ts';
import {
  migrate,
  openDatabase,
  startEmbeddedPostgres,
  type Database,
  type OpenDatabase,
} from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Logger } from '../platform/log.ts';
import { RELAY_POOL_SETTINGS, type RelayPools } from '../relay/index.ts';

export interface ServiceDatabase extends OpenDatabase {
  /** The cluster or the schema was made by this start. */
  isNew: boolean;
  /** Milliseconds of each part of the start. */
  timings: Record<string, number>;
  migrationsApplied: readonly string[];
  /** Settles when the embedded server ended and cannot be brought back. */
  failed: Promise<Error>;
}

/**
 * The database of the configuration, its schema up to date: the embedded PostgreSQL of the data directory, or the
 * operator's own. What it opens is handed to `resources`, which closes it.
 *
 * @throws DomainError those of `startEmbeddedPostgres` and `migrate`, and `database_unreachable`; the driver's error where it has a code
 */
export async function openServiceDatabase(
  config: Config,
  log: Logger,
  resources: AsyncDisposableStack,
): Promise<ServiceDatabase> {
  const timings: Record<string, number> = {};
  const failure = Promise.withResolvers<Error>();
  let url = config.databaseUrl;
  if (url === null) {
    const embedded = await startEmbeddedPostgres({
      dataDir: config.dataDir,
      log,
      onUnexpectedExit: (error) => failure.resolve(error),
    });
    resources.defer(() => embedded.stop());
    url = embedded.connectionString;
    if (embedded.timings.initialiseMs > 0) timings['initdb'] = embedded.timings.initialiseMs;
    timings['database'] = embedded.timings.prepareMs + embedded.timings.startMs;
  }
  const database = await openDatabase({
    url,
    poolSizeMax: config.databasePoolSizeMax,
    applicationName: `yinxin ${config.nodeName}`,
    onConnectionError: (error) => log.warn({ err: error }, 'a database connection broke while idle'),
  }).catch((error: unknown) => {
    throw unreachable(error);
  });
  resources.defer(() => database.close());
  const { applied, durationMs } = await migrate(database.pool);
  timings['migrations'] = durationMs;
  return { ...database, isNew: applied.length > 0, timings, migrationsApplied: applied, failed: failure.promise };
}

const RELAY_POOL_SIZES = { durable: 4, prompt: 8 } as const;

/** The relay's own connections, so that nothing else of the service stands in its way. They close with `resources`. */
export async function openRelayPools(
  config: Config,
  { connectionString }: ServiceDatabase,
  resources: AsyncDisposableStack,
): Promise<RelayPools> {
  const open = async (kind: keyof RelayPools): Promise<Database> => {
    const opened = await openDatabase({
      url: connectionString,
      poolSizeMax: RELAY_POOL_SIZES[kind],
      applicationName: `yinxin ${config.nodeName} relay ${kind}`,
      settings: RELAY_POOL_SETTINGS[kind],
    });
    resources.defer(() => opened.close());
    return opened.db;
  };
  const [durable, prompt] = await Promise.all([open('durable'), open('prompt')]);
  return { durable, prompt };
}

/** The database server's present, in milliseconds since 1970. */
export async function databaseTime(pool: ServiceDatabase['pool']): Promise<number> {
  const { rows } = await pool.query<{ ms: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms',
  );
  const [row] = rows;
  if (row === undefined) throw new Error('the database told no time');
  return row.ms;
}

/** The driver has no code for a server that does not answer in time or does not speak TLS: its words are all there is. */
function unreachable(error: unknown): unknown {
  const broken = error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
  if (!(error instanceof Error) || ('code' in error && !broken)) return error;
  const { message } = error;
  const reason =
    broken || /timeout|terminated unexpectedly/i.test(message) ? `it does not answer (${message})` : message;
  return new DomainError('database_unreachable', { reason }, { cause: error });
}

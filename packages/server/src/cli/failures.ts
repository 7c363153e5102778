import { ConfigError } from '../platform/config.ts';
import { isDomainError } from '../platform/errors.ts';
import { CliError } from './context.ts';

type Params = Readonly<Record<string, string>>;

/** What a person at the terminal is told, and can do, when the service cannot start. */
const START_FAILURES: Readonly<Record<string, (params: Params) => string>> = {
  data_directory_in_use: ({ dataDirectory = '', pid = '' }) =>
    `${dataDirectory} is in use by process ${pid}; stop that one, or choose another directory with YINXIN_DATA_DIR`,
  data_directory_unusable: ({ path = '', reason = '' }) => `${path}: ${reason}`,
  database_account_missing: ({ reason = '' }) => reason,
  database_binaries_missing: ({ reason = '' }) => reason,
  database_initialisation_failed: ({ reason = '' }) => `the database could not be made: ${reason}`,
  database_start_failed: ({ reason = '' }) => `the database does not start: ${reason}`,
  database_version_unsupported: ({ found = '', supported = '' }) =>
    `the data directory was made by PostgreSQL ${found}, this version brings ${supported}; dump it there and load it here`,
  database_newer_than_code: ({ applied = '' }) =>
    `a newer Yinxin has migrated this database (${applied}); run that version or a later one`,
  migration_missing: ({ file = '' }) => `the database knows a migration that this version lacks: ${file}`,
  migration_changed: ({ file = '' }) => `the migration ${file} differs from the one that was applied`,
  migration_out_of_order: ({ file = '', newestApplied = '' }) =>
    `the migration ${file} comes before ${newestApplied}, which is applied already`,
  migration_file_invalid: ({ file = '', reason = '' }) => `the migration ${file}: ${reason}`,
  migration_failed: ({ file = '', line = '', reason = '' }) => `the migration ${file}, line ${line}: ${reason}`,
  master_key_invalid: ({ message = '' }) => message,
  master_key_exposed: ({ message = '' }) => message,
};

const SYSTEM_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another program; choose another with --port or YINXIN_PORT',
  EADDRNOTAVAIL: 'this machine has no such address; choose another with --host or YINXIN_HOST',
  EACCES: 'permission denied',
  ECONNREFUSED: 'the database of DATABASE_URL refuses connections',
  ENOTFOUND: 'the host of DATABASE_URL is not known',
};

export interface Failure {
  exitCode: 1 | 2;
  lines: readonly string[];
}

/** What to tell of a failure: a line or two for what a person can mend, the whole stack for what nobody foresaw. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof ConfigError) {
    const faults = error.faults.map((fault) => `  ${fault.variable} ${fault.message}`);
    return { exitCode: 2, lines: ['yinxin: the configuration is not right:', ...faults] };
  }
  if (error instanceof CliError) return { exitCode: 1, lines: [`yinxin: ${error.message}`] };
  const known = isDomainError(error) ? START_FAILURES[error.code]?.(error.params) : systemFailure(error);
  if (known !== undefined) return { exitCode: 1, lines: [`yinxin: ${known}`] };
  const whole = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: 1, lines: [`yinxin: ${whole}`] };
}

function systemFailure(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const known = SYSTEM_FAILURES[error.code];
  return known === undefined ? undefined : `${known} (${error.message})`;
}

import { ConfigError } from '../platform/config.ts';
import { isDomainError } from '../platform/errors.ts';
import { CliEnd, CliError } from './context.ts';

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
  database_unreachable: ({ reason = '' }) => `the database of DATABASE_URL cannot be used: ${reason}`,
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
  trust_roots_unreadable: ({ path = '', reason = '' }) => `YINXIN_TRUST_ROOTS, ${path}: ${reason}`,
  sealed_by_other_key: () =>
    'the secrets in the database were sealed under another master key; bring back the master-key file, or the YINXIN_MASTER_KEY, that they were made with',
};

/** By the error codes of the system and of PostgreSQL (SQLSTATE). */
const SYSTEM_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another program; choose another with --port or YINXIN_PORT',
  EADDRNOTAVAIL: 'this machine has no such address; choose another with --host or YINXIN_HOST',
  EACCES: 'permission denied',
  ECONNREFUSED: 'the database of DATABASE_URL refuses connections',
  ENOTFOUND: 'the host of DATABASE_URL is not known',
  EAI_AGAIN: 'the name service does not answer for the host of DATABASE_URL',
  ETIMEDOUT: 'the host of DATABASE_URL does not answer',
  EHOSTUNREACH: 'the host of DATABASE_URL is out of reach',
  ENETUNREACH: 'the host of DATABASE_URL is out of reach',
  ECONNRESET: 'the connection to the database broke',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EPERM: 'permission denied',
  EEXIST: 'a file stands where a directory is needed',
  ENOTDIR: 'a file stands where a directory is needed',
  ENOENT: 'a file or directory is missing',
  '28P01': 'the database refuses the password of DATABASE_URL',
  '28000': 'the database refuses the login of DATABASE_URL',
  '3D000': 'there is no such database as DATABASE_URL names; create it first',
  '42501':
    'the database user may not do this; it must own the database or be granted CREATE on it and its schema public',
  '53300': 'the database has no connection left; lower YINXIN_DATABASE_POOL or raise max_connections',
  '57P03': 'the database is starting or stopping; try again',
  '25006': 'the database is read-only: DATABASE_URL must name the primary',
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
  if (error instanceof CliEnd) return { exitCode: error.exitCode, lines: [] };
  if (error instanceof CliError) return { exitCode: 1, lines: [`yinxin: ${error.message}`] };
  const known = isDomainError(error) ? START_FAILURES[error.code]?.(error.params) : systemFailure(error);
  if (known !== undefined) return { exitCode: 1, lines: [`yinxin: ${known}`] };
  const whole = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { exitCode: 1, lines: [`yinxin: ${whole}`] };
}

function systemFailure(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return undefined;
  const known = Object.hasOwn(SYSTEM_FAILURES, error.code) ? SYSTEM_FAILURES[error.code] : undefined;
  return known === undefined ? undefined : `${known} (${error.message})`;
}

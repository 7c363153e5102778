import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';

import type { Pool, PoolClient } from 'pg';

import { DomainError } from '../errors.ts';

/** The package's own migrations; `src` and `dist` stand at the same depth beside them. */
export const MIGRATIONS_FOLDER = new URL('../../../migrations/', import.meta.url);

/** One file `NNNN_name.sql`. */
export interface Migration {
  readonly version: number;
  /** The file's name. */
  readonly name: string;
  readonly sql: string;
  /** Of the text with `\n` line ends, in hex: a checkout that turns them into `\r\n` changes nothing. */
  readonly sha256: string;
}

/** A row of `schema_migration`. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly sha256: string;
}

export interface MigrationResult {
  /** Names of the files that this call applied. */
  readonly applied: readonly string[];
  readonly durationMs: number;
}

const FILE_NAME = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** The lock all starting nodes take before they change the schema. The number means nothing; it must stay the same. */
const MIGRATION_LOCK = 8_046_110_718;

/** SQLSTATE undefined_table: no migration was ever applied. */
const UNDEFINED_TABLE = '42P01';

/**
 * The migrations of a folder, by number.
 *
 * @throws DomainError `migration_file_invalid`: a name that is not NNNN_name.sql, or a number used twice
 */
export async function readMigrations(folder: URL): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const migrations = await Promise.all(names.map((name) => readMigration(folder, name)));
  for (const [index, migration] of migrations.entries()) {
    const before = migrations[index - 1];
    if (before?.version === migration.version) {
      throw new DomainError('migration_file_invalid', {
        file: migration.name,
        reason: `${before.name} has the same number`,
      });
    }
  }
  return migrations;
}

async function readMigration(folder: URL, name: string): Promise<Migration> {
  const digits = FILE_NAME.exec(name)?.[1];
  if (digits === undefined) {
    throw new DomainError('migration_file_invalid', { file: name, reason: 'the name must be NNNN_lower_case.sql' });
  }
  const sql = (await readFile(new URL(name, folder), 'utf8')).replaceAll('\r\n', '\n');
  return { version: Number(digits), name, sql, sha256: createHash('sha256').update(sql).digest('hex') };
}

/**
 * What is to be applied, in order. Pure.
 *
 * @throws DomainError `migration_changed`, `migration_missing`, `migration_out_of_order`, or
 *   `database_newer_than_code` when another, newer Yinxin has migrated the database
 */
export function pendingMigrations(
  files: readonly Migration[],
  applied: readonly AppliedMigration[],
): readonly Migration[] {
  const byVersion = new Map(files.map((file) => [file.version, file]));
  const newestFile = Math.max(0, ...files.map((file) => file.version));
  for (const row of applied) {
    const file = byVersion.get(row.version);
    if (file === undefined && row.version > newestFile) {
      throw new DomainError('database_newer_than_code', { applied: row.name, newestKnown: String(newestFile) });
    }
    if (file === undefined) throw new DomainError('migration_missing', { file: row.name });
    if (file.sha256 !== row.sha256) throw new DomainError('migration_changed', { file: file.name });
  }
  const appliedVersions = new Set(applied.map((row) => row.version));
  const newestApplied = Math.max(0, ...appliedVersions);
  const pending = files.filter((file) => !appliedVersions.has(file.version));
  const late = pending.find((file) => file.version < newestApplied);
  if (late !== undefined) {
    throw new DomainError('migration_out_of_order', { file: late.name, newestApplied: String(newestApplied) });
  }
  return pending;
}

/**
 * Brings the schema up to the files of the folder. Any number of nodes may call it at once: each file is applied by
 * one of them, in one transaction. With nothing to do it costs one query.
 *
 * @throws DomainError those of `readMigrations` and `pendingMigrations`, and `migration_failed` with the file, the
 *   line and PostgreSQL's reason; the files before it stay applied
 */
export async function migrate(pool: Pool, folder: URL = MIGRATIONS_FOLDER): Promise<MigrationResult> {
  const begun = performance.now();
  const files = await readMigrations(folder);
  const applied: string[] = [];
  if (pendingMigrations(files, await readApplied(pool)).length > 0) {
    const client = await pool.connect();
    try {
      for (let name = await applyNext(client, files); name !== undefined; name = await applyNext(client, files)) {
        applied.push(name);
      }
    } finally {
      // Settings that a file may have changed for its session end with it.
      client.release(true);
    }
  }
  return { applied, durationMs: performance.now() - begun };
}

async function readApplied(executor: Pool | PoolClient): Promise<AppliedMigration[]> {
  try {
    const found = await executor.query<AppliedMigration>(
      'select version, name, sha256 from schema_migration order by version',
    );
    return found.rows;
  } catch (error) {
    if ((error as { code?: unknown }).code === UNDEFINED_TABLE) return [];
    throw error;
  }
}

/** Applies the first pending file, under the lock, in one transaction. Returns its name; undefined when none is left. */
async function applyNext(client: PoolClient, files: readonly Migration[]): Promise<string | undefined> {
  await client.query('begin');
  try {
    // Waiting for another node, or building an index, may take long.
    await client.query(`set local statement_timeout = 0; select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    await client.query(`
      create table if not exists schema_migration (
        version integer primary key,
        name text not null,
        sha256 text not null,
        applied_at timestamptz not null default now()
      )`);
    const next = pendingMigrations(files, await readApplied(client))[0];
    if (next !== undefined) await apply(client, next);
    await client.query('commit');
    return next?.name;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

async function transactionId(client: PoolClient): Promise<string> {
  const found = await client.query<{ id: string }>('select pg_current_xact_id()::text as id');
  return found.rows[0]?.id ?? '';
}

async function apply(client: PoolClient, migration: Migration): Promise<void> {
  try {
    const before = await transactionId(client);
    await client.query(migration.sql);
    if ((await transactionId(client)) !== before) throw new Error('a migration must not begin, commit or roll back');
  } catch (cause) {
    const { message, position } = cause as { message?: string; position?: string };
    const line = position === undefined ? '?' : String(migration.sql.slice(0, Number(position)).split('\n').length);
    throw new DomainError('migration_failed', { file: migration.name, line, reason: message ?? '' }, { cause });
  }
  await client.query('insert into schema_migration (version, name, sha256) values ($1, $2, $3)', [
    migration.version,
    migration.name,
    migration.sha256,
  ]);
}

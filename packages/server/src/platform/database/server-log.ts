import { constants, copyFile, readFile, rename, rm, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

import { openToAppend, openToChange } from './owned-file.ts';

/** What PostgreSQL prints: one file of at most about this size, and the one before. */
const LOG_BYTES_MAX = 4 * 1024 * 1024;

async function isFull(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found !== undefined && found.size > LOG_BYTES_MAX;
}

/** Opens the log for a server about to start; a full one becomes the one before. The caller closes it. */
export async function openServerLog(path: string): Promise<FileHandle> {
  if (await isFull(path)) await rename(path, `${path}.1`);
  return openToAppend(path);
}

/** Empties a full log whose server runs and holds it open to append; a copy becomes the one before. */
export async function boundServerLog(path: string): Promise<void> {
  if (!(await isFull(path))) return;
  await rm(`${path}.1`, { force: true });
  await copyFile(path, `${path}.1`, constants.COPYFILE_EXCL);
  const file = await openToChange(path);
  try {
    await file.truncate();
  } finally {
    await file.close();
  }
}

/** The last lines, joined to one, for an error's reason. */
export async function serverLogTail(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trim().split('\n').slice(-5).join(' | ');
}

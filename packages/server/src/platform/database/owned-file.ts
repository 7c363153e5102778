import { constants, open, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

import type { Account } from './account.ts';

// The home belongs to the account, and we may be root: a link that the account put in a file's place is never followed.
const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR, O_WRONLY } = constants;
/** Windows has no such flag. */
const NOT_FOLLOWED = O_NOFOLLOW ?? 0;

/** Writes a new file in the place of one of before, as the account's own, readable by it alone. */
export async function writeOwned(path: string, text: string, account: Account | undefined): Promise<void> {
  await rm(path, { force: true });
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | NOT_FOLLOWED, 0o600);
  try {
    if (account !== undefined) await file.chown(account.uid, account.gid);
    await file.writeFile(text);
  } finally {
    await file.close();
  }
}

/** Opens a file to append to, making it where missing. The caller closes it. */
export function openToAppend(path: string): Promise<FileHandle> {
  return open(path, O_WRONLY | O_CREAT | O_APPEND | NOT_FOLLOWED, 0o600);
}

/** Opens a file that is there, to read and write. The caller closes it. */
export function openToChange(path: string): Promise<FileHandle> {
  return open(path, O_RDWR | NOT_FOLLOWED);
}

import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

const TOKEN_BYTES = 32;
const TOKEN_FORM = /^[\w-]{43}$/;

/**
 * The operator's token for the admin API: made once, kept in a file that its owner alone may read. Several nodes that
 * start at once agree on one: the first `link` wins, and a kill in the middle leaves no half file.
 *
 * @throws Error where others may read the file, naming the command that mends it
 */
export async function loadAdminToken(file: string): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${randomBytes(TOKEN_BYTES).toString('base64url')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(draft, file);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readAdminToken(file);
}

/** Reads the token for a client. @throws Error where it is missing, malformed or readable by others */
export async function readAdminToken(file: string): Promise<string> {
  const { mode } = await stat(file);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new Error(`others may read the admin token; run: chmod 600 ${file}`);
  }
  const token = (await readFile(file, 'utf8')).trim();
  if (!TOKEN_FORM.test(token)) throw new Error(`${file} holds no admin token; remove it and start the service again`);
  return token;
}

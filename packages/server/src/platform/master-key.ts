import { randomBytes } from 'node:crypto';
import { link, mkdir, open, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DomainError } from './errors.ts';
import { MASTER_KEY_BYTES } from './vault.ts';

/** The message for the operator is `params.message`; it names the file and never the key. */
export type MasterKeyErrorCode = 'master_key_invalid' | 'master_key_exposed';

const READABLE_BY_OTHERS = 0o077;
/** Far more than a key takes: a file of another kind is not read whole. */
const KEY_FILE_BYTES_MAX = 4096;

/**
 * The master key: the given one (base64 or hex), else the one in `file`, which is made at the first start. Nodes that
 * start at once on one data directory get the same key, and a kill at any moment leaves a whole file or none.
 *
 * @throws DomainError with a `MasterKeyErrorCode`
 */
export async function loadMasterKey(source: { given?: string | undefined; file: string }): Promise<Buffer> {
  if (source.given !== undefined) return decode(source.given, 'the given master key');
  const present = await read(source.file);
  if (present !== undefined) return present;
  await create(source.file);
  const created = await read(source.file);
  if (created === undefined) throw invalid(`the master key file ${source.file} vanished while it was made`);
  return created;
}

/** Undefined when there is no such file. */
async function read(file: string): Promise<Buffer | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const { mode, size } = await handle.stat();
    if ((mode & READABLE_BY_OTHERS) !== 0) {
      const message = `the master key file ${file} is open to other users; run: chmod 600 '${file}'`;
      throw new DomainError<MasterKeyErrorCode>('master_key_exposed', { message });
    }
    if (size > KEY_FILE_BYTES_MAX) throw invalid(`the master key file ${file} holds ${size} bytes, which is no key`);
    return decode(await handle.readFile('utf8'), `the master key file ${file}`);
  } finally {
    await handle.close();
  }
}

/** Writes the whole file under another name and gives it its own by a link, which fails where one exists already. */
async function create(file: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(8).toString('hex')}.new`;
  const handle = await open(draft, 'wx', 0o600);
  try {
    try {
      await handle.writeFile(`${randomBytes(MASTER_KEY_BYTES).toString('base64')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(draft, file).catch((error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    });
  } finally {
    await unlink(draft);
  }
  await syncDirectory(dirname(file));
}

/** A name is durable only when its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function decode(text: string, origin: string): Buffer {
  const trimmed = text.trim();
  const isHex = /^[0-9a-f]+$/i.test(trimmed) && trimmed.length === MASTER_KEY_BYTES * 2;
  if (!isHex && !/^[A-Za-z0-9+/]+={0,2}$/.test(trimmed)) throw invalid(`${origin} is neither base64 nor hex`);
  const key = Buffer.from(trimmed, isHex ? 'hex' : 'base64');
  if (key.length !== MASTER_KEY_BYTES) {
    throw invalid(`${origin} has ${key.length} bytes; it must have ${MASTER_KEY_BYTES}, in base64 or hex`);
  }
  return key;
}

function invalid(message: string): DomainError<MasterKeyErrorCode> {
  return new DomainError<MasterKeyErrorCode>('master_key_invalid', { message });
}

import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hexId } from '../platform/ids.ts';
import { storedFileDamaged, storedFileMissing } from './file-store.ts';
import type { FileStore } from './file-store.ts';
import { sha256Hex } from './sha256.ts';

/**
 * Files in a directory, named by their SHA-256 and something of their own: `ab/cd…-…`. What is read is held against the
 * name, a name never changes its content, and a crash leaves at most a `.partial` file that no key leads to. Readable
 * by the owner alone.
 */
export function createDirectoryFileStore(directory: string): FileStore {
  function placeOf(key: string): { folder: string; path: string } {
    if (!/^[0-9a-f]{64}-[0-9a-f]{32}$/.test(key)) throw storedFileMissing(key);
    const folder = join(directory, key.slice(0, 2));
    return { folder, path: join(folder, key.slice(2)) };
  }

  async function write(folder: string, path: string, pieces: readonly Buffer[]): Promise<void> {
    const partial = `${path}.partial`;
    try {
      const file = await open(partial, 'wx', 0o600);
      try {
        for (const piece of pieces) await file.writeFile(piece);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    await syncDirectory(folder);
  }

  async function getUnchecked(key: string): Promise<{ bytes: Buffer; sha256: string }> {
    const { path } = placeOf(key);
    const bytes = await readFile(path).catch((error: unknown) => {
      throw isMissing(error) ? storedFileMissing(key, error) : error;
    });
    return { bytes, sha256: key.slice(0, key.indexOf('-')) };
  }

  return {
    async put(bytes, sha256) {
      const pieces = Buffer.isBuffer(bytes) ? [bytes] : bytes;
      const key = `${sha256 ?? (await sha256Hex(...pieces))}-${hexId()}`;
      const { folder, path } = placeOf(key);
      const made = await mkdir(folder, { recursive: true, mode: 0o700 });
      if (made !== undefined) await syncDirectory(directory);
      await write(folder, path, pieces);
      return key;
    },

    async get(key) {
      const { bytes, sha256 } = await getUnchecked(key);
      if ((await sha256Hex(bytes)) !== sha256) throw storedFileDamaged(key);
      return bytes;
    },

    getUnchecked,

    async delete(key) {
      await rm(placeOf(key).path, { force: true });
    },
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** A new name is durable only when its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.ts';
import type { TestDatabase } from '../../test/support/database.ts';
import { createDirectoryFileStore, createDocuments } from './index.ts';
import type { Documents } from './index.ts';

const appId = 'OIG0AF4DMOK2VC2N';
let database: TestDatabase;
let directory: string;
let now = new Date('2026-01-01T00:00:00Z');
let documents: Documents;

beforeAll(async () => {
  [database, directory] = await Promise.all([createTestDatabase(), mkdtemp(join(tmpdir(), 'yinxin-files-'))]);
  documents = createDocuments({
    db: database.db,
    files: createDirectoryFileStore(join(directory, 'files')),
    clock: { now: () => now },
    baseUrl: () => 'http://127.0.0.1:8000',
    fileUrlKey: randomBytes(32),
    fileUrlLifeMs: 60_000,
  });
});
afterAll(async () => {
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

async function storedPaths(): Promise<string[]> {
  const entries = await readdir(join(directory, 'files'), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

test('a file is kept, read back, and gone once it is discarded', async () => {
  const bytes = randomBytes(100_000);
  const stored = await documents.storeFile({ appId, fileName: '房屋买卖合同.pdf', bytes });
  expect(stored).toMatchObject({ appId, fileName: '房屋买卖合同.pdf', byteLength: 100_000, createdAt: now });
  const read = await documents.readFile(stored);
  expect(read.bytes.equals(bytes)).toBe(true);
  const [path] = await storedPaths();
  expect((await stat(path!)).mode & 0o777).toBe(0o600);

  await documents.discardFile(stored);
  await documents.discardFile(stored);
  await expect(documents.readFile(stored)).rejects.toMatchObject({ code: 'file_not_found' });
  expect(await storedPaths()).toEqual([]);
});

test('of two files with the same bytes one can be discarded', async () => {
  const bytes = randomBytes(1000);
  const [one, two] = await Promise.all(
    ['a.pdf', 'b.pdf'].map((fileName) => documents.storeFile({ appId, fileName, bytes })),
  );
  await documents.discardFile(one!);
  expect((await documents.readFile(two!)).bytes.equals(bytes)).toBe(true);
  await documents.discardFile(two!);
});

test('another app does not find it', async () => {
  const stored = await documents.storeFile({ appId, fileName: 'a.pdf', bytes: Buffer.from('x') });
  expect(await documents.findFile({ appId: 'AAAAAAAAAAAAAAAA', fileId: stored.fileId })).toBeUndefined();
  await documents.discardFile(stored);
});

test('a file that changed on the disk, or is gone from it, is not passed off as the one that was stored', async () => {
  const stored = await documents.storeFile({ appId, fileName: 'a.pdf', bytes: Buffer.from('original') });
  const [path] = await storedPaths();
  await writeFile(path!, 'changed!');
  await expect(documents.readFile(stored)).rejects.toMatchObject({ code: 'stored_file_damaged' });
  await rm(path!);
  await expect(documents.readFile(stored)).rejects.toMatchObject({ code: 'stored_file_missing' });
});

test('a key that is no key of the store reaches no file', async () => {
  const store = createDirectoryFileStore(join(directory, 'files'));
  await writeFile(join(directory, 'secret'), 'secret');
  for (const key of ['../secret', '', 'ab/../../secret', `${'a'.repeat(64)}-../../secret`]) {
    await expect(store.get(key)).rejects.toMatchObject({ code: 'stored_file_missing' });
  }
  expect(await readFile(join(directory, 'secret'), 'utf8')).toBe('secret');
});

test('a URL opens the file for its short life', async () => {
  const stored = await documents.storeFile({ appId, fileName: 'a.pdf', bytes: Buffer.from('by link') });
  const url = new URL(documents.fileUrl(stored));
  const [, , app = '', fileId = ''] = url.pathname.split('/');
  const parts = {
    appId: app,
    fileId,
    expires: url.searchParams.get('expires') ?? '',
    signature: url.searchParams.get('signature') ?? '',
  };
  expect((await documents.openFileUrl(parts)).bytes.toString()).toBe('by link');
  await expect(documents.openFileUrl({ ...parts, appId: 'A' })).rejects.toMatchObject({ code: 'file_url_forged' });
  now = new Date(now.getTime() + 60_000);
  await expect(documents.openFileUrl(parts)).rejects.toMatchObject({ code: 'file_url_expired' });
});

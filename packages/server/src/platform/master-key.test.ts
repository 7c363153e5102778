import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadMasterKey } from './master-key.ts';

let directory: string;
let file: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'yinxin-key-'));
  file = join(directory, 'data', 'master.key');
});

afterEach(() => rm(directory, { recursive: true }));

test('the first start makes a key that only its owner can read, and the next start finds it', async () => {
  const key = await loadMasterKey({ file });
  expect(key).toHaveLength(32);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, 'utf8')).toBe(`${key.toString('base64')}\n`);
  expect(await loadMasterKey({ file })).toEqual(key);
  expect(await readdir(join(directory, 'data'))).toEqual(['master.key']);
});

test('nodes that start at once on one data directory agree', async () => {
  const keys = await Promise.all(Array.from({ length: 20 }, () => loadMasterKey({ file })));
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(1);
  expect(await readdir(join(directory, 'data'))).toEqual(['master.key']);
});

test('what a kill in the middle leaves behind does not disturb the next start', async () => {
  await loadMasterKey({ file });
  await rm(file);
  await writeFile(`${file}.0011223344556677.new`, 'half a k', { mode: 0o600 });
  expect(await loadMasterKey({ file })).toHaveLength(32);
});

test('a key file open to group or others is refused, with the command that mends it', async () => {
  await loadMasterKey({ file });
  for (const mode of [0o640, 0o604, 0o660]) {
    await chmod(file, mode);
    await expect(loadMasterKey({ file })).rejects.toMatchObject({
      code: 'master_key_exposed',
      params: { message: expect.stringContaining(`chmod 600 '${file}'`) },
    });
  }
  await chmod(file, 0o400);
  expect(await loadMasterKey({ file })).toHaveLength(32);
});

test('a given key wins, in base64 or hex, and no file is made', async () => {
  const key = Buffer.from('0123456789abcdef0123456789abcdef');
  expect(await loadMasterKey({ given: key.toString('base64'), file })).toEqual(key);
  expect(await loadMasterKey({ given: ` ${key.toString('hex').toUpperCase()}\n`, file })).toEqual(key);
  await expect(stat(file)).rejects.toThrow('ENOENT');
});

test.each([
  ['', 'neither base64 nor hex'],
  ['not a key!', 'neither base64 nor hex'],
  [Buffer.alloc(16).toString('base64'), '16 bytes'],
  [Buffer.alloc(33).toString('base64'), '33 bytes'],
  [Buffer.alloc(31).toString('hex'), 'must have 32'],
])('the given key %j is refused without being repeated', async (given, words) => {
  const error: { params: { message: string } } = await loadMasterKey({ given, file }).then(
    () => expect.unreachable(),
    (thrown) => thrown,
  );
  expect(error).toMatchObject({ code: 'master_key_invalid' });
  expect(error.params.message).toContain(words);
  if (given !== '') expect(error.params.message).not.toContain(given);
});

test('an empty or foreign key file is told, never overwritten', async () => {
  await loadMasterKey({ file });
  await writeFile(file, '');
  await expect(loadMasterKey({ file })).rejects.toMatchObject({ code: 'master_key_invalid' });
  await writeFile(file, 'x'.repeat(10_000));
  await expect(loadMasterKey({ file })).rejects.toMatchObject({
    params: { message: expect.stringContaining('10000 bytes') },
  });
});

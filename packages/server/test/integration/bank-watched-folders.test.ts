import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import iconv from 'iconv-lite';
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from 'vitest';
import { nameOf } from '../../src/bank/watched-files.ts';
import {
  camt054,
  CAMT054_HEAD,
  CAMT054_TAIL,
  camtEntry,
  NOW,
  startBank,
  type BankFixture,
} from '../support/bank-fixture.ts';

let fixture: BankFixture;
let folder: string;
beforeAll(async () => {
  fixture = await startBank();
});
afterAll(() => fixture.stop());
beforeEach(async () => {
  fixture.identity.told = [];
  fixture.identity.onPayment = () => undefined;
  fixture.time.now = NOW;
  folder = await mkdtemp(join(tmpdir(), 'yinxin-watch-'));
  await fixture.setChannel({
    statements: { format: 'camt054', encoding: 'auto', columns: {}, information: 'untrusted' },
    watchFolder: folder,
  });
});
afterEach(async () => rm(folder, { recursive: true, force: true }));

const within = (name: string | Buffer): Buffer => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]);
async function put(name: string | Buffer, text: string, secondsAgo = 60): Promise<void> {
  await writeFile(within(name), text);
  const at = new Date(fixture.time.now.getTime() - secondsAgo * 1_000);
  await utimes(within(name), at, at);
}
const run = async (): Promise<number> => fixture.bank.importWatchedFolders();
const left = async (): Promise<string[]> => (await readdir(folder)).filter((name) => !OWN.has(name));
const OWN = new Set(['processing', 'done', 'failed']);
/** What lies in a folder without time and id: the files, and what their reports say. */
async function ended(where: 'done' | 'failed'): Promise<Record<string, Record<string, unknown>>> {
  const names = await readdir(join(folder, where));
  const reports = names.filter((name) => name.endsWith('.report.json'));
  expect(names).toHaveLength(reports.length * 2);
  const entries = reports.map(async (name): Promise<[string, Record<string, unknown>]> => {
    const report = JSON.parse(await readFile(join(folder, where, name), 'utf8')) as Record<string, unknown>;
    return [name.replace(/^\d+-[0-9a-f]{8}-/, '').replace('.report.json', ''), report];
  });
  return Object.fromEntries(await Promise.all(entries));
}
const processing = async (): Promise<string[]> => readdir(join(folder, 'processing'));
const to = async (): Promise<string> => (await fixture.flow()).subAccountNo;

test('whole files are imported once by two nodes, reports stand beside them', async () => {
  await put('good.xml', camt054([{ to: await to(), reference: 'W1' }]));
  await put('bad.xml', 'no statement');
  await put('new.xml', camt054([]), 0);
  await put('half.xml.part', camt054([]));
  const nodes = [fixture.bank, fixture.anotherNode(), fixture.anotherNode()];
  const counts = await Promise.all(nodes.map(async (node) => node.importWatchedFolders()));
  expect(counts.reduce((sum, count) => sum + count)).toBe(2);
  expect((await left()).toSorted()).toEqual(['half.xml.part', 'new.xml']);
  expect(await processing()).toEqual([]);
  expect(await ended('done')).toMatchObject({ 'good.xml': { lines: 1, matched: 1 } });
  expect(await ended('failed')).toEqual({ 'bad.xml': { error: 'statement_invalid', reason: 'not_xml' } });
});

test('a file that is dated ahead, as a copy keeps the time of another clock, does not wait for ever', async () => {
  await put('ahead.xml', camt054([]), -86_400);
  expect(await run()).toBe(1);
});

test('what a node that died left is taken up after ten minutes, a folder without a file is cleared away', async () => {
  await run();
  await mkdir(join(folder, 'processing', 'died'));
  await put('processing/died/left.xml', camt054([{ to: await to(), reference: 'L1' }]));
  await mkdir(join(folder, 'processing', 'empty'));
  for (const name of ['died', 'empty']) await utimes(join(folder, 'processing', name), NOW, NOW);
  expect(await run()).toBe(0);
  fixture.time.now = new Date(NOW.getTime() + 10 * 60_000);
  const counts = await Promise.all([run(), fixture.anotherNode().importWatchedFolders()]);
  expect(counts.reduce((sum, count) => sum + count)).toBe(1);
  expect(await processing()).toEqual([]);
  expect(await ended('done')).toMatchObject({ 'left.xml': { matched: 1 } });
});

test('a file of the same name that comes while the first is read takes the place of neither', async () => {
  const [first, second] = [await to(), await to()];
  await put('daily.xml', camt054([{ to: first, reference: 'D1' }]));
  let later: Promise<number> | undefined;
  fixture.identity.onPayment = async () => {
    if (later !== undefined) return;
    await put('daily.xml', camt054([{ to: second, reference: 'D2' }]));
    later = fixture.anotherNode().importWatchedFolders();
    await later;
  };
  expect(await run()).toBe(1);
  expect(await later).toBe(1);
  const files = (await readdir(join(folder, 'done'))).filter((name) => name.endsWith('.xml'));
  const texts = await Promise.all(files.map(async (name) => readFile(join(folder, 'done', name), 'utf8')));
  expect(new Set(texts.map((text) => /D\d/.exec(text)?.[0]))).toEqual(new Set(['D1', 'D2']));
  expect(fixture.identity.told).toHaveLength(2);
});

test('a file that is written to while it is read is read again, whole', async () => {
  const [first, second] = [await to(), await to()];
  await put('slow.xml', CAMT054_HEAD + camtEntry({ to: first, reference: 'S1' }));
  fixture.identity.onPayment = async () => {
    const [claim] = await processing();
    await appendFile(
      join(folder, 'processing', claim!, 'slow.xml'),
      camtEntry({ to: second, reference: 'S2' }) + CAMT054_TAIL,
    );
  };
  expect(await run()).toBe(0);
  expect(await ended('failed')).toEqual({});
  fixture.identity.onPayment = () => undefined;
  expect(await run()).toBe(0);
  fixture.time.now = new Date(NOW.getTime() + 61_000);
  expect(await run()).toBe(1);
  expect(await ended('done')).toMatchObject({ 'slow.xml': { lines: 2, known: 1, matched: 1, complete: true } });
  expect(fixture.identity.told).toHaveLength(2);
});

test('links, folders and pipes are no statements, also where they take a file’s place', async () => {
  await symlink('/etc/hostname', join(folder, 'link.xml'));
  await mkdir(join(folder, 'folder.xml'));
  execFileSync('mkfifo', [join(folder, 'pipe.xml')]);
  expect(await run()).toBe(0);
  expect((await left()).toSorted()).toEqual(['folder.xml', 'link.xml', 'pipe.xml']);
  for (const name of ['a', 'b']) await mkdir(join(folder, 'processing', name));
  await symlink('/etc/hostname', join(folder, 'processing', 'a', 'swapped.xml'));
  execFileSync('mkfifo', [join(folder, 'processing', 'b', 'swapped-pipe.xml')]);
  fixture.time.now = new Date(NOW.getTime() + 11 * 60_000);
  for (const name of ['a', 'b']) await utimes(join(folder, 'processing', name), NOW, NOW);
  expect(await run()).toBe(2);
  const names = (await readdir(join(folder, 'failed'))).filter((name) => name.endsWith('.json'));
  const reports = await Promise.all(names.map(async (name) => readFile(join(folder, 'failed', name), 'utf8')));
  expect(reports.map((text) => (JSON.parse(text) as { error: string }).error)).toEqual([
    'file_unreadable',
    'file_unreadable',
  ]);
});

test('names of any bytes: GB18030, line ends, too long, like an option', async () => {
  const names = [
    iconv.encode('对账单 20260322.xml', 'gb18030'),
    Buffer.from('a\nb.xml'),
    Buffer.from([0xff, 0xfe, 0x41]),
    Buffer.from('长'.repeat(85)),
    Buffer.from('-rf'),
    Buffer.from("'; drop table x;--.xml"),
  ];
  for (const name of names) await put(name, camt054([]));
  expect(await run()).toBe(names.length);
  expect(await left()).toEqual([]);
  expect(Object.keys(await ended('done'))).toContain('对账单 20260322.xml');
  expect(nameOf(Buffer.from('../../x\u202e'))).toBe('.._.._x_');
});

test('the same content under two names, and again, is known', async () => {
  const text = camt054([{ to: await to(), reference: 'T1' }]);
  await put('one.xml', text);
  await put('two.xml', text);
  expect(await run()).toBe(2);
  await put('one.xml', text);
  expect(await run()).toBe(1);
  expect(fixture.identity.told).toHaveLength(1);
});

test('a folder that goes and comes back, and one that is a file, keep no other from being read', async () => {
  const other = await mkdtemp(join(tmpdir(), 'yinxin-watch-'));
  try {
    await fixture.setChannel({
      channel: 'other',
      numbers: { kind: 'rule', prefix: '4020', width: 6 },
      statements: { format: 'camt054', encoding: 'auto', columns: {}, information: 'untrusted' },
      watchFolder: other,
    });
    await rm(folder, { recursive: true });
    await writeFile(folder, '');
    await writeFile(join(other, 'x.xml'), camt054([]));
    await utimes(join(other, 'x.xml'), new Date(0), new Date(0));
    expect(await run()).toBe(1);
    await rm(folder);
    expect(await run()).toBe(0);
    await put('back.xml', camt054([]));
    expect(await run()).toBe(1);
  } finally {
    await fixture.setChannel({ channel: 'other', watchFolder: null });
    await rm(other, { recursive: true, force: true });
  }
});

test('a folder of another channel, one in it and one around it are refused', async () => {
  const others = [folder, `${folder}/`, join(folder, 'done'), join(folder, '..')];
  for (const watchFolder of others) {
    await expect(
      fixture.setChannel({
        channel: 'other',
        statements: { format: 'csv', encoding: 'auto', columns: {}, information: 'untrusted' },
        watchFolder,
      }),
    ).rejects.toMatchObject({ code: 'bank_channel_invalid', params: { field: 'watchFolder' } });
  }
});

test('a database that fails leaves the file to be read again', async () => {
  await put('fails.xml', camt054([{ to: await to(), reference: 'F1' }]));
  fixture.identity.onPayment = () => {
    throw Object.assign(new Error('the database is shutting down'), { code: '57P01' });
  };
  expect(await run()).toBe(0);
  expect(await processing()).toHaveLength(1);
  fixture.identity.onPayment = () => undefined;
  fixture.time.now = new Date(NOW.getTime() + 61_000);
  expect(await run()).toBe(1);
  expect(await ended('done')).toMatchObject({ 'fails.xml': { matched: 1 } });
});

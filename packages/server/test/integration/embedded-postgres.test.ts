import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, chown, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';

import { accountFor, canReach } from '../../src/platform/database/account.ts';
import { openDatabase, startEmbeddedPostgres } from '../../src/platform/database/index.ts';
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from '../../src/platform/database/index.ts';
import { place, SOCKET_FILE } from '../../src/platform/database/placement.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const CHILD = fileURLToPath(new URL('../support/embedded-child.ts', import.meta.url));
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
/** A checkout that only root can enter cannot be run as an ordinary user. */
const nobodyReachesUs = isRoot && (await canReach(dirname(CHILD), { name: 'nobody', uid: NOBODY, gid: NOBODY }));

let folder: string;
let undo: (() => Promise<unknown> | void)[];

/** A data directory whose server was stopped: copied by the tests that are not about making one. */
let prepared: string;

beforeAll(async () => {
  prepared = await makeTemporaryFolder('yinxin-embedded-');
  const server = await startEmbeddedPostgres({ dataDir: prepared, fsync: false });
  await server.stop();
});

afterAll(() => rm(prepared, { recursive: true, force: true }));

beforeEach(async () => {
  folder = await makeTemporaryFolder('yinxin-embedded-');
  undo = [() => rm(folder, { recursive: true, force: true })];
});

afterEach(async () => {
  for (const step of undo.reverse()) await step();
});

/** A data directory that an unprivileged account may enter. */
async function dataDirectory(...names: readonly string[]): Promise<string> {
  const path = join(folder, ...(names.length === 0 ? ['data'] : names));
  await mkdir(path, { recursive: true, mode: 0o755 });
  return path;
}

/** One that has been used before. */
async function usedDataDirectory(): Promise<string> {
  const path = join(folder, 'data');
  await promisify(execFile)('cp', ['-a', prepared, path]);
  return path;
}

async function start(dataDir: string, options: Partial<EmbeddedPostgresOptions> = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir, ...options });
  undo.push(() => server.stop());
  return server;
}

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const database = await openDatabase({ url: connectionString, poolSizeMax: 1, applicationName: 'test' });
  try {
    return (await database.pool.query(sql)).rows;
  } finally {
    await database.close();
  }
}

interface Event {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** A process of its own with an embedded server; `until` gives its first event of a name. */
function spawnChild(
  dataDir: string,
  ...flags: readonly string[]
): { child: ChildProcess; until: (event: string) => Promise<Event> } {
  const child = spawn(process.execPath, [CHILD, dataDir, ...flags], { stdio: ['pipe', 'pipe', 'inherit'] });
  const seen: Event[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => seen.push(JSON.parse(line) as Event));
  undo.push(() => finish(child));
  const until = async (event: string): Promise<Event> => {
    for (;;) {
      const found = seen.find((candidate) => candidate.event === event);
      if (found !== undefined) return found;
      await once(lines, 'line', { signal: AbortSignal.timeout(50_000) });
    }
  };
  return { child, until };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Lets a process that was not killed stop its server and end. */
async function finish(child: ChildProcess): Promise<void> {
  child.stdin?.end();
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

/** Looks again and again until the condition holds. */
async function eventually(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await wait(1);
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

test('the first start makes the cluster, the next one finds it with its rows', async () => {
  const dataDir = await dataDirectory();
  const first = await start(dataDir);
  expect(first.timings.initialiseMs).toBeGreaterThan(0);
  await query(first.connectionString, "create table note (text text); insert into note values ('印信')");
  await first.stop();
  await first.stop();
  const second = await start(dataDir);
  expect(second.timings.initialiseMs).toBe(0);
  expect(await query(second.connectionString, 'select text from note')).toEqual([{ text: '印信' }]);
});

test('the cluster is durable, checksummed, in UTF-8, and listens on no network', async () => {
  const server = await start(await usedDataDirectory());
  expect(
    await query(
      server.connectionString,
      `select current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes,
              current_setting('synchronous_commit') as synchronous_commit, current_setting('data_checksums') as checksums,
              current_setting('server_encoding') as encoding, current_setting('listen_addresses') as listen,
              (select datlocale from pg_database where datname = current_database()) as locale`,
    ),
  ).toEqual([
    {
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      checksums: 'on',
      encoding: 'UTF8',
      listen: '',
      locale: 'C.UTF-8',
    },
  ]);
});

test('a process killed during initdb leaves nothing that hinders the next start', async () => {
  const dataDir = await dataDirectory();
  const { child, until } = spawnChild(dataDir);
  await until('creating the database cluster');
  const drafts = async (): Promise<string[]> =>
    (await readdir(join(dataDir, 'postgres'))).filter((name) => name.startsWith('cluster.new-'));
  await eventually(async () => exists(join(dataDir, 'postgres', (await drafts())[0] ?? '-', 'PG_VERSION')));
  await kill(child);
  expect(await exists(join(dataDir, 'postgres', 'cluster'))).toBe(false);
  const server = await start(dataDir);
  expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
  await server.stop();
  // The killed process's initdb may have written on for a moment: the start after at the latest finds all of it.
  await start(dataDir);
  expect(await drafts()).toEqual([]);
});

test('a process killed while its server starts is succeeded by the next', async () => {
  const dataDir = await usedDataDirectory();
  const { child } = spawnChild(dataDir);
  await eventually(() => exists(join(dataDir, 'postgres', 'cluster', 'postmaster.pid')));
  await kill(child);
  const server = await start(dataDir);
  expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('the server of a killed process is taken over; what was committed is there, what was not is not', async () => {
  const dataDir = await usedDataDirectory();
  const { child, until } = spawnChild(dataDir, '--transaction');
  const ready = await until('ready');
  await kill(child);
  const server = await start(dataDir);
  expect(server.takenOver).toBe(true);
  expect(server.pid()).toBe(ready['postmaster']);
  expect(await query(server.connectionString, 'select text from note')).toEqual([{ text: 'committed' }]);
});

test('a machine that lost process and server alike recovers by itself', async () => {
  const dataDir = await usedDataDirectory();
  const { child, until } = spawnChild(dataDir, '--transaction');
  const ready = await until('ready');
  // In this order: a process that lives on would bring its server back at once.
  await kill(child);
  process.kill(Number(ready['postmaster']), 'SIGKILL');
  const server = await start(dataDir);
  expect(server.takenOver).toBe(false);
  expect(await query(server.connectionString, 'select text from note')).toEqual([{ text: 'committed' }]);
});

test('who still answers on the socket is a server of another container, unless it was just dying', async () => {
  const dataDir = await usedDataDirectory();
  const { socketDirectory } = await place(dataDir);
  await mkdir(socketDirectory, { recursive: true, mode: 0o755 });
  const foreign = createServer().listen(join(socketDirectory, SOCKET_FILE));
  await once(foreign, 'listening');
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({ code: 'data_directory_in_use' });
  const starting = start(dataDir);
  await wait(200);
  foreign.close();
  expect(await query((await starting).connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
});

test('a server with the settings of another version is stopped and started anew', async () => {
  const dataDir = await usedDataDirectory();
  const { child, until } = spawnChild(dataDir);
  const ready = await until('ready');
  await kill(child);
  const server = await start(dataDir, { fsync: false });
  expect(server.pid()).not.toBe(ready['postmaster']);
  expect(await query(server.connectionString, 'show fsync')).toEqual([{ fsync: 'off' }]);
});

test('a server killed under a running service is brought back, and the pool connects again', async () => {
  let backAgain: () => void;
  const back = new Promise<void>((resolve) => (backAgain = resolve));
  const log = {
    warn: () => undefined,
    info: (_: object, message: string) => message === 'the database runs again' && backAgain(),
  };
  const server = await start(await usedDataDirectory(), { log });
  const database = await openDatabase({ url: server.connectionString, poolSizeMax: 2, applicationName: 'test' });
  undo.push(() => database.close());
  await database.pool.query("create table note (text text); insert into note values ('committed')");
  const before = server.pid();
  process.kill(before, 'SIGKILL');
  await back;
  expect(server.pid()).not.toBe(before);
  expect((await database.pool.query('select text from note')).rows).toEqual([{ text: 'committed' }]);
});

test('a second process on the data directory is refused with the id of the first, which goes on', async () => {
  const dataDir = await usedDataDirectory();
  const { child, until } = spawnChild(dataDir);
  const ready = await until('ready');
  await expect(startEmbeddedPostgres({ dataDir })).rejects.toMatchObject({
    code: 'data_directory_in_use',
    params: { pid: String(child.pid) },
  });
  expect(await query(String(ready['connectionString']), 'select 1 as one')).toEqual([{ one: 1 }]);
  child.stdin!.end();
  await until('stopped');
  expect(await exists(join(dataDir, 'postgres', 'cluster', 'postmaster.pid'))).toBe(false);
});

test('of three processes that start at once on an empty data directory one has it', async () => {
  const dataDir = await dataDirectory();
  const children = [spawnChild(dataDir), spawnChild(dataDir), spawnChild(dataDir)];
  const events = await Promise.all(children.map(({ until }) => Promise.race([until('ready'), until('failed')])));
  expect(events.filter(({ event }) => event === 'ready')).toHaveLength(1);
  expect(events.filter((event) => event['code'] === 'data_directory_in_use')).toHaveLength(2);
});

test.each([
  ['no process', async () => 2 ** 22 + 1],
  ['a process of the same user', spawnBystander],
])('a postmaster.pid with the id of %s is no obstacle', async (_, otherPid) => {
  const dataDir = await usedDataDirectory();
  const pid = await otherPid(dataDir);
  const cluster = join(dataDir, 'postgres', 'cluster');
  const lines = [pid, cluster, 1_700_000_000, 5432, join(dataDir, 'postgres', 'run'), '', ' 12345 6789', 'ready   '];
  await writeFile(join(cluster, 'postmaster.pid'), `${lines.join('\n')}\n`);
  const account = await accountFor([cluster]);
  if (account !== undefined) await chown(join(cluster, 'postmaster.pid'), account.uid, account.gid);
  const server = await start(dataDir);
  expect(server.takenOver).toBe(false);
  expect(await query(server.connectionString, 'select 1 as one')).toEqual([{ one: 1 }]);
});

/** A program that has nothing to do with PostgreSQL, run by PostgreSQL's user. */
async function spawnBystander(dataDir: string): Promise<number> {
  const account = await accountFor([join(dataDir, 'postgres')]);
  const bystander = spawn('/bin/cat', {
    stdio: ['pipe', 'ignore', 'ignore'],
    ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
  });
  undo.push(() => finish(bystander));
  await once(bystander, 'spawn');
  return bystander.pid!;
}

test.each([
  ['with spaces, quotes, commas and Chinese characters', ['my "data", it\'s 印信 数据']],
  ['longer than a socket may have', Array.from({ length: 12 }, (_, index) => `folder-${index}-印信`)],
])('a data directory with a path %s works', async (_, names) => {
  const dataDir = await dataDirectory(...names);
  const server = await start(dataDir);
  expect(await query(server.connectionString, 'select current_database() as name')).toEqual([{ name: 'yinxin' }]);
});

test.runIf(isRoot)(
  "root's data directory that nobody else may enter: the cluster stands in /var/lib/yinxin",
  async () => {
    const dataDir = await dataDirectory('private', 'data');
    await chmod(join(folder, 'private'), 0o700);
    const server = await start(dataDir);
    const home = (await readFile(join(dataDir, 'postgres-location.txt'), 'utf8')).split('\n')[0]!;
    expect(home).toMatch(/^\/var\/lib\/yinxin\/clusters\/[0-9a-f]{16}$/);
    await query(server.connectionString, "create table note (text text); insert into note values ('committed')");
    await server.stop();
    const again = await start(dataDir);
    expect(await query(again.connectionString, 'select text from note')).toEqual([{ text: 'committed' }]);
    expect(await readdir(dataDir)).toEqual(['postgres-location.txt']);
    await again.destroy();
    expect(await exists(home)).toBe(false);
    expect(await readdir(dataDir)).toEqual([]);
  },
);

test.runIf(isRoot)(
  'the cluster of a temporary data directory that is gone is removed, that of another stays',
  async () => {
    const cluster = async (name: string, dataDir: string): Promise<string> => {
      const home = join('/var/lib/yinxin/clusters', `${name}-${process.pid}`);
      undo.push(() => rm(home, { recursive: true, force: true }));
      await mkdir(join(home, 'cluster'), { recursive: true });
      await writeFile(join(home, 'data-directory.txt'), `${dataDir}\n`);
      return home;
    };
    const gone = await cluster('gone', join(tmpdir(), 'yinxin-of-yesterday'));
    const running = await cluster('running', join(tmpdir(), 'yinxin-of-yesterday'));
    await writeFile(join(running, 'cluster', 'postmaster.pid'), `${process.pid}\n`);
    const there = await cluster('there', tmpdir());
    const unmounted = await cluster('unmounted', '/srv/yinxin-not-mounted-today');
    await start(await dataDirectory());
    expect(await Promise.all([gone, running, there, unmounted].map(exists))).toEqual([false, true, true, true]);
  },
);

test.runIf(nobodyReachesUs)('an ordinary user runs the server as itself', async () => {
  const dataDir = await dataDirectory();
  await chown(dataDir, NOBODY, NOBODY);
  const { child, until } = spawnChild(dataDir, `--uid=${NOBODY}`, `--gid=${NOBODY}`);
  const ready = await until('ready');
  const status = await readFile(`/proc/${String(ready['postmaster'])}/status`, 'utf8');
  expect(/^Uid:\s+(\d+)/m.exec(status)?.[1]).toBe(String(NOBODY));
  child.stdin!.end();
  await until('stopped');
});

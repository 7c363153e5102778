// What an operator does wrong on the first day: each of these once ended in a stack, in a key left behind that stood in
// the way of the next try, in an exit code of 0, or in a database that nobody owned any more.
import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complaintMessage } from '../../src/dialects/admin/validation.ts';
import { createTestDatabase } from '../support/database.ts';
import { startServiceProcess, temporaryDirectory, yinxin, type ServiceProcess } from '../support/service-process.ts';

const database = await createTestDatabase();
let service: ServiceProcess;
let directory: { path: string; remove: () => Promise<void> };
let dataDir: string;

beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-operator-');
  dataDir = join(directory.path, 'data');
  service = await startServiceProcess(dataDir);
});

afterAll(async () => {
  await service.end('SIGTERM');
  await directory.remove();
  await database.drop();
});

const isThere = async (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

async function admin(method: string, path: string, body?: string, type = 'application/json'): Promise<string> {
  const token = (await readFile(join(dataDir, 'admin-token'), 'utf8')).trim();
  const answer = await fetch(`${service.url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': type }) },
    ...(body !== undefined && { body }),
  });
  const { message } = (await answer.json()) as { message?: string };
  return `${answer.status} ${message ?? ''}`;
}

async function failureOf(folder: string, environment: Record<string, string>): Promise<string> {
  const started = startServiceProcess(join(directory.path, folder), environment);
  return started.then(
    async (running) => `it started: ${await running.end('SIGTERM')}`,
    (error: Error) => error.message,
  );
}

describe('the admin API names the field and what would be right', () => {
  test.each([
    ['GET', '/callbacks/abc', undefined, '400 requestId must be a UUID such as'],
    ['GET', '/callbacks?limit=abc', undefined, '400 limit must be a whole number'],
    ['GET', '/callbacks?limit=0', undefined, '400 limit must be at least 1'],
    [
      'GET',
      '/callbacks?state=lost',
      undefined,
      '400 state must be one of leased, waiting, queued, parked, delivered, failed',
    ],
    ['GET', '/callbacks?calee_no=x', undefined, '400 calee_no is not known here'],
    ['GET', '/orgs?app_id=%00', undefined, '400 no text may hold the character NUL'],
    ['GET', '/orgs/%00', undefined, '400 no text may hold the character NUL'],
    ['POST', '/apps', '{}', '400 name is missing'],
    ['POST', '/apps', '[]', '400 the body must be a JSON object'],
    ['POST', '/apps', '{', '400 the body must be JSON'],
    ['POST', '/apps', '{"name":"x","public_key":"y","notify_uri":"z"}', '400 notify_uri is not known here'],
    ['POST', '/apps', 'a'.repeat(300_000), '413 the body is larger than 262144 bytes'],
    ['PUT', '/orgs/x/verification', '{"reason":" "}', '400 reason must not be empty or blank'],
    ['PUT', '/orgs/x/verification', '{"reason":"a\\u0000b"}', '400 no text may hold the character NUL'],
    ['PUT', '/callees/c', '{"acknowledge":{"kind":"x"}}', '400 acknowledge must be one of the forms'],
    ['PUT', '/callees/c', '{"client_certificate":{"certificate":"x"}}', '400 client_certificate must be one of'],
    [
      'PUT',
      '/callees/c',
      '{"url":"https://a.example/","circuit":{"failures":0,"cool_down_ms":1}}',
      '400 circuit.failures',
    ],
    ['PUT', '/callees/c', '{"url":"https://a.example/","authority":"x"}', '400 authority must be a certificate in PEM'],
    [
      'PUT',
      '/callees/c',
      '{"url":"https://a.example/","refuse":[{"kind":"text","text":"\\ud800"}]}',
      '400 refuse must be text',
    ],
    ['POST', '/callees/c/rotate-secret', '{}', '400 kind is missing'],
    ['POST', '/callees/c/rotate-secret', '{"kind":"webhook"}', '404 no callee c'],
  ])('%s %s', async (method, path, body, wanted) => expect(await admin(method, path, body)).toContain(wanted));

  test('a body of another type', async () => {
    expect(await admin('POST', '/apps', 'x', 'text/plain')).toBe('415 send the body as content-type: application/json');
  });

  test('a complaint of a kind nobody foresaw still names the field', () => {
    expect(complaintMessage([{ instancePath: '/a/0', keyword: 'uniqueItems', params: {} }])).toBe('a.0 is not right');
    expect(complaintMessage([])).toBe('the request does not fit');
  });
});

describe('the command line', () => {
  test('an application that was refused leaves no key behind, and the next try may have its place', async () => {
    const keys = join(directory.path, 'keys');
    const create = (...more: string[]): ReturnType<typeof yinxin> =>
      yinxin(dataDir, 'app', 'create', '--name', 'x', '--generate-key', keys, ...more);
    expect((await create('--notify-url', 'nonsense')).err).toContain('notify_url must be');
    expect(await isThere(join(keys, 'private-key.pem'))).toBe(false);
    const nowhere = await yinxin(join(directory.path, 'none'), 'app', 'create', '--name', 'x', '--generate-key', keys);
    expect(nowhere.err).toContain('npm start');
    expect((await create()).code).toBe(0);
    expect((await create()).err).toContain('does a key stand there already');
    expect(await isThere(join(keys, 'private-key.pem'))).toBe(true);
  });

  test('a key cannot stand where a file is in the way', async () => {
    const file = join(directory.path, 'file');
    await writeFile(file, '');
    const ran = await yinxin(dataDir, 'app', 'create', '--name', 'x', '--generate-key', join(file, 'keys'));
    expect(ran).toMatchObject({ code: 1, err: `yinxin: cannot make the directory ${join(file, 'keys')}` });
  });

  test('callee set offers the profiles there are, and not both --enable and --disable', async () => {
    expect((await yinxin(dataDir, 'callee', 'set', '--help')).out).toMatch(
      /"etc-relay",\s+"etc-notify",\s+"tsign",\s+"plain"\)/,
    );
    expect((await yinxin(dataDir, 'callee', 'set', 'c', '--profile', 'made-up')).code).toBe(2);
    expect((await yinxin(dataDir, 'callee', 'set', 'c', '--enable', '--disable')).code).toBe(2);
  });

  test("another data directory's token", async () => {
    const other = join(directory.path, 'other');
    await mkdir(other);
    await writeFile(join(other, 'admin-token'), `${'x'.repeat(43)}\n`, { mode: 0o600 });
    const ran = await yinxin(other, 'app', 'list', '--server', service.url);
    expect(ran.err).toContain(`does not take the token in ${join(other, 'admin-token')}`);
    expect((await yinxin(dataDir, 'app', 'list', '--server', 'nonsense')).err).toContain('nonsense is no URL');
  });

  test('doctor: a spoilt starts.json, and a file in the place of the data directory', async () => {
    await writeFile(join(dataDir, 'starts.json'), '{');
    expect((await yinxin(dataDir, 'doctor', '--timings')).out).toContain('cold start: none yet');
    const file = join(directory.path, 'no-directory');
    await writeFile(file, '');
    expect((await yinxin(file, 'doctor')).out).toContain(`${file} is a file`);
  });
});

describe('a service that cannot start says why in a line', () => {
  test('a database that refuses the login, or is not there, or is closed to this user', async () => {
    const { url } = database;
    const of = (change: (parts: URL) => void): Record<string, string> => {
      const parts = new URL(url);
      change(parts);
      return { DATABASE_URL: parts.href };
    };
    const missing = await failureOf(
      'a',
      of((parts) => (parts.pathname = '/not_there')),
    );
    expect(missing).toContain('there is no such database as DATABASE_URL names');
    const unknown = await failureOf(
      'b',
      of((parts) => (parts.username = 'nobody_of_that_name')),
    );
    expect(unknown).toContain('refuses the login of DATABASE_URL');
    const deaf = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve));
    const { port } = deaf.address() as AddressInfo;
    const silent = await failureOf('c', { DATABASE_URL: `postgresql://x:hunter2@127.0.0.1:${port}/x` });
    deaf.close();
    expect(silent).toContain('the database of DATABASE_URL cannot be used: it does not answer');
    expect(silent).not.toContain('hunter2');
    for (const text of [missing, unknown, silent]) expect(text).not.toContain('    at ');
  });

  test('a node with another master key than the one that sealed the secrets', async () => {
    const key = (digit: string): Record<string, string> => ({
      DATABASE_URL: database.url,
      YINXIN_MASTER_KEY: digit.repeat(64),
    });
    const first = await startServiceProcess(join(directory.path, 'first'), key('a'));
    const keys = join(directory.path, 'first-keys');
    expect((await yinxin(first.dataDir, 'app', 'create', '--name', 'x', '--generate-key', keys)).code).toBe(0);
    const second = await failureOf('second', key('b'));
    expect(second).toContain('sealed under another master key');
    expect(second).not.toContain('    at ');
    expect(await first.end('SIGTERM')).toBe(0);
  });

  test('a file in the place of the data directory', async () => {
    const file = join(directory.path, 'in-the-way');
    await writeFile(file, '');
    const text = await failureOf('in-the-way', {});
    expect(text).toContain('a file stands where a directory is needed');
    expect(text).not.toContain('    at ');
  });
});

test('closing the terminal ends the service and its database', async () => {
  const running = await startServiceProcess(join(directory.path, 'terminal'));
  expect(await running.end('SIGHUP')).toBe(0);
  expect(await isThere(join(directory.path, 'terminal', 'service.json'))).toBe(false);
});

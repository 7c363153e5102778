import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ACKNOWLEDGED, startReceiver, type Receiver } from '../support/receiver.ts';
import { eventually } from '../support/relay-service.ts';
import {
  startServiceProcess,
  temporaryDirectory,
  yinxin,
  type Ran,
  type ServiceProcess,
} from '../support/service-process.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';

/** The service as it runs, on a database into which the tests reach as somebody else with the password would. */
let database: TestDatabase;
let service: ServiceProcess;
let directory: { path: string; remove: () => Promise<void> };
let destination: Receiver;
let isWell = true;
let dataDir: string;
let app: Record<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  directory = await temporaryDirectory('yinxin-operations-');
  dataDir = join(directory.path, 'data');
  service = await startServiceProcess(dataDir, { YINXIN_EGRESS_ALLOW: '127.0.0.0/8', DATABASE_URL: database.url });
  destination = await startReceiver(() => (isWell ? ACKNOWLEDGED : { status: 410, body: 'gone' }));
  app = (
    await run('app', 'create', '--name', 'A', '--generate-key', join(directory.path, 'key'), '--json')
  ).json() as Record<string, string>;
});
afterAll(async () => {
  await service.end('SIGTERM');
  await destination.close();
  await database.drop();
  await directory.remove();
});

const run = async (...argv: string[]): Promise<Ran> => yinxin(dataDir, ...argv);

async function post(
  message: Record<string, unknown>,
  messageType = 'T',
  to: Record<string, string> = { callback_url: destination.url },
): Promise<Record<string, string>> {
  const answer = await fetch(`${service.url}/api/callback`, {
    method: 'POST',
    headers: { authorization: `Bearer ${app['app_secret']}` },
    body: JSON.stringify({
      ...to,
      app_id: app['app_id'],
      message_type: messageType,
      request_message: message,
    }),
  });
  return (await answer.json()) as Record<string, string>;
}

async function inState(requestId: string, state: string): Promise<void> {
  await eventually(async () => {
    const shown = (await run('callback', 'show', requestId, '--json')).json() as {
      state: string;
      attempt_list: unknown[];
    };
    return shown.state === state && shown.attempt_list.length > 0;
  });
}

const callbacksOf = (ran: Ran) =>
  (ran.json() as { callbacks: { request_id: string }[] }).callbacks.map((callback) => callback.request_id);

describe('yinxin callback list', () => {
  test('finds by type, time and a text of the message; a text alone is not searched for everywhere', async () => {
    const { request_id: id } = await post({ flow_id: 'F-4711', n: 1 }, 'search');
    await post({ flow_id: 'F-4712', n: 2 }, 'search');
    const list = (...more: string[]) => run('callback', 'list', '--json', ...more);
    expect(callbacksOf(await list('--text', '"F-4711"', '--app', app['app_id']!))).toEqual([id]);
    expect(callbacksOf(await list('--text', '"F-4711"', '--from', '1h'))).toEqual([id]);
    expect(callbacksOf(await list('--message-type', 'search'))).toHaveLength(2);
    expect(callbacksOf(await list('--message-type', 'search', '--to', '1h'))).toEqual([]);
    expect(callbacksOf(await list('--message-type', 'search', '--limit', '1', '--before', id!))).toEqual([]);
    expect(callbacksOf(await list('--text', '100%', '--from', '1h'))).toEqual([]);
    expect(await list('--text', 'F-4711')).toMatchObject({
      code: 1,
      err: 'yinxin: text is searched for within an application or a range of time: name app_id or from',
    });
    expect((await list('--from', 'yesterday')).err).toContain('is no moment');
  });
});

describe('yinxin callback evidence', () => {
  test('writes what the recipe reads, to a file that was not there', async () => {
    const { request_id: id } = await post({ n: 3 });
    await inState(id!, 'delivered');
    const file = join(directory.path, 'evidence.json');
    expect(await run('callback', 'evidence', id!, '--out', file)).toMatchObject({ code: 0 });
    await access(file);
    const evidence = JSON.parse(await readFile(file, 'utf8')) as Record<string, string>;
    expect(evidence['public_key']).toBe(app['relay_public_key']);
    const statement = JSON.parse(Buffer.from(evidence['statement']!, 'base64').toString('utf8'));
    expect(statement.delivery.request_id).toBe(id);
    expect((await run('callback', 'evidence', id!, '--out', file)).err).toContain('does a file stand there already?');
    const shown = (await run('callback', 'show', id!)).out;
    expect(shown).toMatch(/try 1: SHA-256 of the request [0-9a-f]{64}/);
  });
});

describe('yinxin callback replay', () => {
  test('many: told before, then sent again at a rate, audited once', async () => {
    isWell = false;
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const { request_id: id } = await post({ n }, 'replayed');
      await inState(id!, 'failed');
      ids.push(id!);
    }
    isWell = true;
    const filter = ['--state', 'failed', '--message-type', 'replayed', '--from', '1h'];
    const preview = (await run('callback', 'replay', ...filter, '--dry-run', '--json')).json() as {
      count: number;
      sample: { request_id: string }[];
    };
    expect(preview.count).toBe(5);
    expect(preview.sample.map((callback) => callback.request_id)).toEqual(ids.toReversed());
    const ran = await run('callback', 'replay', ...filter, '--rate', '1000', '--after', ids[0]!, '--json');
    expect(ran.json()).toEqual({ replayed: 4, total: 4, last_request_id: ids[4] });
    for (const id of ids.slice(1)) await inState(id, 'delivered');
    expect(
      callbacksOf(await run('callback', 'list', '--state', 'failed', '--message-type', 'replayed', '--json')),
    ).toEqual([ids[0]]);
    const { rows } = await database.pool.query(
      "select app_id, detail from audit_entry where action = 'delivery.replay_many'",
    );
    expect(rows).toEqual([
      {
        app_id: '*',
        detail: {
          filter: { state: 'failed', messageType: 'replayed', from: expect.any(String), after: ids[0] },
          count: 4,
          ratePerSecond: 1_000,
        },
      },
    ]);
  });

  test('tells in a dry run what a later message took the place of, and sends it when it is asked for', async () => {
    const destinationUrl = ['--url', destination.url, '--ordering-path', 'key', '--latest-only'];
    expect((await run('callee', 'set', 'LATEST', ...destinationUrl)).code).toBe(0);
    isWell = false;
    const ids: string[] = [];
    for (const n of [1, 2]) {
      const message = { key: 'K', n };
      const { request_id: id } = await post(message, 'latest', { callee_no: 'LATEST' });
      await inState(id!, 'failed');
      ids.push(id!);
    }
    isWell = true;
    const filter = ['--state', 'failed', '--callee', 'LATEST'];
    expect((await run('callback', 'replay', ...filter, '--dry-run', '--json')).json()).toMatchObject({
      count: 1,
      superseded: 1,
    });
    expect((await run('callback', 'replay', ...filter, '--dry-run')).out).toContain('1 more fit, but a later message');
    expect((await run('callback', 'replay', ...filter, '--dry-run', '--superseded', '--json')).json()).toMatchObject({
      count: 2,
      superseded: 0,
    });
    const refused = await run('callback', 'replay', ids[0]!);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('a later message of its ordering key') });
    expect((await run('callback', 'replay', ids[0]!, '--superseded')).code).toBe(0);
    await inState(ids[0]!, 'delivered');
    expect((await run('callback', 'replay', ...filter, '--superseded', '--json')).json()).toMatchObject({
      replayed: 1,
    });
    await inState(ids[1]!, 'delivered');
  });

  test('needs a callback or a state, and not both', async () => {
    expect(await run('callback', 'replay')).toMatchObject({ code: 1, err: expect.stringContaining('--state failed') });
    const both = await run('callback', 'replay', '01a1ffe3-82cf-7c7b-990f-0ec0c8b40f9a', '--state', 'failed');
    expect(both.err).toContain('not both');
  });
});

describe('yinxin callback park, release and skip', () => {
  test('hold one that waits, let it go on, or end it', async () => {
    const slow = await startReceiver(() => ({ status: 500 }));
    const answer = await fetch(`${service.url}/api/callback`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app['app_secret']}` },
      body: JSON.stringify({ callback_url: slow.url, app_id: app['app_id'], message_type: '', request_message: {} }),
    });
    const { request_id: id } = (await answer.json()) as { request_id: string };
    // Between two tries it waits; a try may be under way at any moment.
    await eventually(async () => (await run('callback', 'park', id)).code === 0);
    const lanes = (await run('lane', 'list', '--app', app['app_id']!, '--json')).json() as {
      lanes: Record<string, unknown>[];
    };
    expect(lanes.lanes).toContainEqual(
      expect.objectContaining({ lane: `${app['app_id']}/${new URL(slow.url).origin}`, parked: 1, circuit: 'closed' }),
    );
    expect((await run('callback', 'show', id)).out).toContain('parked');
    expect((await run('callback', 'release', id, '--json')).json()['state']).not.toBe('parked');
    expect((await run('callback', 'release', id)).err).toContain('not parked');
    await eventually(async () => (await run('callback', 'skip', id)).code === 0);
    expect((await run('callback', 'show', id, '--json')).json()).toMatchObject({ state: 'failed', reason: 'skipped' });
    await slow.close();
  });
});

describe('yinxin audit verify', () => {
  test('an application that nobody knows is an error, not a chain that holds', async () => {
    expect(await run('audit', 'verify', '--app', 'TYPO')).toMatchObject({
      code: 1,
      err: 'yinxin: no application TYPO',
    });
  });

  test('says that every chain holds; a planted edit is named, with code 1', async () => {
    const { request_id: id } = await post({ n: 9 });
    await inState(id!, 'delivered');
    const whole = await run('audit', 'verify');
    expect(whole.err).toBe('');
    expect(whole).toMatchObject({ code: 0 });
    expect(whole.out).toMatch(new RegExp(`^${app['app_id']}\\s+\\d+\\s+\\d+\\s+\\d+\\s+yes$`, 'm'));
    const stranger = new Client({ connectionString: database.url });
    await stranger.connect();
    await stranger.query("update delivery_attempt set outcome = 'refused', status = 503 where request_id = $1", [id]);
    await stranger.query("update audit_entry set actor = 'nobody' where app_id = $1 and sequence = 1", [app['app_id']]);
    await stranger.end();
    const edited = await run('audit', 'verify', '--app', app['app_id']!);
    expect(edited).toMatchObject({ code: 1, err: 'yinxin: the record is not as it was written: 3 faults' });
    expect(edited.out).toMatch(new RegExp(`try 1 of ${id} is not as link \\d+ has it`));
    expect(edited.out).toContain(`${id} is delivered, and no try of it was acknowledged`);
    expect(edited.out).toContain('entry 1 is not what was hashed');
    const json = await run('audit', 'verify', '--app', app['app_id']!, '--json');
    expect(json.json()).toMatchObject({ fault_count: 3, apps: [{ app_id: app['app_id'] }] });
  });
});

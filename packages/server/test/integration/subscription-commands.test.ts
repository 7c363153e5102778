import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startReceiver } from '../support/receiver.ts';
import {
  startServiceProcess,
  temporaryDirectory,
  yinxin,
  type Ran,
  type ServiceProcess,
} from '../support/service-process.ts';

let service: ServiceProcess;
let directory: { path: string; remove: () => Promise<void> };
let dataDir: string;
let app: Record<string, string>;

const run = async (...argv: string[]): Promise<Ran> => yinxin(dataDir, ...argv);

beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-subscriptions-');
  dataDir = join(directory.path, 'data');
  service = await startServiceProcess(dataDir, { YINXIN_EGRESS_ALLOW: '127.0.0.0/8' });
  const made = await run('app', 'create', '--name', 'events', '--generate-key', join(directory.path, 'key'), '--json');
  app = made.json() as Record<string, string>;
});

afterAll(async () => {
  await service.end('SIGTERM');
  await directory.remove();
});

async function post(path: string, body: object): Promise<Record<string, string>> {
  const headers = { authorization: `Bearer ${app['app_secret']}` };
  const answer = await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ app_id: app['app_id'], ...body }),
  });
  return (await answer.json()) as Record<string, string>;
}

const EVENT = { event_source: 'a', event_topic: 'gs', event_type: 'cert', event_status: 1, changes: [] };

test('a subscription is made by its application, seen by the operator, and ended by either', async () => {
  expect((await run('subscription', 'list')).out).toBe(
    'no subscriptions; applications make them with `POST /api/subscription`',
  );
  const destination = await startReceiver(() => ({ body: '{"response_code":"000"}' }));
  const place = { callback_url: destination.url, event_key: 'a.gs' };
  const { request_id: id = '' } = await post('/api/subscription', { ...place, subscriber: '易楼' });
  const expected = {
    subscription_id: id,
    app_id: app['app_id'],
    ...place,
    subscriber: '易楼',
    is_signature: false,
    created_at: expect.any(String),
  };
  expect((await run('subscription', 'list', '--json')).json()).toEqual({ subscriptions: [expected] });
  expect((await run('subscription', 'show', id, '--json')).json()).toEqual(expected);
  expect((await run('subscription', 'show', id.toUpperCase())).out).toContain('易楼');
  expect(await post('/api/publish', EVENT)).toMatchObject({ code: '000' });
  await destination.received(1);
  await destination.close();
  expect((await run('callback', 'list', '--message-type', 'a.gs.cert.1')).out).toContain(destination.url);

  expect((await run('subscription', 'remove', id, '--json')).json()).toEqual(expected);
  expect(await run('subscription', 'remove', id)).toMatchObject({ code: 1, err: expect.stringContaining(id) });
  expect(await post('/api/unsubscribe', place)).toEqual({ code: '404', msg: '订阅不存在' });
  expect(await post('/api/subscription', place)).toMatchObject({ code: '000' });
  expect(await post('/api/unsubscribe', place)).toMatchObject({ code: '000' });
});

test('the list is narrowed by application and key, and goes on from the last of the page before', async () => {
  const ids: string[] = [];
  for (const key of ['p.a', 'p.b', 'p.c']) {
    const { request_id: id = '' } = await post('/api/subscription', {
      callback_url: 'https://partner.test/',
      event_key: key,
    });
    ids.unshift(id);
  }
  const listed = async (...argv: string[]): Promise<unknown[]> => {
    const { subscriptions } = (await run('subscription', 'list', '--json', ...argv)).json();
    return (subscriptions as { subscription_id: string }[]).map(({ subscription_id: id }) => id);
  };
  expect(new Set(await listed('--app', app['app_id']!))).toEqual(new Set(ids));
  expect(await listed('--app', 'NOBODYNOBODYNOBO')).toEqual([]);
  expect(await listed('--event-key', 'p.b')).toEqual([ids[1]]);
  const [first] = (await listed('--limit', '1')) as [string];
  expect(await listed('--before', first)).toHaveLength(2);
  const unknown = await run('subscription', 'show', 'nonsense');
  expect(unknown).toMatchObject({ code: 1 });
  expect(unknown.err).toContain('must be a UUID');
});

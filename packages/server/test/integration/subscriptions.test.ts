import { verify } from 'node:crypto';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listAudit, verifyAuditChain } from '../../src/audit/index.ts';
import { SUBSCRIPTION_LIMITS } from '../../src/subscriptions/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver, type Behaviour, type Receiver } from '../support/receiver.ts';
import {
  APP_ID,
  DISABLED_APP_ID,
  eventually,
  OTHER_APP_ID,
  relayKeys,
  startRelayService,
} from '../support/relay-service.ts';
import { startSubscriptionService } from '../support/subscription-service.ts';

const database = await createTestDatabase();
const { relay, clock, stop } = await startRelayService({ database });
const enqueued: string[] = [];
const batches: number[] = [];
let failAfter = Number.POSITIVE_INFINITY;
/** Enqueueing goes on when this does. */
let held: Promise<void> = Promise.resolve();
const service = await startSubscriptionService({
  db: database.db,
  clock,
  relay: {
    enqueueMany: async (tx, messages) => {
      await held;
      if (enqueued.length + messages.length > failAfter) throw new Error('the relay could not');
      batches.push(messages.length);
      enqueued.push(...messages.map(({ url }) => url));
      return relay.enqueueMany(tx, messages);
    },
  },
});
const receivers: Receiver[] = [];
/** The app's own acknowledgement of an event as it is, and that of the envelope. */
const BOTH: Behaviour = () => ({ body: '{"code":"000","response_code":"000"}' });

beforeEach(async () => {
  enqueued.length = 0;
  failAfter = Number.POSITIVE_INFINITY;
  await database.pool.query('truncate event_subscription, event_idempotency_key');
});
afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});
afterAll(async () => {
  await service.stop();
  await stop();
  await database.drop();
});

async function receiver(behaviour: Behaviour = BOTH): Promise<Receiver> {
  const started = await startReceiver(behaviour);
  receivers.push(started);
  return started;
}

const DONE = { code: '000', msg: '成功', request_id: expect.stringMatching(/^[0-9a-f-]{36}$/) };
const EVENT = { event_source: 'a', event_topic: 'gs', event_type: 'cert', event_status: '1', changes: [{ id: 1 }] };
const subscribe = (callback_url: string, event_key: string, more: object = {}) =>
  service.post('/api/subscription', { app_id: APP_ID, callback_url, event_key, ...more });
const unsubscribe = (callback_url: string, event_key: string, more: object = {}) =>
  service.post('/api/unsubscribe', { app_id: APP_ID, callback_url, event_key, ...more });
const publish = (more: object = {}, headers: Record<string, string> = {}) =>
  service.post('/api/publish', { app_id: APP_ID, ...EVENT, ...more }, headers);
const storedDeliveries = async (url: string): Promise<number> =>
  (await relay.listDeliveries({ limit: 1_000 })).filter((delivery) => delivery.url === url).length;

/** Subscriptions as they are stored, made quicker than one by one. */
async function subscribeMany(urlPrefix: string, count: number): Promise<void> {
  await database.pool.query(
    `insert into event_subscription
     select $1, gen_random_uuid(), 'a', $2 || n, sha256(n::text::bytea), null, false, now()
     from generate_series(1, $3) n`,
    [APP_ID, urlPrefix, count],
  );
}

describe('an event that is published', () => {
  test('reaches a subscriber as it is, acknowledged by response_code', async () => {
    const destination = await receiver(() => ({ body: '{"response_code":"000"}' }));
    expect(await subscribe(destination.url, 'a.gs')).toEqual(DONE);
    const body = `{"app_id":"${APP_ID}", "event_source":"a","event_topic":"gs","event_type":"cert","event_status":"1",
      "changes":[{"id":9007199254740993,"价":1.10,"n":1e2,"n":2}]}`;
    expect(await service.post('/api/publish', body)).toEqual(DONE);
    await destination.received(1);
    const [receipt] = destination.receipts;
    expect(receipt!.body.toString('utf8')).toBe(
      '{"event_source":"a","event_topic":"gs","event_type":"cert","event_status":"1","changes":[{"id":9007199254740993,"价":1.10,"n":1e2,"n":2}]}',
    );
    const delivered = await eventually(async () => {
      const delivery = await relay.showDelivery(receipt!.webhookId);
      return delivery?.state === 'delivered' && delivery;
    });
    expect(delivered).toMatchObject({ profile: 'etc-notify', messageType: 'a.gs.cert.1', appId: APP_ID, attempts: 1 });
  });

  test('reaches a subscriber with is_signature in the signed envelope, acknowledged by code', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    await subscribe(destination.url, 'a', { is_signature: true, subscriber: '易楼' });
    await publish({ changes: [{ price: 1.5 }] });
    await destination.received(1);
    const [receipt] = destination.receipts;
    const { sign, nonce, request_content, timestamp, message_type } = receipt!.json as Record<string, string>;
    expect(JSON.parse(request_content!)).toEqual({ ...EVENT, changes: [{ price: 1.5 }] });
    expect(message_type).toBe('a.gs.cert.1');
    const text = `nonce=${nonce}&request_content=${request_content}&timestamp=${timestamp}`;
    expect(verify('RSA-SHA1', Buffer.from(text), relayKeys.publicKey, Buffer.from(sign!, 'base64'))).toBe(true);
    await eventually(async () => (await relay.showDelivery(receipt!.webhookId))?.state === 'delivered');
  });

  test('goes to whole levels: a.gs has a.gs.cert.1 and not a.gsx', async () => {
    await Promise.all(
      ['a', 'a.gs', 'a.gs.cert', 'a.gs.cert.1', 'a.gsx', 'a.g', 'a.gs.cert.2', 'a.gs.cert.10', 'b', 'A.gs'].map((key) =>
        subscribe(`http://127.0.0.1:2/${key}`, key),
      ),
    );
    expect(await publish()).toEqual(DONE);
    expect(enqueued.toSorted()).toEqual(
      ['a', 'a.gs', 'a.gs.cert', 'a.gs.cert.1'].map((key) => `http://127.0.0.1:2/${key}`),
    );
  });

  test('goes where a plain reading of the rule says, whatever the keys', async () => {
    const level = fc.constantFrom('a', 'ab', '1', '11', '_', '证');
    const key = fc.array(level, { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(key, { selector: (parts) => parts.join('.'), maxLength: 8 }),
        key,
        async (keys, published) => {
          enqueued.length = 0;
          await database.pool.query('truncate event_subscription');
          for (const parts of keys) {
            const eventKey = parts.join('.');
            const callbackUrl = `http://127.0.0.1:2/${encodeURIComponent(eventKey)}`;
            await service.subscriptions.subscribe({
              appId: APP_ID,
              eventKey,
              callbackUrl,
              subscriber: null,
              isSignature: false,
            });
          }
          const levels = ['', '', '', ''] as const;
          await service.subscriptions.publish({ appId: APP_ID, eventKey: published.join('.'), levels, content: '{}' });
          const expected = keys.filter((parts) => parts.every((part, index) => published[index] === part));
          expect(enqueued.toSorted()).toEqual(
            expected.map((parts) => `http://127.0.0.1:2/${encodeURIComponent(parts.join('.'))}`).toSorted(),
          );
        },
      ),
      { numRuns: 25 },
    );
  });

  test('goes by its own key where it has one, and by a number as it is written', async () => {
    await subscribe('http://127.0.0.1:2/own', 'x.y');
    await subscribe('http://127.0.0.1:2/made', 'a.gs.cert.7');
    await publish({ event_key: 'x.y.z' });
    expect(enqueued).toEqual(['http://127.0.0.1:2/own']);
    await publish({ event_status: 7 });
    expect(enqueued.slice(1)).toEqual(['http://127.0.0.1:2/made']);
  });

  test('that nobody subscribed to is published all the same', async () => {
    expect(await publish()).toEqual(DONE);
    expect(enqueued).toEqual([]);
  });

  test('before a subscription does not reach it, and none reaches it after its end', async () => {
    const url = 'http://127.0.0.1:2/between';
    await publish();
    const made = await subscribe(url, 'a');
    await publish();
    expect(await unsubscribe(url, 'a')).toEqual(made);
    await publish();
    expect(enqueued).toEqual([url]);
    // What was published in between is still on its way.
    expect(await storedDeliveries(url)).toBe(1);
  });

  test('of the largest size goes to each of many, in batches that stay small', async () => {
    await subscribeMany('http://127.0.0.1:2/large/', 40);
    batches.length = 0;
    const content = JSON.stringify('x'.repeat(SUBSCRIPTION_LIMITS.eventBytesMax - 2));
    const event = { appId: APP_ID, eventKey: 'a', levels: ['', '', '', ''], content } as const;
    expect((await service.subscriptions.publish(event)).deliveries).toBe(40);
    expect(batches).toEqual([16, 16, 8]);
  });

  test('of another application reaches nobody here', async () => {
    await subscribe('http://127.0.0.1:2/ours', 'a');
    await subscribe('http://127.0.0.1:2/theirs', 'a', { app_id: OTHER_APP_ID });
    await publish({ app_id: OTHER_APP_ID });
    expect(enqueued).toEqual(['http://127.0.0.1:2/theirs']);
  });
});

describe('publishing', () => {
  test('is all or none: a fault at one of its deliveries leaves nothing behind', async () => {
    await subscribeMany('http://127.0.0.1:2/fault/', 300);
    const before = (await listAudit(database.db, { appId: APP_ID, limit: 1 }))[0]!.sequence;
    failAfter = 200;
    const headers = { 'idempotency-key': 'fault' };
    expect(await publish({}, headers)).toEqual({ code: '500', msg: '服务调用异常，请稍后再试或联系管理员' });
    const stored = async () =>
      (await relay.listDeliveries({ limit: 1_000 })).filter(({ url }) => url.includes('/fault/'));
    expect(enqueued.length).toBeGreaterThan(0);
    expect(await stored()).toEqual([]);
    expect((await listAudit(database.db, { appId: APP_ID, limit: 1 }))[0]!.sequence).toBe(before);
    expect(service.log.some((line) => line['msg'] === 'a subscription request failed')).toBe(true);
    // The key is free again.
    enqueued.length = 0;
    failAfter = Number.POSITIVE_INFINITY;
    expect(await publish({}, headers)).toEqual(DONE);
    expect(await stored()).toHaveLength(300);
  });

  test('twice under one Idempotency-Key is once; another event under it is refused', async () => {
    const url = 'http://127.0.0.1:2/once';
    await subscribe(url, 'a');
    const headers = { 'idempotency-key': 'k-1' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => publish({}, headers)));
    expect(new Set(answers.map(({ request_id }) => request_id)).size).toBe(1);
    expect(answers[0]).toEqual(DONE);
    const other = await publish({ changes: [] }, headers);
    expect(other).toEqual({ code: '409', msg: 'Idempotency-Key已用于内容不同的请求' });
    expect(await publish({ event_key: 'a.b' }, headers)).toMatchObject({ code: '409' });
    expect(await storedDeliveries(url)).toBe(1);
    // Of another application it is another key.
    expect(await publish({ app_id: OTHER_APP_ID }, headers)).toEqual(DONE);
  });

  test('is recorded with its key and how many it went to', async () => {
    await subscribe('http://127.0.0.1:2/audited?token=secret', 'a', { subscriber: 'EO002' });
    const { request_id: eventId } = await publish();
    await unsubscribe('http://127.0.0.1:2/audited?token=secret', 'a');
    const entries = await listAudit(database.db, { appId: APP_ID, limit: 3 });
    const place = { eventKey: 'a', host: '127.0.0.1:2', subscriber: 'EO002', isSignature: false };
    expect(entries.map(({ actor, action, subject, detail }) => ({ actor, action, subject, detail }))).toEqual([
      { actor: `app:${APP_ID}`, action: 'subscription.remove', subject: expect.any(String), detail: place },
      {
        actor: `app:${APP_ID}`,
        action: 'event.publish',
        subject: `event:${eventId}`,
        detail: { eventKey: 'a.gs.cert.1', deliveries: 1 },
      },
      { actor: `app:${APP_ID}`, action: 'subscription.create', subject: expect.any(String), detail: place },
    ]);
    expect(await verifyAuditChain(database.db, APP_ID)).toMatchObject({ fault: null });
  });

  test.each([
    [{ event_key: 'a..b' }, /^参数event_key必须是1到4级/],
    [{ event_key: 'a.b.c.d.e' }, /^参数event_key必须是1到4级/],
    [{ event_source: 'a.gs' }, /^参数event_key必须是1到4级.*event_source/],
    [{ changes: ['x'.repeat(65_536)] }, /^事件过大，最多65536字节$/],
    [{ event_status: undefined }, /^参数event_status不能为空$/],
  ])('%j is refused with 400', async (change, message) => {
    await subscribe('http://127.0.0.1:2/refused', 'a');
    const answer = await publish(change);
    expect(answer).toEqual({ code: '400', msg: expect.stringMatching(message) });
    expect(enqueued).toEqual([]);
  });
});

test('more events than can wait are refused at once, with a time to come again, and leave nothing', async () => {
  const url = 'http://127.0.0.1:2/full';
  await subscribe(url, 'a');
  const gate = Promise.withResolvers<void>();
  held = gate.promise;
  const { inFlightPerAppMax, waitingPerAppMax } = SUBSCRIPTION_LIMITS.publishing;
  const taken = inFlightPerAppMax + waitingPerAppMax;
  const event = { appId: APP_ID, eventKey: 'a', levels: ['a', 'b', 'c', 'd'], content: '{}' } as const;
  const publishing = Array.from({ length: taken }, () => service.subscriptions.publish(event));
  const { answer, retryAfter } = await service.postForHeaders('/api/publish', { app_id: APP_ID, ...EVENT });
  expect([answer, retryAfter]).toEqual([{ code: '500', msg: '服务调用异常，请稍后再试或联系管理员' }, '1']);
  gate.resolve();
  await Promise.all(publishing);
  expect(await storedDeliveries(url)).toBe(taken);
});

describe('subscribing', () => {
  test('twice to the same is 409, also where the URL is written otherwise; another key or application is not', async () => {
    expect(await subscribe('http://127.0.0.1:2/twice', 'a.gs')).toEqual(DONE);
    const refused = { code: '409', msg: '该callback_url已订阅此event_key' };
    expect(await subscribe('http://127.0.0.1:2/twice', 'a.gs', { subscriber: 'B', is_signature: true })).toEqual(
      refused,
    );
    expect(await subscribe('HTTP://127.0.0.1:2/./twice', 'a.gs')).toEqual(refused);
    expect(await subscribe('http://127.0.0.1:2/twice#f', 'a.gs')).toEqual(refused);
    expect(await subscribe('http://127.0.0.1:2/twice', 'a')).toEqual(DONE);
    expect(await subscribe('http://127.0.0.1:2/twice', 'a.gs', { app_id: OTHER_APP_ID })).toEqual(DONE);
  });

  test('with a fragment is to the URL without it, and so is unsubscribing', async () => {
    expect(await subscribe('http://127.0.0.1:2/rc#f', 'fragment')).toEqual(DONE);
    const refused = { code: '409', msg: '该callback_url已订阅此event_key' };
    expect(await subscribe('http://127.0.0.1:2/rc', 'fragment')).toEqual(refused);
    expect(await subscribe('http://127.0.0.1:2/rc#g', 'fragment')).toEqual(refused);
    const [made] = await service.subscriptions.list({ appId: APP_ID, eventKey: 'fragment', limit: 10 });
    expect(made).toMatchObject({ callbackUrl: 'http://127.0.0.1:2/rc' });
    expect(await unsubscribe('http://127.0.0.1:2/rc#h', 'fragment')).toEqual(DONE);
    expect(await service.subscriptions.list({ appId: APP_ID, eventKey: 'fragment', limit: 10 })).toEqual([]);
  });

  test('at the same time to the same is once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => subscribe('http://127.0.0.1:2/race', 'a')));
    expect(answers.filter(({ code }) => code === '000')).toHaveLength(1);
    expect(answers.filter(({ code }) => code === '409')).toHaveLength(7);
  });

  test('ends at 1,000 of one application, also for those who come at the same time', async () => {
    await subscribeMany('http://127.0.0.1:2/many/', 998);
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => subscribe(`http://127.0.0.1:2/more/${n}`, 'a')));
    expect(answers.filter(({ code }) => code === '000')).toHaveLength(2);
    const full = { code: '429', msg: '订阅数量已达上限，每个应用最多1000个' };
    expect(answers.filter(({ code }) => code !== '000')).toEqual([full, full, full]);
    expect(await subscribe('http://127.0.0.1:2/more/1', 'a', { app_id: OTHER_APP_ID })).toEqual(DONE);
  });

  test.each([
    ['ftp://a.test/', 'a', '参数callback_url必须是有效的http或https地址'],
    ['http://10.0.0.1/', 'a', '参数callback_url指向不允许访问的地址'],
    ['http://169.254.169.254/latest', 'a', '参数callback_url指向不允许访问的地址'],
    ['https://a.test/', 'a.', /^参数event_key必须是1到4级/],
    ['https://a.test/', '*', /^参数event_key必须是1到4级/],
  ])('%s under %s is refused with 400', async (url, key, message) => {
    const msg = typeof message === 'string' ? message : expect.stringMatching(message);
    expect(await subscribe(url, key)).toEqual({ code: '400', msg });
    expect(await service.subscriptions.list({ limit: 1 })).toEqual([]);
  });
});

describe('unsubscribing', () => {
  test('from what is not there, or is another application’s, is 404', async () => {
    const url = 'http://127.0.0.1:2/kept';
    await subscribe(url, 'a.gs');
    const missing = { code: '404', msg: '订阅不存在' };
    expect(await unsubscribe(url, 'a')).toEqual(missing);
    expect(await unsubscribe(`${url}/`, 'a.gs')).toEqual(missing);
    expect(await unsubscribe(url, 'a.gs', { app_id: OTHER_APP_ID })).toEqual(missing);
    expect(await unsubscribe('no url', 'not a key')).toEqual(missing);
    expect(await unsubscribe(url, 'a.gs')).toEqual(DONE);
    expect(await unsubscribe(url, 'a.gs')).toEqual(missing);
  });
});

describe('who may call', () => {
  test.each(['/api/subscription', '/api/unsubscribe', '/api/publish'])(
    '%s asks the same door as /api/callback',
    async (path) => {
      const body = { app_id: APP_ID, callback_url: 'http://127.0.0.1:2/door', event_key: 'a', ...EVENT };
      const wrong = { authorization: 'Bearer wrong' };
      expect(await service.post(path, body, wrong)).toEqual({ code: '401002', msg: '无权限访问当前接口' });
      expect(await service.post(path, { ...body, app_id: 'NOBODYNOBODYNOBO' })).toEqual({
        code: '400001',
        msg: 'appId不正确',
      });
      expect(await service.post(path, { ...body, app_id: DISABLED_APP_ID })).toMatchObject({ code: '401002' });
      expect(await service.post(path, '{"app_id"')).toMatchObject({
        code: '400',
        msg: expect.stringContaining('不是合法的JSON'),
      });
      expect(await service.post(path, '[1]')).toEqual({ code: '400', msg: '请求体必须是JSON对象' });
      expect(await service.post(path, 'x'.repeat(1_048_577))).toEqual({
        code: '400',
        msg: '请求体过大，最多1048576字节',
      });
      expect(await service.subscriptions.list({ limit: 1 })).toEqual([]);
    },
  );
});

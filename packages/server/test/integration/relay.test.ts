import { createPublicKey, verify, type JsonWebKey } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver, type Behaviour, type Receiver } from '../support/receiver.ts';
import {
  APP_ID,
  APP_SECRET,
  DISABLED_APP_ID,
  eventually,
  OTHER_APP_ID,
  startRelayService,
  WEBHOOK_SECRET,
} from '../support/relay-service.ts';

const database = await createTestDatabase();
const service = await startRelayService({ database, limits: { answerWaitMs: 1_000 } });
const { relay, clock, post, query } = service;
const receivers: Receiver[] = [];

afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});
afterAll(async () => {
  await service.stop();
  await database.drop();
});

async function receiver(behaviour: Behaviour): Promise<Receiver> {
  const started = await startReceiver(behaviour);
  receivers.push(started);
  return started;
}

const FORM = { app_id: APP_ID, message_type: '', request_message: { field1: '任意字段' } };
const UNKNOWN = '01995a00-0000-7000-8000-000000000000';

/** Makes the waiting retry of a delivery due. */
async function retryNow(requestId: string): Promise<void> {
  const waiting = await eventually(async () => {
    const delivery = await relay.showDelivery(requestId);
    return delivery?.state === 'waiting' && delivery;
  });
  clock.set(waiting.dueAt!);
}

describe('000 成功: the destination acknowledged', () => {
  test('the sample of seed 003 arrives byte for byte, signed twice over', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    // The seed's text, with a URL that exists and without its `...`.
    const sample = `{
    "callback_url":"${destination.url}",
    "callee_no":"b42652fe",
    "caller_no":"b372be686fa6",
    "app_id":"5SV4BVSY0OXQ3ZSA",
    "message_type":"",
    "request_message":{
        "field1":"任意字段",
        "field2":"任意字段"
    }
}`;
    const answer = await post(sample);
    expect(answer).toEqual({ request_id: expect.stringMatching(/^[0-9a-f-]{36}$/), code: '000', msg: '成功' });

    const [receipt] = destination.receipts;
    const { sign, request_content, timestamp, nonce, message_type, ...rest } = receipt!.json as Record<string, string>;
    expect(rest).toEqual({});
    expect(request_content).toBe('{"field1":"任意字段","field2":"任意字段"}');
    expect(timestamp).toBe(clock.now().getTime());
    expect(nonce).toMatch(/^[A-Za-z0-9]{6}$/);
    expect(message_type).toBe('');

    const jwks = (await (await fetch(`${service.url}/api/keys/${APP_ID}`)).json()) as { keys: JsonWebKey[] };
    const key = createPublicKey({ key: jwks.keys[0]!, format: 'jwk' });
    const text = `nonce=${nonce}&request_content=${request_content}&timestamp=${timestamp}`;
    expect(verify('sha1', Buffer.from(text), key, Buffer.from(sign!, 'base64'))).toBe(true);
    expect(verify('sha1', Buffer.from(`${text} `), key, Buffer.from(sign!, 'base64'))).toBe(false);

    expect(receipt!.webhookId).toBe(answer['request_id']);
    const headers = receipt!.headers as Record<string, string>;
    expect(new Webhook(WEBHOOK_SECRET).verify(receipt!.body, headers)).toEqual(receipt!.json);
    expect(await query(`request_id=${answer['request_id']}`)).toEqual(answer);
  });

  test('digits, order and keys that stand twice do not change on the way', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const message = '{"z":9007199254740993,"a":1.10,"a":1e2,"u":"\\u4e2d\\/","n":-0.0}';
    const body = `{"callback_url":"${destination.url}","app_id":"${APP_ID}","message_type":"M","request_message": ${message} }`;
    expect((await post(body))['code']).toBe('000');
    expect(destination.receipts[0]!.json['request_content']).toBe(message);
  });

  test('an application’s public key is asked for by its id, unknown ones do not exist', async () => {
    expect((await fetch(`${service.url}/api/keys/NOBODY`)).status).toBe(404);
  });
});

describe('202 访问目标路径重试中: durable, not acknowledged yet', () => {
  test('fails twice, then says 000: the same webhook-id each time, fresh nonces, and GET tells', async () => {
    const destination = await receiver((_receipt, nth) => (nth <= 2 ? { status: 500 } : ACKNOWLEDGED));
    const answer = await post({ ...FORM, callback_url: destination.url });
    expect(answer).toEqual({ request_id: expect.any(String), code: '202', msg: '访问目标路径重试中' });
    const id = answer['request_id']!;
    expect(await query(`request_id=${id}`)).toEqual(answer);
    await retryNow(id);
    await destination.received(2);
    const outcome = query(`request_id=${id}&wait=30`);
    await retryNow(id);
    expect(await outcome).toEqual({ request_id: id, code: '000', msg: '成功' });
    expect(destination.receipts.map((receipt) => receipt.webhookId)).toEqual([id, id, id]);
    expect(new Set(destination.receipts.map((receipt) => receipt.json['nonce'])).size).toBe(3);
    expect(new Set(destination.receipts.map((receipt) => receipt.json['timestamp'])).size).toBe(3);
  });

  test.each([
    ['200 with an empty body', {}],
    ['200 without code', { body: '{"msg":"ok"}' }],
    ['200 with the number 0', { body: '{"code":0}' }],
    ['200 with another code', { body: '{"code":"500"}' }],
    ['204', { status: 204 }],
    ['a redirect', { status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '{"code":"000"}' }],
    ['a page', { headers: { 'content-type': 'text/html' }, body: '<html>000</html>' }],
    ['broken gzip', { headers: { 'content-encoding': 'gzip' }, body: Buffer.from([0x1f, 0x8b, 1, 2, 3]) }],
    ['an endless-looking body', { body: `{"code":"000","x":"${'x'.repeat(3_000_000)}"}` }],
    ['bytes that are no UTF-8', { body: Buffer.from([0xff, 0x00, 0xfe]) }],
  ])('%s is no acknowledgement', async (_name, odd) => {
    const destination = await receiver((_receipt, nth) => (nth === 1 ? odd : ACKNOWLEDGED));
    const answer = await post({ ...FORM, callback_url: destination.url });
    expect(answer['code']).toBe('202');
    await retryNow(answer['request_id']!);
    expect((await query(`request_id=${answer['request_id']}&wait=30`))['code']).toBe('000');
  });

  test('a refused connection and a cut one are retried', async () => {
    const closed = await receiver(() => ACKNOWLEDGED);
    await receivers.pop()!.close();
    expect((await post({ ...FORM, callback_url: closed.url }))['code']).toBe('202');
    const cut = await receiver((_receipt, _nth, response) => {
      response.socket?.destroy();
      return null;
    });
    expect((await post({ ...FORM, callback_url: cut.url }))['code']).toBe('202');
  });

  test('an attempt that outlasts the wait goes on after the answer', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async () => {
      await held.promise;
      return ACKNOWLEDGED;
    });
    const answer = await post({ ...FORM, callback_url: destination.url });
    expect(answer['code']).toBe('202');
    const outcome = query(`request_id=${answer['request_id']}&wait=30`);
    held.resolve();
    expect((await outcome)['code']).toBe('000');
    expect(destination.receipts.length).toBe(1);
  });

  test('Prefer: respond-async answers after the durable write', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async () => {
      await held.promise;
      return ACKNOWLEDGED;
    });
    const answer = await post({ ...FORM, callback_url: destination.url }, { prefer: 'wait=5, respond-async' });
    expect(answer['code']).toBe('202');
    expect(await relay.outcome(answer['request_id']!)).toMatchObject({ state: 'leased' });
    held.resolve();
    expect((await query(`request_id=${answer['request_id']}&wait=30`))['code']).toBe('000');
  });
});

describe('500500: will not be delivered', () => {
  const FAILED = { request_id: expect.any(String), code: '500500', msg: '访问目标路径失败，请稍后再试或联系管理员' };
  const GONE = '访问目标路径失败，请重新发送转发请求或联系管理员';

  test.each(['http://10.122.153.25:5106/x', 'http://169.254.169.254/latest', 'http://[::ffff:10.0.0.1]/'])(
    'the forbidden address %s',
    async (url) => {
      const answer = await post({ ...FORM, callback_url: url });
      expect(answer).toEqual(FAILED);
      const id = answer['request_id']!;
      expect(await query(`request_id=${id}`)).toEqual({ request_id: id, code: '500', msg: GONE });
      expect(await relay.showDelivery(id)).toMatchObject({ state: 'failed', reason: 'address_forbidden', attempts: 0 });
    },
  );

  test('410, and nothing is sent again', async () => {
    const destination = await receiver(() => ({ status: 410 }));
    const answer = await post({ ...FORM, callback_url: destination.url });
    expect(answer).toEqual(FAILED);
    expect((await query(`request_id=${answer['request_id']}&wait=30`))['code']).toBe('500');
    expect(destination.receipts.length).toBe(1);
  });

  test('a destination that is switched off', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    await relay.setCallee({ appId: APP_ID, calleeNo: 'off', url: destination.url, enabled: false, actor: 'operator' });
    expect(await post({ ...FORM, callee_no: 'off' })).toEqual(FAILED);
    expect(destination.receipts.length).toBe(0);
  });
});

describe('answers to what is not accepted', () => {
  test('400 names what is missing or wrong, and nothing is stored', async () => {
    const count = async () => (await relay.listDeliveries({ limit: 1_000 })).length;
    const before = await count();
    expect(await post('{}')).toEqual({ code: '400', msg: '参数callback_url不能为空' });
    expect(await post({ ...FORM, callback_url: 'not a url' })).toMatchObject({ code: '400' });
    expect(await post({ ...FORM, callback_url: 'ftp://a.example/' })).toMatchObject({ code: '400' });
    expect(await post({ ...FORM, callback_url: `http://a.example/${'x'.repeat(2_100)}` })).toMatchObject({
      code: '400',
    });
    expect(await post(Buffer.from([0x7b, 0xff]))).toEqual({ code: '400', msg: '请求体必须是UTF-8编码' });
    expect(await post(`{"a":${'['.repeat(900_000)}`)).toMatchObject({ code: '400' });
    expect(await post(' '.repeat(3_000_000))).toEqual({ code: '400', msg: '请求体过大，最多1048576字节' });
    expect(await post({ ...FORM, callback_url: 'http://a.example/' }, { 'idempotency-key': 'a b' })).toMatchObject({
      code: '400',
    });
    expect(await query('')).toEqual({ code: '400', msg: '参数request_id不能为空' });
    expect(await query(`request_id=${UNKNOWN}&wait=31`)).toMatchObject({ code: '400' });
    expect(await count()).toBe(before);
  });

  test('who is unknown, not let in, or switched off', async () => {
    const url = { callback_url: 'http://a.example/' };
    expect((await post({ ...FORM, ...url, app_id: 'NOBODY' }))['code']).toBe('400001');
    expect((await post({ ...FORM, ...url }, { authorization: 'Bearer wrong' }))['code']).toBe('401002');
    expect((await post({ ...FORM, ...url, app_id: DISABLED_APP_ID }))['code']).toBe('401002');
    expect(await post({ ...FORM, callee_no: 'nowhere' })).toEqual({ code: '404', msg: 'callee_no不存在' });
  });

  test('the delivery of another application does not exist', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const { request_id: id } = await post({ ...FORM, callback_url: destination.url });
    const other = { authorization: `Bearer ${APP_SECRET}-${OTHER_APP_ID}` };
    const notFound = { code: '404', msg: 'request_id不存在' };
    expect(await query(`request_id=${id}`, other)).toEqual(notFound);
    expect(await query(`request_id=${UNKNOWN}`)).toEqual(notFound);
    expect(await query(`request_id=1'--`)).toEqual(notFound);
  });

  test('our own fault is 500 without a request_id, and its cause stays in the log', async () => {
    const lost = await startRelayService({ database });
    await lost.relay.stop();
    const answer = await lost.post({ ...FORM, callback_url: 'http://127.0.0.1:1/' });
    expect(answer).toEqual({ code: '500', msg: '服务调用异常，请稍后再试或联系管理员' });
    expect(lost.log.some((line) => line['msg'] === 'a callback request failed')).toBe(true);
    await lost.stop();
  });
});

describe('Idempotency-Key', () => {
  test('the same key and body are one delivery, at once and later; another body is 409', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async () => {
      await held.promise;
      return ACKNOWLEDGED;
    });
    const form = { ...FORM, callback_url: destination.url };
    const headers = { 'idempotency-key': 'order-1' };
    const answers = Promise.all(Array.from({ length: 5 }, () => post(form, headers)));
    await destination.received(1);
    held.resolve();
    const ids = new Set((await answers).map((answer) => answer['request_id']));
    expect(ids.size).toBe(1);
    const [id] = ids;
    expect((await query(`request_id=${id}&wait=30`))['code']).toBe('000');
    expect(await post(JSON.stringify(form, null, 2), headers)).toEqual({ request_id: id, code: '000', msg: '成功' });
    expect((await post({ ...form, message_type: 'X' }, headers))['code']).toBe('409');
    expect(destination.receipts.length).toBe(1);
  });
});

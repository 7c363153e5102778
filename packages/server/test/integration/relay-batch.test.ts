import { request as httpRequest } from 'node:http';
import { text } from 'node:stream/consumers';
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
} from '../support/relay-service.ts';

const database = await createTestDatabase();
const service = await startRelayService({ database });
const { relay } = service;
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

interface Result {
  readonly line: number;
  readonly request_id?: string;
  readonly code: string;
  readonly msg: string;
}

const authorization = `Bearer ${APP_SECRET}-${APP_ID}`;
const MESSAGE = { app_id: APP_ID, message_type: 'T', request_message: { n: 1 } };
const ANY_ID = expect.stringMatching(/^[0-9a-f-]{36}$/);

async function send(body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
  const answer = await fetch(`${service.url}/api/callbacks`, {
    method: 'POST',
    headers: { authorization, ...headers },
    body,
  });
  expect(answer.status).toBe(200);
  return answer;
}

async function sendArray(
  messages: readonly unknown[],
  headers: Record<string, string> = {},
): Promise<{ code: string; msg: string; results: Result[] }> {
  const answer = await send(JSON.stringify(messages), headers);
  expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
  return (await answer.json()) as { code: string; msg: string; results: Result[] };
}

async function sendLines(body: string | Buffer, headers: Record<string, string> = {}): Promise<Result[]> {
  const answer = await send(body, headers);
  expect(answer.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
  const lines = (await answer.text()).split('\n');
  expect(lines.pop()).toBe('');
  return lines.map((line) => JSON.parse(line) as Result);
}

const messageTo = (url: string, change: object = {}) => ({ ...MESSAGE, callback_url: url, ...change });
const stored = async (): Promise<number> => (await relay.listDeliveries({ limit: 1_000 })).length;

describe('POST /api/callbacks', () => {
  test('an array: the results in order, in the order of keys of the contract', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const messages = [1, 2, 3].map((n) => messageTo(destination.url, { request_message: { n } }));
    const answer = await (await send(JSON.stringify(messages))).text();
    expect(answer).toMatch(
      /^\{"code":"000","msg":"成功","results":\[\{"line":1,"request_id":"[0-9a-f-]{36}","code":"000","msg":"成功"\},/,
    );
    const { results } = JSON.parse(answer) as { results: Result[] };
    expect(results.map(({ line, code }) => [line, code])).toEqual([
      [1, '000'],
      [2, '000'],
      [3, '000'],
    ]);
    const sent = new Map(destination.receipts.map(({ webhookId, json }) => [webhookId, json['request_content']]));
    expect(results.map(({ request_id: id }) => sent.get(id!))).toEqual(['{"n":1}', '{"n":2}', '{"n":3}']);
    expect(await service.query(`request_id=${results[1]!.request_id}`)).toMatchObject({ code: '000' });
  });

  test('NDJSON as it may be written: byte order mark, CRLF, blank lines, no last line end, in any chunks', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const line = (message: string): string =>
      `{"callback_url":"${destination.url}","app_id":"${APP_ID}","message_type":"中文","request_message":${message}}`;
    const message = '{ "z":9007199254740993, "a":1.10,"a":1e2}';
    const body = Buffer.from(`\uFEFF${line(message)}\r\n\r\n \n${line('{"n":"中"}')}`);
    const results = await new Promise<string>((resolve, reject) => {
      const outgoing = httpRequest(`${service.url}/api/callbacks`, { method: 'POST', headers: { authorization } });
      outgoing.on('response', (response) => void text(response).then(resolve, reject)).on('error', reject);
      for (let at = 0; at < body.length; at += 7) outgoing.write(body.subarray(at, at + 7));
      outgoing.end();
    });
    const lines = results.trimEnd().split('\n');
    expect(lines.map((result) => (JSON.parse(result) as Result).line)).toEqual([1, 4]);
    expect(destination.receipts.map(({ json }) => json['request_content'])).toEqual(
      expect.arrayContaining(['{"n":"中"}', '{"z":9007199254740993,"a":1.10,"a":1e2}']),
    );
  });

  test('a faulty message fails alone, in the words of the single route', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const good = JSON.stringify({ ...MESSAGE, callback_url: destination.url });
    const large = JSON.stringify({ ...MESSAGE, callback_url: destination.url, request_message: 'x'.repeat(1_100_000) });
    const lines: [Buffer | string, string, unknown][] = [
      [good, '000', '成功'],
      [JSON.stringify({ ...MESSAGE }), '400', '参数callback_url不能为空'],
      ['{', '400', '请求体不是合法的JSON，第2个字符处有误'],
      ['[]', '400', '请求体必须是JSON对象'],
      [Buffer.from([0x7b, 0xff, 0x7d]), '400', '请求体必须是UTF-8编码'],
      [
        JSON.stringify({ ...MESSAGE, callback_url: destination.url, request_message: 1 }),
        '400',
        '参数request_message必须是JSON对象',
      ],
      [JSON.stringify({ ...MESSAGE, callback_url: 'nowhere' }), '400', '参数callback_url必须是有效的http或https地址'],
      [
        JSON.stringify({ ...MESSAGE, callback_url: destination.url, idempotency_key: 'a b' }),
        '400',
        '参数idempotency_key必须是1到255个可见ASCII字符',
      ],
      [
        JSON.stringify({ ...MESSAGE, callback_url: destination.url, idempotency_key: 7 }),
        '400',
        '参数idempotency_key必须是1到255个可见ASCII字符',
      ],
      [`{"a":${'['.repeat(200)}`, '400', '请求体嵌套过深，最多100层'],
      [large, '400', '请求体过大，最多1048576字节'],
      [JSON.stringify({ ...MESSAGE, callee_no: 'nowhere' }), '404', 'callee_no不存在'],
      [JSON.stringify({ ...MESSAGE, callback_url: destination.url, app_id: 'NOBODY' }), '400001', 'appId不正确'],
      [
        JSON.stringify({ ...MESSAGE, callback_url: destination.url, app_id: DISABLED_APP_ID }),
        '401002',
        '应用已停用，无权限访问当前接口',
      ],
      // The secret of one application opens no other.
      [
        JSON.stringify({ ...MESSAGE, callback_url: destination.url, app_id: OTHER_APP_ID }),
        '401002',
        '无权限访问当前接口',
      ],
      [
        JSON.stringify({ ...MESSAGE, callback_url: 'http://10.0.0.1/' }),
        '500500',
        '访问目标路径失败，请稍后再试或联系管理员',
      ],
      [good, '000', '成功'],
    ];
    const before = await stored();
    const body = Buffer.concat(lines.flatMap(([line]) => [Buffer.from(line), Buffer.from('\n')]));
    const results = await sendLines(body, { 'content-type': 'application/x-ndjson' });
    expect(results.map(({ line, code, msg }) => [line, code, msg])).toEqual(
      lines.map(([, code, msg], index) => [index + 1, code, msg]),
    );
    expect(results.filter((result) => result.request_id !== undefined).map(({ line }) => line)).toEqual([1, 16, 17]);
    expect(await stored()).toBe(before + 3);
    expect(destination.receipts.length).toBe(2);
  });

  test('what is no batch is refused as a whole, and nothing is stored', async () => {
    const before = await stored();
    const refusal = async (body: string, headers: Record<string, string> = {}): Promise<unknown> =>
      (await send(body, headers)).json();
    const message = JSON.stringify({ ...MESSAGE, callback_url: 'http://127.0.0.1:1/' });
    expect(await refusal('')).toEqual({ code: '400', msg: '请求体没有消息' });
    expect(await refusal('[]')).toEqual({ code: '400', msg: '请求体没有消息' });
    expect(await refusal(`[${message},]`)).toMatchObject({ code: '400' });
    expect(await refusal(`${message}\n`.repeat(1_001))).toEqual({ code: '400', msg: '消息过多，一批最多1000条' });
    expect(await refusal(' '.repeat(8_388_609))).toEqual({ code: '400', msg: '请求体过大，最多8388608字节' });
    expect(await refusal(message, { 'idempotency-key': 'one' })).toEqual({
      code: '400',
      msg: '请求头Idempotency-Key只适用于单条消息，请使用每条消息的idempotency_key',
    });
    const apps = Array.from({ length: 17 }, (_, nth) => JSON.stringify({ ...JSON.parse(message), app_id: `A${nth}` }));
    expect(await refusal(apps.join('\n'))).toEqual({
      code: '400',
      msg: 'app_id过多，一批最多16个不同的app_id',
    });
    expect(await stored()).toBe(before);
  });

  test('idempotency_key holds for its line: twice in one batch and in another is one delivery', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const message = (n: number, key: string | null) => ({
      ...MESSAGE,
      callback_url: destination.url,
      request_message: { n },
      idempotency_key: key,
    });
    const { results } = await sendArray([
      message(1, 'k1'),
      message(2, 'k2'),
      message(1, 'k1'),
      message(2, 'k1'),
      message(1, null),
    ]);
    expect(results.map(({ code }) => code)).toEqual(['000', '000', '000', '409', '000']);
    expect(results[2]!.request_id).toBe(results[0]!.request_id);
    const again = await sendArray([message(1, 'k1')]);
    expect(again.results).toEqual([{ line: 1, request_id: results[0]!.request_id, code: '000', msg: '成功' }]);
    // The same key by the header of the single route.
    const single = await service.post({ ...message(2, 'ignored') }, { 'idempotency-key': 'k2' });
    expect(single['request_id']).toBe(results[1]!.request_id);
    expect(destination.receipts.length).toBe(3);
  });

  test('NDJSON results come as they are known, those of later lines after those of earlier ones', async () => {
    const held = Promise.withResolvers<void>();
    const quick = await receiver(() => ACKNOWLEDGED);
    const slow = await receiver(async () => {
      await held.promise;
      return ACKNOWLEDGED;
    });
    const lines = [quick, slow, quick].map(({ url }) => JSON.stringify(messageTo(url)));
    const answer = await send(lines.join('\n'));
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    const first = await reader.read();
    expect(JSON.parse(first.value!)).toEqual({ line: 1, request_id: ANY_ID, code: '000', msg: '成功' });
    held.resolve();
    let rest = '';
    for (let read = await reader.read(); !read.done; read = await reader.read()) rest += read.value;
    expect(
      rest
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Result),
    ).toMatchObject([
      { line: 2, code: '000' },
      { line: 3, code: '000' },
    ]);
  });

  test('Prefer: respond-async answers once every line is durable', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async () => {
      await held.promise;
      return ACKNOWLEDGED;
    });
    const messages = Array.from({ length: 20 }, () => ({ ...MESSAGE, callback_url: destination.url }));
    const { results } = await sendArray(messages, { prefer: 'respond-async' });
    expect(results.map(({ code }) => code)).toEqual(Array.from({ length: 20 }, () => '202'));
    held.resolve();
    for (const { request_id: id } of results) {
      expect(await service.query(`request_id=${id}&wait=30`)).toMatchObject({ code: '000' });
    }
    expect(destination.receipts.length).toBe(20);
  });

  test('lines under one ordering key arrive in the order of the batch', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    await relay.setCallee({
      appId: APP_ID,
      calleeNo: 'ordered',
      url: destination.url,
      orderingKeyPath: 'flow',
      actor: 'operator',
    });
    const messages = Array.from({ length: 200 }, (_, n) => ({
      ...MESSAGE,
      callee_no: 'ordered',
      request_message: { flow: `F${n % 2}`, n },
    }));
    const { results } = await sendArray(messages, { prefer: 'respond-async' });
    expect(new Set(results.map(({ code }) => code))).toEqual(new Set(['202']));
    await destination.received(200);
    const received = destination.receipts.map(
      ({ json }) => JSON.parse(json['request_content'] as string) as { n: number },
    );
    for (const flow of [0, 1]) {
      const ofFlow = received.map(({ n }) => n).filter((n) => n % 2 === flow);
      expect(ofFlow).toEqual([...ofFlow].sort((a, b) => a - b));
    }
  });

  test('a destination gets no more of a batch at once than its cap', async () => {
    let under = 0;
    let most = 0;
    const destination = await receiver(async () => {
      under += 1;
      most = Math.max(most, under);
      await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
      return ACKNOWLEDGED;
    });
    await relay.setCallee({
      appId: APP_ID,
      calleeNo: 'capped',
      url: destination.url,
      inFlightMax: 3,
      actor: 'operator',
    });
    const { results } = await sendArray(
      Array.from({ length: 60 }, () => ({ ...MESSAGE, callee_no: 'capped' })),
      { prefer: 'wait=30' },
    );
    expect(new Set(results.map(({ code }) => code))).toEqual(new Set(['000']));
    expect(most).toBeLessThanOrEqual(3);
  });

  test('a client that is gone before its results changes nothing for its messages', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async () => {
      await held.promise;
      return ACKNOWLEDGED;
    });
    const gone = new AbortController();
    const sending = fetch(`${service.url}/api/callbacks`, {
      method: 'POST',
      headers: { authorization },
      body: Array.from({ length: 5 }, () => JSON.stringify({ ...MESSAGE, callback_url: destination.url })).join('\n'),
      signal: gone.signal,
    });
    await destination.received(5);
    gone.abort();
    await expect(sending).rejects.toThrow();
    held.resolve();
    for (const { webhookId } of destination.receipts) {
      await eventually(async () => (await relay.outcome(webhookId))?.state === 'delivered');
    }
  });
});

import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from 'vitest';
import { FORM, TsignRefusal } from '../../src/dialects/tsign/index.ts';
import { DomainError } from '../../src/platform/errors.ts';
import { createTestDatabase } from '../support/database.ts';
import { send, signCall, type TsignCall } from '../support/tsign-client.ts';
import { startTsign } from '../support/tsign-service.ts';

const database = await createTestDatabase();
const failing = (path: string, error: Error) => ({
  method: 'GET' as const,
  path,
  handle: () => Promise.reject(error),
});
const service = await startTsign(database, (echo) => [
  echo('POST', '/v2/echo'),
  { method: 'GET', path: '/v2/nothing', handle: () => Promise.resolve(undefined) },
  failing('/v2/missing', new TsignRefusal(FORM.missing('name'))),
  failing('/v2/wrong', new TsignRefusal(FORM.wrong('orgCode', '18位统一社会信用代码'))),
  failing('/v2/domain', new DomainError('app_not_found', { appId: 'X' })),
  failing('/v2/unforeseen', new DomainError('sealed_unreadable', {}, { cause: new Error('private detail') })),
  failing('/v2/fault', new Error('private detail')),
]);
const account = await service.account();

afterAll(async () => {
  await service.stop();
  await database.drop();
});

const ask = (call: TsignCall, by = account) => send(service.url, signCall(by, call, service.time.now.getTime()));
const refusal = (code: number, message: string) => ({
  status: 200,
  text: JSON.stringify({ code, message, data: null }),
});

test('an answer without data has it as null', async () => {
  const answer = await ask({ method: 'GET', path: '/v2/nothing' });
  expect(answer).toMatchObject({ status: 200, text: '{"code":0,"message":"成功","data":null}' });
});

describe('a refusal is HTTP 200 with the contract’s code', () => {
  test.each([
    ['/v2/missing', 30500100, '缺少参数:name'],
    ['/v2/wrong', 30500101, '参数错误:orgCode应为18位统一社会信用代码'],
    ['/v2/domain', 30500200, '未找到应用配置'],
  ])('%s', async (path, code, message) => {
    expect(await ask({ method: 'GET', path })).toMatchObject(refusal(code, message));
  });

  test.each<[string, string | Buffer, string]>([
    ['no JSON', '{"a":', '参数错误:请求报文应为UTF-8编码的JSON对象'],
    ['no object', '[1]', '参数错误:请求报文应为UTF-8编码的JSON对象'],
    ['no UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), '参数错误:请求报文应为UTF-8编码的JSON对象'],
    ['brackets', `{"a":${'['.repeat(1_000_000)}`, '参数错误:请求报文嵌套过深'],
  ])('a body that is %s', async (_what, body, message) => {
    expect(await ask({ method: 'POST', path: '/v2/echo', body })).toMatchObject(refusal(30500101, message));
  });

  test('a form of a thousand fields and one', async () => {
    const form = Array.from({ length: 1_001 }, (_, n) => [`f${n}`, '1'] as const);
    const answer = await ask({ method: 'POST', path: '/v2/echo', form });
    expect(answer).toMatchObject(refusal(30500101, '参数错误:表单字段不能超过1000个'));
    expect((await ask({ method: 'POST', path: '/v2/echo', form: form.slice(1) })).json['code']).toBe(0);
  });

  test('a body beyond 2 MB', async () => {
    const call = { method: 'POST', path: '/v2/echo', body: Buffer.alloc(2 * 1024 * 1024 + 1, 0x20) };
    expect(await ask(call)).toMatchObject(refusal(30500101, '参数错误:请求报文不能超过2MB'));
  });

  test('an app whose grants do not name this API', async () => {
    const other = await service.account({ grants: ['esign.signflows.query'] });
    expect(await ask({ method: 'GET', path: '/v2/nothing' }, other)).toMatchObject(refusal(30500200, '未找到应用配置'));
    const named = await service.account({ grants: ['esign.signflows.query', 'tsign'] });
    expect((await ask({ method: 'GET', path: '/v2/nothing' }, named)).json['code']).toBe(0);
  });
});

test.each(['/v2/fault', '/v2/unforeseen'])('%s: a fault of ours names the id that its log line has', async (path) => {
  const answer = await ask({ method: 'GET', path });
  expect(answer).toMatchObject({ status: 200, json: { code: 30500000, data: null } });
  const id = /^操作出错,请联系服务人员处理, ID:([0-9a-f-]{36})$/.exec(String(answer.json['message']))?.[1];
  const lines = service.log.filter((line) => line['requestId'] === id);
  expect(lines).toMatchObject([{ level: 'error', path }]);
  expect(JSON.stringify(lines)).toContain('private detail');
  expect(answer.text).not.toContain('private');
});

test('a content type that is not well-formed is signed text like any other', async () => {
  for (const contentType of ['text', '"x"', '', 'application/json;charset=UTF-8;']) {
    const answer = await ask({ method: 'POST', path: '/v2/echo', body: '{"a":1}', contentType });
    expect(answer.json).toMatchObject({ code: 0, data: { body: { a: 1 } } });
  }
});

test('__proto__ and duplicate keys in a body are data', async () => {
  const answer = await ask({ method: 'POST', path: '/v2/echo', body: '{"__proto__":{"x":1},"a":1,"a":2}' });
  expect(answer.text).toContain('"body":{"__proto__":{"x":1},"a":2}');
});

test('half a request by a stranger gets an answer and no body is awaited', async () => {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(service.url).port) });
  socket.write('POST /v2/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\nConnection: close\r\n\r\n{');
  const answer = await text(socket);
  expect(answer).toMatch(/^HTTP\/1\.1 401 /);
  expect(answer).toContain('{"success":false,"code":401,"message":"无效的应用"}');
});

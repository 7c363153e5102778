import { createSign } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { DomainError } from '../../src/platform/errors.ts';
import type { SigningCommands } from '../../src/dialects/etc/gateway/api.ts';
import type { RevokeFlow } from '../../src/signing/index.ts';
import { callNewer, freshNonce, newerBody, olderBody, send } from '../support/gateway-client.ts';
import { absentSigning, partnerKey, startGateway } from '../support/gateway-service.ts';

const revoked: RevokeFlow[] = [];

/** Whatever comes through is remembered: a hostile body must leave no trace here. */
const unexpected = async (): Promise<never> => {
  throw new DomainError('flow_not_found');
};
const signing: SigningCommands = {
  ...absentSigning,
  createFlow: unexpected,
  flow: unexpected,
  documents: unexpected,
  revokeFlow: async (command) => {
    revoked.push(command);
  },
};

const gateway = await startGateway(signing);
const { client } = await gateway.partner();
afterAll(() => gateway.stop());
beforeEach(() => {
  revoked.length = 0;
});

/** Seed 002, 业务参数请求样例. */
const SEED_002 = {
  flowId: 'c64665aa4f1c45679e65b6fae33cd773',
  etc_member_no: '40eb61714d9e49088bac7a3c56d69d66',
  revokeReason: '合同有误',
};

describe('hostile bodies', () => {
  const good = (): Record<string, unknown> =>
    JSON.parse(olderBody(client, 'esign.signflows.revoke', SEED_002)) as never;
  const nest = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

  const bodies: [string, () => string | Uint8Array, string][] = [
    ['nothing', () => '', '请求报文应为UTF-8编码的JSON对象'],
    ['no JSON', () => 'appId=1&nonce=2', '请求报文应为UTF-8编码的JSON对象'],
    ['a list', () => '[]', '请求报文应为UTF-8编码的JSON对象'],
    ['half an object', () => JSON.stringify(good()).slice(0, -1), '请求报文应为UTF-8编码的JSON对象'],
    ['two objects', () => `${JSON.stringify(good())}{}`, '请求报文应为UTF-8编码的JSON对象'],
    [
      'invalid UTF-8',
      () => Buffer.from(JSON.stringify(good()).replace('合', '\u00ff'), 'latin1'),
      '请求报文应为UTF-8编码的JSON对象',
    ],
    ['a megabyte of nesting', () => `{"appId":${nest(524_288)}}`, '请求报文嵌套过深'],
    ['a megabyte of objects', () => `{"params":${'{"a":'.repeat(200_000)}`, '请求报文嵌套过深'],
    [
      'more than 2 MB',
      () => JSON.stringify({ ...good(), params: { a: 'x'.repeat(2_200_000) } }),
      '请求报文不能超过2MB',
    ],
    ['an appId twice', () => JSON.stringify(good()).replace('{', '{"appId":"AAAAAAAAAAAAAAAA",'), '参数appId重复'],
    [
      'a parameter twice',
      () => JSON.stringify(good()).replace('"flowId"', '"flowId":"x","flowId"'),
      '参数params.flowId重复',
    ],
    ['no appId', () => JSON.stringify({ ...good(), appId: undefined }), '参数appId不能为空'],
    ['a number for a nonce', () => JSON.stringify({ ...good(), nonce: 123_456 }), '参数nonce应为6位字母或数字'],
    ['a long nonce', () => JSON.stringify({ ...good(), nonce: '1234567' }), '参数nonce应为6位字母或数字'],
    [
      'a date for a timestamp',
      () => JSON.stringify({ ...good(), timestamp: '2026-11-21' }),
      '参数timestamp应为13位毫秒时间戳',
    ],
    [
      'a huge timestamp',
      () => JSON.stringify(good()).replace(/"timestamp":\d+/, '"timestamp":1e999999'),
      '参数timestamp应为13位毫秒时间戳',
    ],
    [
      'a long sign',
      () => JSON.stringify({ ...good(), sign: 'A'.repeat(2_049) }),
      '参数sign应为不超过2048个字符的Base64签名',
    ],
    [
      'a long apiCode',
      () => JSON.stringify({ ...good(), apiCode: 'a'.repeat(65) }),
      '参数apiCode应为不超过64个字符的字符串',
    ],
    ['an object for an apiCode', () => JSON.stringify({ ...good(), apiCode: {} }), '参数apiCode应为字符串'],
    ['a list for params', () => JSON.stringify({ ...good(), params: [] }), '参数params应为JSON对象'],
    [
      'a thousand params',
      () =>
        JSON.stringify({
          ...good(),
          params: Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, n])),
        }),
      '参数params的字段不能超过256个',
    ],
    [
      'half a surrogate pair',
      () => JSON.stringify({ ...good(), params: { flowId: '\ud800' } }),
      '参数params.flowId应为合法的Unicode文本',
    ],
    ['a second nonce', () => JSON.stringify({ ...good(), params: { nonce: 'x' } }), '参数params.nonce与公共参数重名'],
    ['a sign_type nobody knows', () => JSON.stringify({ ...good(), signType: 'MD5' }), '参数signType应为RSA或RSA2'],
  ];

  test.each(bodies)('%s', async (_what, body, msg) => {
    const answer = JSON.parse(await send(client, body())) as object;
    expect(answer).toMatchObject({ responseCode: '400', responseMsg: msg, data: null });
    expect(revoked).toEqual([]);
  });

  test('the names of both dialects at once', async () => {
    const answer = JSON.parse(await send(client, JSON.stringify({ ...good(), app_id: client.appId }))) as object;
    expect(answer).toMatchObject({ code: '400', msg: '参数app_id与appId不能同时出现', data: null });
  });

  test('content of the newer dialect that is no object', async () => {
    for (const content of ['[]', '{', '"x"', '{"a":1,}', nest(40)]) {
      const answer = await callNewer(client, 'esign.signflows.revoke', undefined, { request_content: content });
      expect(answer.code).toBe('400');
    }
    expect(await callNewer(client, 'esign.signflows.revoke', undefined, { request_content: {} })).toMatchObject({
      code: '400',
      msg: '参数request_content应为内容为JSON对象的字符串',
    });
  });

  const parameters: [object, string][] = [
    [{ flowId: undefined }, '参数flowId不能为空'],
    [{ flowId: '' }, '参数flowId不能为空'],
    [{ flowId: 7 }, '参数flowId应为不超过64个字符的字符串'],
    [{ flowId: ['x'] }, '参数flowId应为不超过64个字符的字符串'],
    [{ flowId: '长'.repeat(65) }, '参数flowId应为不超过64个字符的字符串'],
    [{ flowId: 'a\u0000b' }, '参数flowId应为不含控制字符的文本'],
    [{ etc_member_no: undefined }, '参数etc_member_no不能为空'],
    [{ revokeReason: {} }, '参数revokeReason应为字符串'],
  ];

  test.each(parameters)('a signed request with %j', async (change, msg) => {
    const answer = await callNewer(client, 'esign.signflows.revoke', { ...SEED_002, ...change });
    expect(answer).toMatchObject({ code: '400', msg, data: null });
    expect(revoked).toEqual([]);
  });

  test('what is signed and not known is let be, __proto__ and huge numbers included', async () => {
    const content = JSON.stringify(SEED_002).replace('{', '{"__proto__":{"flowId":"x"},"extra":[{}],"n":1e999999,');
    const body = signedContent('esign.signflows.revoke', content);
    expect(JSON.parse(await send(client, body))).toMatchObject({ code: '000' });
    expect(revoked[0]?.flowId).toBe(SEED_002.flowId);
    expect(Reflect.get({}, 'flowId')).toBeUndefined();
  });

  test('a required field is not found on the prototype', async () => {
    const body = signedContent('esign.signflows.query', '{"__proto__":{"flowId":"x"}}');
    expect(JSON.parse(await send(client, body))).toMatchObject({ code: '400', msg: '参数flowId不能为空' });
  });

  test('any content type is taken, since the body is signed text', async () => {
    const wellFormed = ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=gbk'];
    const malformed = ['', 'text', ';;', '"application/json"', 'application/json, text/html'];
    for (const type of [...wellFormed, ...malformed]) {
      const body = newerBody(client, 'esign.signflows.revoke', SEED_002);
      expect(JSON.parse(await send(client, body, { headers: { 'content-type': type } }))).toMatchObject({
        code: '000',
      });
    }
  });

  test('another method is told to POST', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      const response = await fetch(client.url, { method });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({ responseCode: '400', responseMsg: '请求方法应为POST' });
    }
  });

  function signedContent(apiCode: string, content: string): string {
    const nonce = freshNonce();
    const timestamp = client.now();
    const text = `api_code=${apiCode}&app_id=${client.appId}&nonce=${nonce}&request_content=${content}&timestamp=${timestamp}`;
    const sign = createSign('RSA-SHA256').update(text, 'utf8').sign(partnerKey.privateKey, 'base64');
    return JSON.stringify({
      app_id: client.appId,
      api_code: apiCode,
      nonce,
      timestamp,
      request_content: content,
      sign,
    });
  }
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CALLBACK_LIMITS, CallbackFormError, parseCallbackRequest, parseIdempotencyKey } from './callback-request.ts';

/** Seed 003's sample; its `...` stands for more fields and is left out. */
const SAMPLE = `{
    "callback_url":"https://xxx.com/api/doc",
    "callee_no":"b42652fe",
    "caller_no":"b372be686fa6",
    "app_id":"5SV4BVSY0OXQ3ZSA",
    "message_type":"",
    "request_message":{
        "field1":"任意字段",
        "field2":"任意字段"
    }
}`;

function refusal(body: string | Buffer): string {
  try {
    parseCallbackRequest(Buffer.from(body));
  } catch (error) {
    if (error instanceof CallbackFormError) return error.message;
    throw error;
  }
  return 'accepted';
}

const sampleWith = (change: Record<string, unknown>) => JSON.stringify({ ...JSON.parse(SAMPLE), ...change });

describe('parseCallbackRequest', () => {
  test('reads the sample of seed 003: the URL wins, the empty message_type stands', () => {
    expect(parseCallbackRequest(Buffer.from(SAMPLE))).toEqual({
      appId: '5SV4BVSY0OXQ3ZSA',
      destination: { url: 'https://xxx.com/api/doc' },
      callerNo: 'b372be686fa6',
      messageType: '',
      content: '{"field1":"任意字段","field2":"任意字段"}',
    });
  });

  test('request_message keeps digits, order and keys that stand twice', () => {
    const message = '{ "b":9007199254740993, "a": 1.10,\n"a":1e2 }';
    const body = SAMPLE.replace(/"request_message":\{[^}]*\}/, () => `"request_message":${message}`);
    expect(parseCallbackRequest(Buffer.from(body)).content).toBe('{"b":9007199254740993,"a":1.10,"a":1e2}');
  });

  test('what is missing is named, in the order of the contract', () => {
    expect(refusal('{}')).toBe('参数callback_url不能为空');
    expect(refusal('{"callback_url":"","callee_no":null}')).toBe('参数callback_url不能为空');
    expect(refusal('{"callee_no":"x"}')).toBe('参数app_id不能为空');
    expect(refusal('{"callee_no":"x","app_id":"A"}')).toBe('参数message_type不能为空');
    expect(refusal('{"callee_no":"x","app_id":"A","message_type":null}')).toBe('参数message_type不能为空');
    expect(refusal('{"callee_no":"x","app_id":"A","message_type":""}')).toBe('参数request_message不能为空');
    expect(refusal('{"callee_no":"x","app_id":"A","message_type":"","request_message":{}}')).toBe('accepted');
  });

  test('what is wrong is named with what would be right', () => {
    expect(refusal(sampleWith({ app_id: 5 }))).toBe('参数app_id必须是字符串');
    expect(refusal(sampleWith({ message_type: 0 }))).toBe('参数message_type必须是字符串');
    expect(refusal(sampleWith({ request_message: '{}' }))).toBe('参数request_message必须是JSON对象');
    expect(refusal(sampleWith({ request_message: [1] }))).toBe('参数request_message必须是JSON对象');
    expect(refusal(sampleWith({ callee_no: 'x'.repeat(65) }))).toBe('参数callee_no过长，最多64个字符');
    expect(refusal(sampleWith({ message_type: 'a\u0000' }))).toBe('参数message_type含有非法字符');
    expect(refusal(sampleWith({ caller_no: '\ud800' }))).toBe('参数caller_no含有非法字符');
    expect(refusal('')).toBe('请求体不是合法的JSON，第1个字符处有误');
    expect(refusal('[]')).toBe('请求体必须是JSON对象');
    expect(refusal('{"app_id":"A","app_id":"B"}')).toBe('参数app_id重复');
    expect(refusal(Buffer.from([0x7b, 0x22, 0xff, 0x22]))).toBe('请求体必须是UTF-8编码');
    expect(refusal(`{"request_message":${'['.repeat(500_000)}`)).toBe('请求体嵌套过深，最多100层');
    expect(refusal(' '.repeat(CALLBACK_LIMITS.bodyBytesMax + 1))).toBe('请求体过大，最多1048576字节');
  });

  test('any JSON object arrives as JSON.stringify would write it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, 4, '\t'), (message, indent) => {
        fc.pre(!('__proto__' in message && Object.hasOwn(message, '__proto__')));
        const body = JSON.stringify({ ...JSON.parse(SAMPLE), request_message: message }, null, indent);
        expect(parseCallbackRequest(Buffer.from(body)).content).toBe(JSON.stringify(message));
      }),
    );
  });
});

test('an idempotency key is visible ASCII', () => {
  expect(parseIdempotencyKey(undefined)).toBeUndefined();
  expect(parseIdempotencyKey('a-1_~')).toBe('a-1_~');
  for (const bad of ['', 'a b', 'x'.repeat(256), 'é'])
    expect(() => parseIdempotencyKey(bad)).toThrow(CallbackFormError);
});

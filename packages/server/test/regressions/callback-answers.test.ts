import { afterAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver } from '../support/receiver.ts';
import { APP_ID, APP_SECRET, startRelayService } from '../support/relay-service.ts';

const database = await createTestDatabase();
const service = await startRelayService({ database });
const { post, query, url } = service;
const destination = await startReceiver(() => ACKNOWLEDGED);
const form = { callback_url: destination.url, app_id: APP_ID, message_type: '', request_message: { field1: 1 } };
const authorization = `Bearer ${APP_SECRET}-${APP_ID}`;
afterAll(async () => {
  await service.stop();
  await destination.close();
  await database.drop();
});

/**
 * The answers went through a serializer made from the schema of openapi.json, which writes required keys first:
 * `{"code":…,"msg":…,"request_id":…}`, where seed 003's samples begin with request_id. Tests that parse an answer do not
 * see the order of its keys.
 */
test('the keys of an answer stand in the order of seed 003’s samples', async () => {
  const accepted = await fetch(`${url}/api/callback`, {
    method: 'POST',
    headers: { authorization },
    body: JSON.stringify(form),
  });
  const text = await accepted.text();
  expect(text).toMatch(/^\{"request_id":"[0-9a-f-]{36}","code":"000","msg":"成功"\}$/);
  const { request_id: id } = JSON.parse(text) as { request_id: string };
  const outcome = await fetch(`${url}/api/callback?request_id=${id}`, { headers: { authorization } });
  expect(await outcome.text()).toBe(text);
  expect(outcome.headers.get('content-type')).toBe('application/json; charset=utf-8');
});

/**
 * Content types as old HTTP clients write them. "Content-Type is not looked at", said the documentation, but one that is
 * no media type was refused before the route was asked: HTTP 415 in a form the contract does not know.
 */
test.each(['text', '', ';;', '"application/json"', 'application/json, text/html', 'json; charset=GBK'])(
  'a content type of %j is not looked at',
  async (type) => {
    expect(await post(form, { 'content-type': type })).toMatchObject({ code: '000' });
    expect(await post('{}', { 'content-type': type })).toEqual({ code: '400', msg: '参数callback_url不能为空' });
  },
);

/**
 * `Idempotency-Key` asks for 409 where the body is another one. A body that differed in caller_no alone was taken for the
 * same, and the second caller's message was never sent.
 */
test('another caller_no under the same key is another body', async () => {
  const headers = { 'idempotency-key': 'caller' };
  const first = await post(form, headers);
  expect(first['code']).toBe('000');
  expect(await post({ ...form, caller_no: null }, headers)).toEqual(first);
  expect(await post({ ...form, caller_no: 'EO001' }, headers)).toMatchObject({ code: '409' });
});

test('a request_id in capitals, as some UUID types write it, is the same request_id', async () => {
  const answer = await post(form);
  expect(await query(`request_id=${answer['request_id']?.toUpperCase()}`)).toEqual(answer);
});

/** A body with one key twice had its key in the answer, however long it was: half a megabyte came back. */
test('a key that stands twice is named by its first 64 characters', async () => {
  const key = `a\\u0000${'k'.repeat(400_000)}`;
  expect(await post(`{"${key}":1,"${key}":2}`)).toEqual({ code: '400', msg: `参数a�${'k'.repeat(62)}…重复` });
});

describe('public keys', () => {
  /**
   * The answer for an unknown application could be kept by every cache on the way for five minutes, so a partner who
   * asked a moment too early went without a key for as long.
   */
  test('what is not there is kept by no cache', async () => {
    const missing = await fetch(`${url}/api/keys/AAAAAAAAAAAAAAAA`);
    expect([missing.status, missing.headers.get('cache-control')]).toEqual([404, 'no-store']);
    const found = await fetch(`${url}/api/keys/${APP_ID}`);
    expect([found.status, found.headers.get('cache-control')]).toEqual([200, 'public, max-age=300']);
  });

  test.each(['/api/keys/%', '/api/keys/%ff', `/api/keys/${'A'.repeat(300)}`])(
    '%s names no application, and is refused as every other that does not',
    async (path) => {
      const answer = await fetch(`${url}${path}`);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(await answer.json()).toEqual({ code: '400001', msg: 'appId不正确' });
    },
  );

  test('a path that cannot be decoded is one that nobody serves', async () => {
    const answer = await fetch(`${url}/%ff`);
    expect([answer.status, answer.headers.get('x-content-type-options')]).toEqual([404, 'nosniff']);
    expect(await answer.json()).toEqual({ error: 'not_found', message: 'no route GET /%ff' });
  });
});

test('a body of more than 64 fields is refused; request_message may have as many as it likes', async () => {
  const fields = Object.fromEntries(Array.from({ length: 65 }, (_, nth) => [`k${nth}`, nth]));
  expect(await post(fields)).toEqual({ code: '400', msg: '请求体的字段过多，最多64个' });
  expect(await post({ ...form, request_message: fields })).toMatchObject({ code: '000' });
});

import { createHmac, randomBytes } from 'node:crypto';
import { Agent } from 'node:http';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { send, signCall, type SignedCall, type TsignCall } from '../support/tsign-client.ts';
import { startTsign } from '../support/tsign-service.ts';

const PROCESS = '/v2/identity/auth/pub/organization/:flowId/query/reversePaymentProcess';
const POSTED = '/v2/identity/auth/api/organization/threeFactors';
const database = await createTestDatabase();
const service = await startTsign(database, (echo) => [
  echo('GET', PROCESS),
  echo('POST', POSTED),
  echo('PUT', '/v2/identity/auth/pub/organization/:flowId/verifyRandomAmount'),
]);
const account = await service.account();
const QUERY: TsignCall = { method: 'GET', path: PROCESS.replace(':flowId', '1') };
const MINUTE_MS = 60_000;

afterAll(async () => {
  await service.stop();
  await database.drop();
});
beforeEach(() => {
  service.reached.length = 0;
});

const now = (): number => service.time.now.getTime();
const signed = (call: TsignCall, at = now()): SignedCall => signCall(account, call, at);
const ask = (call: SignedCall) => send(service.url, call);
const refused = (message: string, code = 401) => ({
  status: code,
  text: JSON.stringify({ success: false, code, message }),
});

/** The call with headers of its own; undefined takes one away. */
function withHeaders(call: SignedCall, changes: Record<string, string | undefined>): SignedCall {
  const headers = Object.entries({ ...call.headers, ...changes }).filter((entry) => entry[1] !== undefined);
  return { ...call, headers: Object.fromEntries(headers) as Record<string, string> };
}

describe('who signs is let in', () => {
  test('and answered in the envelope', async () => {
    const answer = await ask(signed(QUERY));
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(
      `{"code":0,"message":"成功","data":{"appId":"${account.appId}","params":{"flowId":"1"},"query":{},"body":{}}}`,
    );
  });

  const body = JSON.stringify({ name: '杭州 (印信) 有限公司', orgCode: '91330106MA2' });
  test.each<[string, TsignCall, object]>([
    [
      'a query',
      {
        ...QUERY,
        query: [
          ['keyWord', '平安 & 银行'],
          ['a', ''],
        ],
      },
      { query: { keyWord: '平安 & 银行', a: '' } },
    ],
    ['a JSON body', { method: 'POST', path: POSTED, body }, { body: JSON.parse(body) as object }],
    [
      'a JSON body under SM3',
      { method: 'POST', path: POSTED, body, national: true },
      { body: JSON.parse(body) as object },
    ],
    ['SM3 without a body', { ...QUERY, national: true }, { body: {} }],
    ['an empty body', { method: 'POST', path: POSTED }, { body: {} }],
    [
      'a form, its parameters signed with those of the query',
      {
        method: 'POST',
        path: POSTED,
        query: [
          ['b', '1'],
          ['name', '先'],
        ],
        form: [
          ['name', '后'],
          ['a', 'x y'],
        ],
      },
      { query: { b: '1', name: '先' }, body: { b: '1', name: '先', a: 'x y' } },
    ],
    [
      'further headers, a date and an empty Accept',
      { ...QUERY, accept: '', date: 'Sat, 21 Nov 2026 08:00:00 GMT', signedHeaders: { 'X-B': '值', 'X-A': 'a b' } },
      {},
    ],
    [
      'PUT',
      { method: 'PUT', path: '/v2/identity/auth/pub/organization/2/verifyRandomAmount', body: '{"amount":0.1}' },
      {},
    ],
  ])('with %s', async (_what, call, reached) => {
    const answer = await ask(signed(call));
    expect(answer).toMatchObject({ status: 200, json: { code: 0, message: '成功' } });
    expect(service.reached).toMatchObject([{ appId: account.appId, ...reached }]);
  });

  test.each([['1B2M2Y8AsgTpgAmY7PhCfg=='], ['whatever'], [' ']])(
    'without a body the text of Content-MD5 (%j) is signed as it is and not checked',
    async (md5) => {
      const call = signed(QUERY);
      const text = `GET\n*/*\n${md5.trim()}\n${call.headers['Content-Type']}\n\n${QUERY.path}`;
      const signature = createHmac('sha256', account.secret).update(text).digest('base64');
      const answer = await ask(withHeaders(call, { 'Content-MD5': md5, 'X-Tsign-Open-Ca-Signature': signature }));
      expect(answer.status).toBe(200);
    },
  );

  test('14 minutes 59 seconds early or late', async () => {
    for (const skew of [-1, 1]) expect((await ask(signed(QUERY, now() + skew * 899_000))).status).toBe(200);
  });

  test('a copied request with another timestamp is stopped where its client signs that header, and only there', async () => {
    const later = { 'X-Tsign-Open-Ca-Timestamp': String(now() + 1) };
    expect((await ask(withHeaders(signed(QUERY), later))).status).toBe(200);
    const signedHeaders = { 'X-Tsign-Open-Ca-Timestamp': String(now()) };
    const careful = signed({ ...QUERY, signedHeaders });
    expect((await ask(careful)).status).toBe(200);
    expect(await ask(withHeaders(careful, later))).toMatchObject(refused('INVALID_SIGNATURE'));
  });

  test('the contract has no nonce: the same request is taken again until its 15 minutes are over', async () => {
    const call = signed(QUERY);
    const before = service.time.now;
    expect((await ask(call)).status).toBe(200);
    expect((await ask(call)).status).toBe(200);
    service.time.now = new Date(before.getTime() + 15 * MINUTE_MS + 1);
    expect(await ask(call)).toMatchObject(refused('INVALID_TIMESTAMP'));
    service.time.now = before;
  });
});

describe('who does not is refused, and nothing is reached', () => {
  const APP = 'X-Tsign-Open-App-Id';
  const MODE = 'X-Tsign-Open-Auth-Mode';
  const TIMESTAMP = 'X-Tsign-Open-Ca-Timestamp';
  const SIGNATURE = 'X-Tsign-Open-Ca-Signature';

  test.each<[string, Record<string, string | undefined>]>([
    ['无效的应用', { [APP]: 'AAAAAAAAAAAAAAAA' }],
    ['无效的应用', { [APP]: undefined }],
    ['无效的应用', { [APP]: '印信' }],
    // The application is checked before everything else.
    ['无效的应用', { [APP]: 'AAAAAAAAAAAAAAAA', [MODE]: undefined, [SIGNATURE]: undefined }],
    ['TOKEN_CANT_BE_NULL', { [MODE]: undefined }],
    ['TOKEN_CANT_BE_NULL', { [MODE]: undefined, [SIGNATURE]: undefined, [TIMESTAMP]: undefined }],
    ['TOKEN_CANT_BE_NULL', { [MODE]: '', 'X-Tsign-Open-Token': '' }],
    ['缺少参数', { [TIMESTAMP]: undefined }],
    ['缺少参数', { [SIGNATURE]: undefined }],
    ['缺少参数', { [SIGNATURE]: '' }],
    ['缺少参数', { Accept: undefined }],
    ['缺少参数', { 'Content-Type': undefined }],
    ['缺少参数', { [MODE]: 'Other', [TIMESTAMP]: undefined }],
    ['AUTHSTRATEGY_NOT_FOUND', { [MODE]: 'Other' }],
    ['AUTHSTRATEGY_NOT_FOUND', { [MODE]: 'Other', [TIMESTAMP]: '1' }],
    ['INVALID_TIMESTAMP', { [TIMESTAMP]: '1' }],
    ['INVALID_TIMESTAMP', { [TIMESTAMP]: 'now' }],
    ['INVALID_TIMESTAMP', { [TIMESTAMP]: '1', [SIGNATURE]: 'wrong' }],
    ['INVALID_SIGNATURE', { [SIGNATURE]: 'wrong' }],
    ['INVALID_SIGNATURE', { Accept: 'text/html' }],
    ['INVALID_SIGNATURE', { 'Content-MD5': 'x' }],
    ['INVALID_SIGNATURE', { Date: 'today' }],
    ['INVALID_SIGNATURE', { 'X-Tsign-Open-Ca-Signature-Headers': APP }],
    ['INVALID_SIGNATURE', { 'X-Tsign-Open-Ca-Signature-Algorithm': 'HmacSM3' }],
    ['INVALID_SIGNATURE', { 'X-Tsign-Open-Ca-Signature-Algorithm': 'none' }],
    ['TOKEN错误', { [MODE]: undefined, 'X-Tsign-Open-Token': 'wrong' }],
  ])('%s: %j', async (message, changes) => {
    expect(await ask(withHeaders(signed(QUERY), changes))).toMatchObject(refused(message));
    expect(service.reached).toEqual([]);
  });

  test('a timestamp beyond 15 minutes, past or future', async () => {
    for (const skew of [-15 * MINUTE_MS - 1, 15 * MINUTE_MS + 1, -86_400_000, 86_400_000]) {
      expect(await ask(signed(QUERY, now() + skew))).toMatchObject(refused('INVALID_TIMESTAMP'));
    }
    expect(service.reached).toEqual([]);
  });

  test('a body that is not the one that was signed, or is covered by nothing', async () => {
    const call = signed({ method: 'POST', path: POSTED, body: '{"a":1}' });
    expect(await ask({ ...call, body: Buffer.from('{"a":2}') })).toMatchObject(refused('INVALID_SIGNATURE'));
    const form = signed({ method: 'POST', path: POSTED, form: [['a', '1']] });
    expect(await ask({ ...form, body: Buffer.from('a=2') })).toMatchObject(refused('INVALID_SIGNATURE'));
    const bare = signed({ method: 'POST', path: POSTED });
    expect(await ask({ ...bare, body: Buffer.from('{}') })).toMatchObject(refused('缺少参数'));
    expect(service.reached).toEqual([]);
  });

  test('a disabled application is an unknown one', async () => {
    const disabled = await service.account();
    await service.apps.disable(disabled.appId, 'operator');
    expect(await ask(signCall(disabled, QUERY, now()))).toMatchObject(refused('无效的应用'));
  });

  test('an address that is not the application’s', async () => {
    const elsewhere = await service.account({ allowIps: ['10.0.0.0/8'] });
    expect(await ask(signCall(elsewhere, QUERY, now()))).toMatchObject(refused('IP白名单不匹配', 403));
    const here = await service.account({ allowIps: ['127.0.0.0/8'] });
    expect((await ask(signCall(here, QUERY, now()))).status).toBe(200);
  });

  test('the old secret, from the moment on that there is a new one', async () => {
    const rotated = await service.account();
    expect((await ask(signCall(rotated, QUERY, now()))).status).toBe(200);
    const { appSecret } = await service.apps.rotateSecret(rotated.appId, 'operator');
    expect(await ask(signCall(rotated, QUERY, now()))).toMatchObject(refused('INVALID_SIGNATURE'));
    expect((await ask(signCall({ ...rotated, secret: appSecret }, QUERY, now()))).status).toBe(200);
  });

  test('1,000 wrong signatures: none in', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    const right = signed(QUERY);
    const rightBytes = Buffer.from(right.headers[SIGNATURE]!, 'base64');
    const wrong = Array.from({ length: 1_000 }, (_, n) => {
      const bytes = n < 256 ? Buffer.from(rightBytes) : randomBytes(32);
      // Each of the 256 bits flipped once, then signatures at random, then texts of other lengths.
      if (n < 256) bytes[n >> 3]! ^= 1 << (n & 7);
      return n < 900 ? bytes.toString('base64') : bytes.toString('base64').slice(0, n - 899);
    });
    wrong.push(
      `${right.headers[SIGNATURE]}=`,
      rightBytes.toString('base64url'),
      right.headers[SIGNATURE]!.toLowerCase(),
    );
    const answers = await Promise.all(
      wrong.map((signature) => send(service.url, withHeaders(right, { [SIGNATURE]: signature }), agent)),
    );
    agent.destroy();
    expect(answers.filter(({ status }) => status !== 401)).toEqual([]);
    expect(new Set(answers.map(({ json }) => json['message']))).toEqual(new Set(['INVALID_SIGNATURE']));
    expect(service.reached).toEqual([]);
  });
});

describe('authentication comes before routing', () => {
  test.each([
    ['GET', '/v1/nothing'],
    ['POST', '/v2/identity'],
    ['DELETE', '/v3/x/y'],
    ['PATCH', POSTED],
    ['GET', POSTED],
    ['HEAD', PROCESS.replace(':flowId', '1')],
  ])('%s %s: 401 for a stranger, 404 in the envelope for who signs', async (method, path) => {
    const unsigned = { method, target: path, headers: {}, body: Buffer.alloc(0) };
    const isHead = method === 'HEAD';
    const stranger = await ask(unsigned);
    expect(stranger).toMatchObject(isHead ? { status: 401, text: '' } : refused('无效的应用'));
    const known = await ask(signed({ method, path }));
    const text = JSON.stringify({ code: 404, message: `接口不存在:${method} ${path}`, data: null });
    expect(known).toMatchObject({ status: 404, text: isHead ? '' : text });
  });

  test('other paths are not this dialect’s', async () => {
    const answer = await ask({ method: 'GET', target: '/v4/x', headers: {}, body: Buffer.alloc(0) });
    expect(answer).toMatchObject({ status: 404, json: { error: 'not_found' } });
  });
});

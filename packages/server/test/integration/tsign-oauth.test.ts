import { afterAll, describe, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { send, type SignedCall, type TsignAnswer } from '../support/tsign-client.ts';
import { startTsign, type TsignService } from '../support/tsign-service.ts';

const database = await createTestDatabase();
const start = () => startTsign(database, (echo) => [echo('GET', '/v2/echo'), echo('POST', '/v2/echo')]);
const service = await start();
const otherNode = await start();
const account = await service.account();
const MINUTE_MS = 60_000;

afterAll(async () => {
  await Promise.all([service.stop(), otherNode.stop()]);
  await database.drop();
});

const get = (target: string, node: TsignService = service): Promise<TsignAnswer> =>
  send(node.url, { method: 'GET', target, headers: {}, body: Buffer.alloc(0) });
const postJson = (target: string, fields: object): Promise<TsignAnswer> =>
  send(service.url, {
    method: 'POST',
    target,
    headers: { 'Content-Type': 'application/json' },
    body: Buffer.from(JSON.stringify(fields)),
  });
const query = (fields: Record<string, string>): string => new URLSearchParams(fields).toString();
const ACCESS = '/v1/oauth2/access_token';
const REFRESH = '/v1/oauth2/refresh_token';

interface Pair {
  token: string;
  expiresIn: string;
  refreshToken: string;
}

async function tokenOf(by = account, node = service): Promise<Pair> {
  const search = query({ appId: by.appId, secret: by.secret, grantType: 'client_credentials' });
  return (await get(`${ACCESS}?${search}`, node)).json['data'] as Pair;
}

const renewal = (refreshToken: string, by = account): string =>
  `${REFRESH}?${query({ appId: by.appId, refreshToken, grantType: 'refresh_token' })}`;

function call(token: string, by = account, body = ''): SignedCall {
  const headers = { 'X-Tsign-Open-App-Id': by.appId, 'X-Tsign-Open-Token': token };
  return { method: body === '' ? 'GET' : 'POST', target: '/v2/echo?a=1', headers, body: Buffer.from(body) };
}

async function isLetIn(token: string, by = account, node = service): Promise<boolean> {
  const answer = await send(node.url, call(token, by));
  if (answer.status === 200) return true;
  expect(answer).toMatchObject({ status: 401, text: '{"success":false,"code":401,"message":"TOKEN错误"}' });
  return false;
}

/** Both nodes' clocks. */
function advance(milliseconds: number): void {
  for (const { time } of [service, otherNode]) time.now = new Date(time.now.getTime() + milliseconds);
}

describe('a token', () => {
  test('comes by GET in the contract’s form, and by POST of the same fields as JSON', async () => {
    const fields = { appId: account.appId, secret: account.secret, grantType: 'client_credentials' };
    const expiresIn = String(service.time.now.getTime() + 120 * MINUTE_MS);
    for (const answer of [await get(`${ACCESS}?${query(fields)}`), await postJson(ACCESS, fields)]) {
      expect(answer).toMatchObject({ status: 200, json: { code: 0, message: '成功', data: { expiresIn } } });
      const pair = answer.json['data'] as Pair;
      expect(Object.keys(pair)).toEqual(['token', 'expiresIn', 'refreshToken']);
      expect(await isLetIn(pair.token)).toBe(true);
      expect(await isLetIn(pair.refreshToken)).toBe(false);
      const renewed = await get(renewal(pair.refreshToken));
      expect(renewed.json).toMatchObject({ code: 0, data: { expiresIn } });
      expect(await isLetIn((renewed.json['data'] as Pair).token)).toBe(true);
    }
  });

  test('lets calls with bodies and queries in, on every node, and no other app', async () => {
    const { token } = await tokenOf();
    const answer = await send(service.url, call(token, account, '{"b":2}'));
    expect(answer.json['data']).toMatchObject({ appId: account.appId, query: { a: '1' }, body: { b: 2 } });
    expect(await isLetIn(token, account, otherNode)).toBe(true);
    const other = await service.account();
    expect(await isLetIn(token, other)).toBe(false);
  });

  test('lives 120 minutes', async () => {
    const { token } = await tokenOf();
    advance(120 * MINUTE_MS - 1);
    expect(await isLetIn(token)).toBe(true);
    advance(1);
    expect(await isLetIn(token)).toBe(false);
  });

  test('leaves the one before it 5 minutes, whichever way it came', async () => {
    const first = await tokenOf();
    const second = await tokenOf(account, otherNode);
    advance(5 * MINUTE_MS - 1);
    expect(await isLetIn(first.token)).toBe(true);
    const third = (await get(renewal(second.refreshToken))).json['data'] as Pair;
    advance(1);
    expect([await isLetIn(first.token), await isLetIn(second.token), await isLetIn(third.token)]).toEqual([
      false,
      true,
      true,
    ]);
    advance(5 * MINUTE_MS);
    expect([await isLetIn(second.token), await isLetIn(third.token)]).toEqual([false, true]);
  });

  test('of two nodes at once: both hold for now, and one of them for long', async () => {
    const pairs = await Promise.all([tokenOf(), tokenOf(account, otherNode), tokenOf(), tokenOf(account, otherNode)]);
    const letIn = () => Promise.all(pairs.map(({ token }) => isLetIn(token)));
    expect(await letIn()).toEqual([true, true, true, true]);
    advance(5 * MINUTE_MS);
    expect((await letIn()).filter(Boolean)).toHaveLength(1);
  });

  test('ends with the secret it was given for, and with the app', async () => {
    const own = await service.account();
    const { token, refreshToken } = await tokenOf(own);
    expect(await isLetIn(token, own)).toBe(true);
    await service.apps.rotateSecret(own.appId, 'operator');
    expect(await isLetIn(token, own)).toBe(false);
    expect((await get(renewal(refreshToken, own))).json['code']).toBe(30500101);
    await service.apps.disable(own.appId, 'operator');
    expect((await get(renewal(refreshToken, own))).json['code']).toBe(72000032);
  });

  test('rests as a hash: no table and no log line holds it, and giving it out is audited', async () => {
    const { token, refreshToken } = await tokenOf();
    const { rows } = await database.pool.query('select app_access_token::text as row from app_access_token');
    const kept = JSON.stringify([rows, service.log]);
    const stored = [token, refreshToken].flatMap((text) => [text, Buffer.from(text).toString('hex')]);
    for (const secret of [...stored, account.secret]) expect(kept).not.toContain(secret);
    const audited = await listAudit(database.db, { appId: account.appId, limit: 1 });
    expect(audited).toMatchObject([{ actor: `app:${account.appId}`, action: 'app.issue_token' }]);
  });

  test('that is over leaves no row behind when the next one comes', async () => {
    const own = await service.account();
    await tokenOf(own);
    advance(24 * 60 * MINUTE_MS);
    await tokenOf(own);
    const { rows } = await database.pool.query('select 1 from app_access_token where app_id = $1', [own.appId]);
    expect(rows).toHaveLength(1);
  });
});

describe('who gets none', () => {
  const fields = { appId: account.appId, secret: account.secret, grantType: 'client_credentials' };
  const UNKNOWN = { code: 72000032, message: '应用停用或应用不存在', data: null };

  test.each<[string, Record<string, string>, object]>([
    ['an unknown app', { ...fields, appId: 'AAAAAAAAAAAAAAAA' }, UNKNOWN],
    ['what can be no app', { ...fields, appId: '\u0000' }, UNKNOWN],
    ['another secret', { ...fields, secret: 'guess' }, UNKNOWN],
    ['no appId', { ...fields, appId: '' }, { code: 30500100, message: '缺少参数:appId', data: null }],
    ['no secret', { ...fields, secret: '' }, { code: 30500100, message: '缺少参数:secret', data: null }],
    ['no grant type', { ...fields, grantType: '' }, { code: 30500100, message: '缺少参数:grantType', data: null }],
    [
      'another grant type',
      { ...fields, grantType: 'password' },
      { code: 30500101, message: '参数错误:grantType应为client_credentials', data: null },
    ],
  ])('%s', async (_who, asked, answer) => {
    for (const given of [await get(`${ACCESS}?${query(asked)}`), await postJson(ACCESS, asked)]) {
      expect([given.status, given.json]).toStrictEqual([200, answer]);
    }
  });

  test('a disabled app', async () => {
    const disabled = await service.account();
    await service.apps.disable(disabled.appId, 'operator');
    const asked = { appId: disabled.appId, secret: disabled.secret, grantType: 'client_credentials' };
    expect((await postJson(ACCESS, asked)).json).toStrictEqual(UNKNOWN);
  });

  test('an app from an address that is not its own', async () => {
    const elsewhere = await service.account({ allowIps: ['10.0.0.0/8'] });
    const asked = { appId: elsewhere.appId, secret: elsewhere.secret, grantType: 'client_credentials' };
    expect(await postJson(ACCESS, asked)).toMatchObject({
      status: 403,
      json: { success: false, code: 403, message: 'IP白名单不匹配' },
    });
  });

  test.each([['guess'], ['x'.repeat(1_000)]])('a refresh token that is none of the app’s: %.5s', async (given) => {
    const answer = await get(renewal(given));
    expect(answer.json).toEqual({
      code: 30500101,
      message: '参数错误:refreshToken应为未过期的refreshToken,请重新获取token',
      data: null,
    });
  });

  test('fields that are no texts', async () => {
    expect((await postJson(ACCESS, { ...fields, secret: { $ne: '' } })).json).toEqual({
      code: 30500101,
      message: '参数错误:secret应为字符串',
      data: null,
    });
  });
});

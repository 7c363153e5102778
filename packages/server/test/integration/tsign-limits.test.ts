import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { send, signCall, type SignedCall } from '../support/tsign-client.ts';
import { startTsign } from '../support/tsign-service.ts';

const UNPROVEN_MAX = 5;
const database = await createTestDatabase();
const service = await startTsign(database, (echo) => [echo('GET', '/v2/echo')], undefined, {
  unprovenPerSecondPerAddressMax: UNPROVEN_MAX,
});
const account = await service.account({ ratePerSecondMax: 20 });

afterAll(async () => {
  await service.stop();
  await database.drop();
});
/** A second on, every bucket is full again. */
const passSecond = (): void => {
  service.time.now = new Date(service.time.now.getTime() + 1_000);
};
beforeEach(passSecond);

const signed = (by = account): SignedCall =>
  signCall(by, { method: 'GET', path: '/v2/echo' }, service.time.now.getTime());
const STRANGER: SignedCall = { method: 'GET', target: '/v2/echo', headers: {}, body: Buffer.alloc(0) };
const TOO_FAST = { status: 429, text: '{"success":false,"code":429,"message":"请求过于频繁，请稍后再试"}' };

async function statuses(call: SignedCall, times: number): Promise<number[]> {
  const answers = [];
  for (let n = 0; n < times; n += 1) answers.push((await send(service.url, call)).status);
  return answers;
}

describe('requests that prove nobody', () => {
  test('are as many a second as an address may send, then 429 with Retry-After until a moment has passed', async () => {
    expect(await statuses(STRANGER, UNPROVEN_MAX)).toEqual(Array.from({ length: UNPROVEN_MAX }, () => 401));
    expect(await send(service.url, STRANGER)).toMatchObject(TOO_FAST);
    const refused = await fetch(`${service.url}/v2/echo`);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    passSecond();
    expect(await statuses(STRANGER, 1)).toEqual([401]);
  });

  test('are those with a wrong signature, a wrong token, an unknown path, and those for tokens', async () => {
    const wrong = signed();
    wrong.headers['X-Tsign-Open-Ca-Signature'] = 'wrong';
    const token = { ...STRANGER, headers: { 'X-Tsign-Open-App-Id': account.appId, 'X-Tsign-Open-Token': 'wrong' } };
    const tokenCall = { ...STRANGER, target: '/v1/oauth2/access_token?appId=X&secret=Y&grantType=client_credentials' };
    const all = [wrong, token, { ...STRANGER, target: '/v1/%ff' }, tokenCall, tokenCall];
    for (const call of all) expect((await send(service.url, call)).json['code']).not.toBe(429);
    for (const call of all) expect(await send(service.url, call)).toMatchObject(TOO_FAST);
  });
});

describe('requests that are proved', () => {
  test('take nothing of their address’s share, whether there are many of them or one after the other', async () => {
    expect(await statuses(signed(), 20)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(await statuses(STRANGER, UNPROVEN_MAX)).toEqual(Array.from({ length: UNPROVEN_MAX }, () => 401));
  });

  test('count against their app alone, at the rate that the operator gave it', async () => {
    const other = await service.account({ ratePerSecondMax: 1 });
    expect(await statuses(signed(other), 1)).toEqual([200]);
    expect(await send(service.url, signed(other))).toMatchObject(TOO_FAST);
    expect(await statuses(signed(), 20)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(await send(service.url, signed())).toMatchObject(TOO_FAST);
    passSecond();
    expect(await statuses(signed(other), 2)).toEqual([200, 429]);
  });

  test('of another app are not slowed by guesses in its name from elsewhere: only its own proved ones count', async () => {
    const wrong = signed();
    wrong.headers['X-Tsign-Open-Ca-Signature'] = 'wrong';
    await statuses(wrong, UNPROVEN_MAX - 1);
    expect(await statuses(signed(), 20)).toEqual(Array.from({ length: 20 }, () => 200));
  });
});

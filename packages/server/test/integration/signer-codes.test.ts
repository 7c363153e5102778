import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HOUR_MS, individual, startSigningFixture, type SigningFixture } from '../support/signing-fixture.ts';
import { openLink, startSignerHttp, type SignerClient, type SignerHttp } from '../support/signer-client.ts';

const MOBILE = '13800138000';
let fixture: SigningFixture;
let http: SignerHttp;

beforeAll(async () => {
  fixture = await startSigningFixture();
  http = await startSignerHttp({ signing: fixture.service.signing, clock: fixture.clock });
});
beforeEach(() => {
  fixture.jobs.lose();
  // Codes are counted by the hour, and flows of other tests wrote to the same mobile.
  fixture.clock.pass(2 * HOUR_MS);
});
afterAll(async () => {
  await http?.close();
  await fixture?.close();
});

const codeOf = (mobile = MOBILE) => fixture.service.outgoing.codeOf(mobile);
const open = async (mobile = MOBILE): Promise<SignerClient> =>
  openLink(http, await fixture.service.outgoing.linkOf(mobile));

describe('who may do what', () => {
  it('a link that is not one, another cookie, another session', async () => {
    const refusedToken = await fetch(`${http.url}/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: 'ABCDEFGHIJKLMNOP'.padEnd(48, 'x') }),
    });
    expect([refusedToken.status, ((await refusedToken.json()) as { error: string }).error]).toEqual([
      401,
      'token_invalid',
    ]);
    await fixture.waitingFlow();
    const signer = await open();
    expect((await signer.call('GET', '/task', {}, { cookie: '' })).body).toMatchObject({ error: 'session_missing' });
    expect((await signer.call('GET', '/task', {}, { 'x-signer-session': 'other' })).body).toMatchObject({
      error: 'session_replaced',
    });
    fixture.clock.pass(13 * HOUR_MS);
    expect((await signer.call('GET', '/task')).status).toBe(401);
  });

  it('a link ends with the deadline; the cookie is for this API alone and no script reads it', async () => {
    const signValidity = new Date(fixture.clock.now().getTime() + HOUR_MS);
    await fixture.waitingFlow({ signValidity });
    const token = await fixture.service.outgoing.linkOf(MOBILE);
    const opened = await fetch(`${http.url}/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token }),
    });
    expect(opened.headers.get('set-cookie')).toMatch(
      /^yinxin_sign=[\w-]+; Path=\/sign\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
    );
    fixture.clock.pass(HOUR_MS);
    await expect(openLink(http, token)).rejects.toThrow('token_expired');
    const { rows } = await sql<{ text: string }>`select sign_link::text as text from sign_link`.execute(
      fixture.service.database.db,
    );
    expect(rows.map(({ text }) => text).join()).not.toContain(token);
  });

  it('five wrong codes lock the signer; the sixth, though right, opens nothing; time and a new code do', async () => {
    await fixture.waitingFlow();
    const signer = await open();
    await signer.done('POST', '/code');
    expect((await signer.call('POST', '/code')).body).toMatchObject({ error: 'code_too_soon', retryAfter: 60 });
    const right = await codeOf();
    const wrong = right === '000000' ? '111111' : '000000';
    for (const triesLeft of [4, 3, 2, 1]) {
      expect((await signer.call('POST', '/code/check', { code: wrong })).body).toMatchObject({
        error: 'code_wrong',
        triesLeft,
      });
    }
    expect((await signer.call('POST', '/code/check', { code: wrong })).body).toMatchObject({
      error: 'code_locked',
      retryAfter: 600,
    });
    expect((await signer.call('POST', '/code/check', { code: right })).body.error).toBe('code_locked');
    fixture.clock.pass(61_000);
    expect((await signer.call('POST', '/code')).body.error).toBe('code_locked');
    fixture.clock.pass(600_000);
    expect((await signer.call('POST', '/code/check', { code: right })).body.error).toBe('code_expired');
    expect((await signer.enter(codeOf)).step).toBe('document');
  });

  it('of many guesses at the same moment five count', async () => {
    await fixture.waitingFlow();
    const signer = await open();
    await signer.done('POST', '/code');
    const right = await codeOf();
    const guesses = Array.from({ length: 20 }, (_, index) => String(100_000 + index)).filter(
      (guess) => guess !== right,
    );
    const answers = await Promise.all(guesses.map((code) => signer.call('POST', '/code/check', { code })));
    const errors = answers.map(({ body }) => body.error);
    expect(errors.filter((error) => error === 'code_wrong')).toHaveLength(4);
    expect(errors.every((error) => error === 'code_wrong' || error === 'code_locked')).toBe(true);
  });

  it('a mobile gets ten codes an hour, whatever it is to sign', async () => {
    const mobile = '13700137000';
    await fixture.waitingFlow({ signers: [individual({ mobile })] });
    const signer = await open(mobile);
    for (let count = 0; count < 10; count += 1) {
      await signer.done('POST', '/code');
      fixture.clock.pass(61_000);
    }
    expect((await signer.call('POST', '/code')).body).toMatchObject({ error: 'too_many_requests' });
    await fixture.waitingFlow({ signers: [individual({ mobile })] });
    expect((await (await open(mobile)).call('POST', '/code')).body.error).toBe('too_many_requests');
  });

  it('a handover link opens once, in ten minutes, and its device proves itself anew', async () => {
    await fixture.waitingFlow();
    const signer = await open();
    expect((await signer.call('POST', '/handover')).body.error).toBe('step_missing');
    await signer.enter(codeOf);
    const { url } = await signer.done<{ url: string }>('POST', '/handover');
    const token = new URL(url).hash.slice(1);
    const phone = await openLink(http, token);
    expect((await phone.task()).step).toBe('identity');
    await expect(openLink(http, token)).rejects.toThrow('token_expired');
    const late = await signer.done<{ url: string }>('POST', '/handover');
    fixture.clock.pass(11 * 60_000);
    await expect(openLink(http, new URL(late.url).hash.slice(1))).rejects.toThrow('token_expired');
  });
});

describe('what is no request', () => {
  it('is refused in the words of the contract, and nothing is changed by it', async () => {
    await fixture.waitingFlow();
    const signer = await open();
    const send = async (path: string, init: RequestInit): Promise<[number, string]> => {
      const answer = await fetch(`${http.url}${path}`, init);
      return [answer.status, ((await answer.json()) as { error: string }).error];
    };
    const json = { 'content-type': 'application/json' };
    expect(await send('/session', { method: 'POST', headers: json, body: '{"token":' })).toEqual([400, 'invalid']);
    expect(await send('/session', { method: 'POST', headers: json, body: '{"token":{}}' })).toEqual([422, 'invalid']);
    expect(await send('/session', { method: 'POST', headers: json, body: '{"__proto__":{},"token":"a"}' })).toEqual([
      400,
      'invalid',
    ]);
    expect(await send('/session', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'a' })).toEqual([
      415,
      'invalid',
    ]);
    const long = JSON.stringify({ token: 'a'.repeat(3_000_000) });
    expect(await send('/session', { method: 'POST', headers: json, body: long })).toEqual([413, 'invalid']);
    for (const path of ['/pages/0?width=100', '/pages/1', '/pages/1?width=-1', '/pages/x?width=100', '/seals/..%2f']) {
      expect([path, (await signer.call('GET', path)).body.error]).toEqual([path, 'invalid']);
    }
    expect((await signer.call('POST', '/code/check', { code: '12345' })).body.error).toBe('invalid');
    expect((await signer.task()).step).toBe('identity');
  });

  it('a link that is opened in a loop from one address lets its signer in from another', async () => {
    await fixture.waitingFlow();
    const token = await fixture.service.outgoing.linkOf(MOBILE);
    const signer = await openLink(http, token);
    const opened = await Promise.allSettled(Array.from({ length: 62 }, () => openLink(http, token)));
    expect(opened.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(62);
    await expect(openLink(http, token)).rejects.toThrow('too_many_requests');
    const { signers } = fixture.service.signing;
    const elsewhere = await signers.openLink(token, { ip: '192.0.2.7', userAgent: 'a phone' });
    expect(elsewhere.sessionId).not.toBe('');
    await signer.enter(codeOf);
    expect((await signer.task()).step).toBe('document');
  });

  it('the addresses of one IPv6 network are one address', async () => {
    await fixture.waitingFlow();
    const token = await fixture.service.outgoing.linkOf(MOBILE);
    const { signers } = fixture.service.signing;
    const from = async (ip: string): Promise<string> =>
      (await signers.openLink(token, { ip, userAgent: 'a phone' })).sessionId;
    for (let host = 1; host <= 60; host += 1) await from(`2001:db8:1:2::${host.toString(16)}`);
    await expect(from('2001:db8:1:2:aaaa:bbbb:cccc:dddd')).rejects.toMatchObject({ code: 'signer_too_many' });
    expect(await from('2001:db8:1:3::1')).not.toBe('');
    expect(await from('192.0.2.7')).not.toBe('');
  });
});

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CODE,
  COMPANY,
  NOW,
  stageIdentity,
  startMemberPage,
  type MemberPage,
  type StagedIdentity,
} from '../support/member-page.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

let folder: string;
let page: MemberPage<StagedIdentity>;
beforeAll(async () => {
  folder = await makeTemporaryFolder('yinxin-member-page-');
  await mkdir(join(folder, 'assets'), { recursive: true });
  await writeFile(join(folder, 'index.html'), '<!doctype html><title>page</title>');
  await writeFile(join(folder, 'assets', 'index-abc.js'), 'x'.repeat(5_000));
  await writeFile(join(folder, 'secret.txt'), 'secret');
  page = await startMemberPage(stageIdentity(), { pageFolder: folder });
});
afterAll(async () => {
  await page.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Opened {
  session: string;
  cookie: string;
  setCookie: string;
}

async function open(token: string, at = page): Promise<Opened> {
  const answer = await fetch(`${at.url}/member/v1/session`, json('POST', { token }));
  const { session } = (await answer.json()) as { session: string };
  const setCookie = answer.headers.get('set-cookie') ?? '';
  return { session, setCookie, cookie: setCookie.split(';')[0] ?? '' };
}

function json(method: string, body: unknown, { session, cookie }: Partial<Opened> = {}): RequestInit {
  const headers = {
    'content-type': 'application/json',
    ...(session !== undefined && { 'x-member-session': session }),
    ...(cookie !== undefined && { cookie }),
  };
  return { method, headers, body: JSON.stringify(body) };
}

async function ask(path: string, init: RequestInit): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${page.url}/member/v1/${path}`, init);
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

const asMember = ({ session, cookie }: Opened): RequestInit => ({ headers: { cookie, 'x-member-session': session } });

describe('the page and its files', () => {
  test('nothing but our own scripts, no frame, no referrer, no cache', async () => {
    const { status, headers } = await fetch(`${page.url}/verify?token=anything`);
    expect(status).toBe(200);
    expect(headers.get('content-security-policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    );
    expect(Object.fromEntries(headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-type': 'text/html; charset=utf-8',
      'cross-origin-opener-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
  });

  test('assets are kept for a year and sent compressed to whoever takes it', async () => {
    const url = `${page.url}/assets/index-abc.js`;
    for (const [accepted, coding] of [
      ['gzip, deflate, br', 'br'],
      ['gzip;q=0.5, br;q=0', 'gzip'],
      ['identity', null],
    ] as const) {
      const answer = await fetch(url, { headers: { 'accept-encoding': accepted } });
      expect(answer.headers.get('content-encoding')).toBe(coding);
      expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(answer.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
      expect(answer.headers.get('vary')).toBe('accept-encoding');
      expect(await answer.text()).toBe('x'.repeat(5_000));
    }
  });

  test.each(['nothing.js', '..%2F..%2Fsecret.txt', '%2e%2e%2fsecret.txt', 'constructor', '../../secret.txt'])(
    'there is no file %s',
    async (name) => {
      const answer = await fetch(`${page.url}/assets/${name}`);
      expect(answer.status).toBe(404);
      expect(await answer.text()).not.toContain('secret\n');
    },
  );

  test('a page that was not built says so, and is there as soon as it is', async () => {
    const empty = join(folder, 'later');
    const other = await startMemberPage(stageIdentity(), { pageFolder: empty });
    const missing = await fetch(`${other.url}/verify`);
    expect(missing.status).toBe(503);
    expect(await missing.text()).toContain('页面尚未构建');
    await mkdir(join(empty, 'assets'), { recursive: true });
    await writeFile(join(empty, 'index.html'), 'built');
    expect(await (await fetch(`${other.url}/verify`)).text()).toBe('built');
    await other.stop();
  });
});

describe('the session', () => {
  test('is a cookie that no script reads and no other site sends', async () => {
    const { setCookie, session } = await open('token-of-anna');
    expect(setCookie).toMatch(/^yinxin_member=[\w.-]+; Path=\/member\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    expect(session).toMatch(/^[\w-]{12}$/);
  });

  test('keeps to the path and the scheme under which members reach the service', async () => {
    const behind = await startMemberPage(stageIdentity(), {
      pageFolder: folder,
      baseUrl: 'https://sign.example.com/yinxin',
    });
    expect((await open('token-of-anna', behind)).setCookie).toMatch(/; Path=\/yinxin\/member\/; .*; Secure$/);
    await behind.stop();
  });

  test('is told to the tab that was reloaded', async () => {
    const opened = await open('token-of-anna');
    expect(await ask('session', { headers: { cookie: opened.cookie } })).toEqual({
      status: 200,
      body: { session: opened.session },
    });
  });

  test.each([
    ['expired', 'token_expired'],
    ['nonsense', 'token_invalid'],
    ['', 'token_invalid'],
  ])('a token %s is refused', async (token, error) => {
    const answer = await ask('session', json('POST', { token }));
    expect(answer).toMatchObject({ status: 401, body: { error } });
  });

  test('a cookie that was altered, made up, or is too old opens nothing', async () => {
    const { cookie, session } = await open('token-of-anna');
    const [name, value = ''] = cookie.split('=');
    const [text = '', tag = ''] = value.split('.');
    const forged = Buffer.from(Buffer.from(text, 'base64url').toString().replace('anna', 'otto')).toString('base64url');
    for (const bad of [`${forged}.${tag}`, `${text}.`, text, '', `${text}.${tag}A`, 'x'.repeat(2_000), '.']) {
      const answer = await ask('verification', asMember({ cookie: `${name}=${bad}`, session, setCookie: '' }));
      expect(answer).toMatchObject({ status: 401, body: { error: 'session_missing' } });
    }
    expect((await ask('verification', { headers: { 'x-member-session': session } })).status).toBe(401);
    page.time.now = new Date(NOW.getTime() + 12 * 3_600_000);
    expect((await ask('verification', asMember({ cookie, session, setCookie: '' }))).status).toBe(401);
    page.time.now = NOW;
    expect((await ask('verification', asMember({ cookie, session, setCookie: '' }))).status).toBe(200);
  });

  test('of another tab stops this one: its id does not fit the cookie any more', async () => {
    const first = await open('token-of-anna');
    const second = await open('token-of-otto');
    const mixed = { ...second, session: first.session };
    expect(await ask('verification', asMember(mixed))).toMatchObject({
      status: 409,
      body: { error: 'session_replaced' },
    });
    expect((await ask('verification', { headers: { cookie: second.cookie } })).status).toBe(409);
    const picture = await fetch(`${page.url}/member/v1/seals/plain?session=${first.session}`, asMember(second));
    expect(picture.status).toBe(409);
  });
});

describe('how fast', () => {
  const limits = { unprovenPerSecondPerAddressMax: 3, requestsPerSecondPerMemberMax: 4 };
  const TOO_FAST = { error: 'too_many_requests', message: 'wait a moment before the next request' };
  const passSecond = (at: MemberPage<StagedIdentity>): void => {
    at.time.now = new Date(at.time.now.getTime() + 1_000);
  };

  test('guesses of tokens and cookies are as many a second as an address may send', async () => {
    const slow = await startMemberPage(stageIdentity(), { pageFolder: folder, limits });
    const guess = () => fetch(`${slow.url}/member/v1/session`, json('POST', { token: 'nonsense' }));
    const cookie = 'yinxin_member=e30.forged';
    const forge = () => fetch(`${slow.url}/member/v1/verification`, { headers: { cookie } });
    expect([(await guess()).status, (await forge()).status, (await guess()).status]).toEqual([401, 401, 401]);
    for (const refused of [await guess(), await forge()]) {
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
      expect(await refused.json()).toEqual(TOO_FAST);
    }
    // Even the right token waits: it is not looked at.
    const right = () => fetch(`${slow.url}/member/v1/session`, json('POST', { token: 'token-of-anna' }));
    expect((await right()).status).toBe(429);
    passSecond(slow);
    expect((await right()).status).toBe(200);
    await slow.stop();
  });

  test('a member’s requests count against the member alone', async () => {
    const slow = await startMemberPage(stageIdentity(), { pageFolder: folder, limits });
    const anna = await open('token-of-anna', slow);
    const otto = await open('token-of-otto', slow);
    const read = async (by: Opened): Promise<number> =>
      (await fetch(`${slow.url}/member/v1/verification`, asMember(by))).status;
    for (let n = 1; n < 4; n += 1) expect(await read(anna)).toBe(200);
    expect([await read(anna), await read(otto), await read(otto), await read(otto)]).toEqual([429, 200, 200, 200]);
    passSecond(slow);
    expect(await read(anna)).toBe(200);
    await slow.stop();
  });
});

describe('what other sites can make a browser send', () => {
  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x'])(
    'a form as %s is not read',
    async (type) => {
      const opened = await open('token-of-forms');
      const body = JSON.stringify({ orgName: COMPANY, orgCode: CODE, legalRepName: '张三' });
      const headers = { 'content-type': type, cookie: opened.cookie };
      const answer = await fetch(`${page.url}/member/v1/verification`, { method: 'POST', headers, body });
      expect(answer.status).toBe(415);
      expect(page.identity.commands.some(({ member }) => member === 'forms')).toBe(false);
    },
  );

  test('no answer lets another origin read it', async () => {
    const { headers } = await fetch(`${page.url}/member/v1/session`, { headers: { origin: 'https://evil.example' } });
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('the verification', () => {
  test('is told whole at every step', async () => {
    const opened = await open('token-of-whole');
    const fresh = await ask('verification', asMember(opened));
    expect(fresh).toEqual({
      status: 200,
      body: {
        step: 'company',
        appName: '示例房产平台',
        memberName: '王小明',
        company: { orgName: COMPANY, orgCode: null, legalRepName: null },
        givenFields: ['orgName'],
        isBankAvailable: true,
        hasExpired: false,
        transfer: null,
        payment: null,
        verifiedAt: null,
        seals: [],
        silentSigningConsentedAt: null,
        certificate: null,
      },
    });
    const company = { orgName: COMPANY, orgCode: CODE, legalRepName: '张三' };
    const started = await ask('verification', json('POST', company, opened));
    expect(started.body).toMatchObject({
      step: 'transfer',
      transfer: {
        flowId: '4567890123456789',
        expiresAt: '2026-11-28T08:00:00.000Z',
        payTo: {
          accountName: '杭州天谷信息科技有限公司',
          accountNo: '30206857000001',
          bankName: '平安银行杭州西湖支行',
          amount: '0.01',
        },
        progress: { kind: 'waiting' },
      },
    });
    page.identity.verificationOf('whole').pay();
    const paid = await ask('verification', asMember(opened));
    expect(paid.body).toMatchObject({
      step: 'seal',
      verifiedAt: NOW.toISOString(),
      payment: { payerName: COMPANY, payerAccountNo: '1105********0018', tradedAt: NOW.toISOString() },
    });
    const [plain] = paid.body['seals'] as { variant: string; pictureUrl: string }[];
    expect(plain).toMatchObject({ variant: 'plain', isChosen: true });
    const picture = await fetch(`${page.url}/${plain!.pictureUrl}`, { headers: { cookie: opened.cookie } });
    expect(Object.fromEntries(picture.headers)).toMatchObject({
      'content-type': 'image/png',
      'cache-control': 'private, max-age=300',
    });
    const chosen = await ask('seal', json('PUT', { variant: 'numbered' }, opened));
    expect(chosen.body['seals']).toContainEqual(expect.objectContaining({ variant: 'numbered', isChosen: true }));
    const done = await ask('silent-signing', json('PUT', { textVersion: '2026-11' }, opened));
    expect(done.body).toMatchObject({ step: 'done', silentSigningConsentedAt: NOW.toISOString() });
  });

  test('refusals say which field, and why', async () => {
    const opened = await open('token-of-refused');
    const company = { orgName: COMPANY, orgCode: `${CODE.slice(0, 17)}0`, legalRepName: '张三' };
    expect(await ask('verification', json('POST', company, opened))).toEqual({
      status: 422,
      body: { error: 'invalid', message: 'a field is not right', fields: { orgCode: 'check_digit' } },
    });
    const long = await ask('verification', json('POST', { ...company, orgName: 'x'.repeat(101) }, opened));
    expect(long).toMatchObject({ status: 422, body: { error: 'invalid' } });
    const more = await ask('verification', json('POST', { ...company, verifiedAt: 'now' }, opened));
    expect(more).toMatchObject({ status: 422, body: { error: 'invalid' } });
    const staged = page.identity.verificationOf('refused');
    staged.view = { ...staged.view, isBankAvailable: false };
    expect(await ask('verification', json('POST', { ...company, orgCode: CODE }, opened))).toMatchObject({
      status: 503,
      body: { error: 'unavailable' },
    });
    const early = await fetch(`${page.url}/member/v1/seals/plain?session=${opened.session}`, asMember(opened));
    expect(early.status).toBe(409);
  });
});

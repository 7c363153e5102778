import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { routableUrl } from '../../src/http/server.ts';
import { startIdentity, type IdentityService } from '../support/identity-service.ts';
import { startMemberPage, stageIdentity, type MemberPage, type StagedIdentity } from '../support/member-page.ts';

const PUB = '/v2/identity/auth/pub/organization';
let service: IdentityService;
let page: MemberPage<StagedIdentity>;
beforeAll(async () => {
  service = await startIdentity();
  page = await startMemberPage(stageIdentity(), { pageFolder: '/nowhere' });
});
afterAll(async () => {
  await page.stop();
  await service.stop();
});

/** Sends the address as it stands here: a client library would mend it. */
async function raw(url: string, method: string, target: string, headers: string[] = []): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''];
  socket.write(Buffer.from(lines.join('\r\n'), 'latin1'));
  return text(socket);
}

const UNDECODABLE = ['%ff', '%', '%zz', '%e4%bd', '%c0%af', '%ed%a0%80', 'a%ff%2Fb'];
const LONG = '9'.repeat(4_000);
const PARTS = [...UNDECODABLE.map((part) => [part, part] as const), ['4,000 characters', LONG] as const];

test.each(PARTS)('a stranger’s path part of %s is 401 in the envelope', async (_what, part) => {
  for (const path of [`/v1/${part}`, `${PUB}/${part}/reversePayment`, `/v3/a/${part}?x=%ff`]) {
    const answer = await raw(service.url, 'GET', path);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain('{"success":false,"code":401,"message":"无效的应用"}');
  }
});

test.each(UNDECODABLE)('who signs the path part %s names a flow that does not exist', async (part) => {
  const flow = await service.call('GET', `${PUB}/${part}/query/reversePaymentProcess`);
  expect(flow).toMatchObject({ status: 200, json: { code: 30500004, data: null } });
  const nothing = await service.call('GET', `/v1/${part}`);
  expect(nothing).toMatchObject({
    status: 404,
    json: { code: 404, message: `接口不存在:GET /v1/${part}`, data: null },
  });
});

test('a path part of 4,000 characters is a bad parameter', async () => {
  const flow = await service.call('GET', `${PUB}/${LONG}/query/reversePaymentProcess`);
  expect(flow.json).toMatchObject({ code: 30500101, data: null });
});

test.each(PARTS)('the member’s API, with %s', async (_what, part) => {
  const answer = await raw(page.url, 'GET', `/member/v1/seals/${part}?session=x`);
  if (part === LONG) expect(answer).toMatch(/^HTTP\/1\.1 422 [^]*"error":"invalid"/);
  else expect(answer).toMatch(/^HTTP\/1\.1 401 [^]*"error":"session_missing"/);
  expect(await raw(page.url, 'GET', `/member/v1/${part}`)).toMatch(/^HTTP\/1\.1 404 [^]*"error":"not_found"/);
  expect(await raw(page.url, 'GET', `/assets/${part}`)).toMatch(/^HTTP\/1\.1 404 /);
});

test.each(PARTS)('under /api, with %s: there is no such route, and it says so', async (_what, part) => {
  for (const method of ['GET', 'POST']) {
    expect(await raw(service.url, method, `/api/${part}`)).toMatch(/^HTTP\/1\.1 404 [^]*"error":"not_found"/);
  }
});

test('only what cannot be decoded is routed as another address than the one that was asked for', () => {
  for (const url of ['/', '/v1/a%20b?c=%ff', '/%E4%BD%A0', '/a%2Fb', '/a?%ff', '*']) expect(routableUrl(url)).toBe(url);
  expect(routableUrl('/a%20/%ff?b=%ff%20')).toBe('/a%2520/%25ff?b=%ff%20');
});

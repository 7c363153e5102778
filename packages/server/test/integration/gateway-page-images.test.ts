import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { registerFileRoutes } from '../../src/dialects/files/index.ts';
import { createPageImageLinks, createPageImages } from '../../src/documents/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';
import { callNewer, callOlder } from '../support/gateway-client.ts';
import { startGatewayOf } from '../support/gateway-of.ts';
import { HOUR_MS, startSigningFixture } from '../support/signing-fixture.ts';

const fixture = await startSigningFixture();
const { clock, service } = fixture;
const { documents } = service;
const images = createPageImages();
const server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
let url = '';
const pageImages = createPageImageLinks({ documents, images, clock, baseUrl: () => url, key: randomBytes(32) });
registerFileRoutes(server, { documents, pageImages, openSealUrl: () => Promise.reject(new Error('no seals here')) });
await server.listen({ host: '127.0.0.1', port: 0 });
url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
const gateway = await startGatewayOf(fixture, { pageImages });
const { client } = gateway;
afterAll(async () => {
  await gateway.close();
  await server.close();
  await images.close();
  await fixture.close();
});

const urlsOf = async (flowId: string): Promise<string[]> => {
  const answer = await callOlder(client, 'esign.signflows.pdf2img', { flowId });
  expect(answer).toMatchObject({ responseCode: '000', data: { imgUrls: expect.any(Array) } });
  return (answer.data as { imgUrls: string[] }).imgUrls;
};

describe('esign.signflows.pdf2img', () => {
  test('answers a PNG for each page of the newest revision', async () => {
    const flowId = await fixture.openedFlow();
    const urls = await urlsOf(flowId);
    expect(urls).toHaveLength(3);
    for (const each of urls) {
      const response = await fetch(each);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('image/png');
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(bytes.subarray(1, 4).toString()).toBe('PNG');
      expect(bytes.readUInt32BE(16)).toBe(1_240);
    }
  });

  test('opens nothing by a link that was changed, or whose hour is over', async () => {
    const [first = ''] = await urlsOf(await fixture.openedFlow());
    expect((await fetch(first.replace(/-1\?/, '-2?'))).status).toBe(403);
    expect((await fetch(first.replace(/expires=\d/, 'expires=9'))).status).toBe(403);
    expect((await fetch(first.replace('/page-images/', '/files/'))).status).toBe(403);
    clock.pass(HOUR_MS + 1_000);
    expect((await fetch(first)).status).toBe(403);
  });

  test('is refused for a flow that is none', async () => {
    expect(await callNewer(client, 'esign.signflows.pdf2img', { flowId: '0'.repeat(32) })).toMatchObject({
      code: '1435011',
      data: null,
    });
    expect(await callNewer(client, 'esign.signflows.pdf2img', {})).toMatchObject({
      code: '400',
      msg: '参数flowId不能为空',
    });
  });
});

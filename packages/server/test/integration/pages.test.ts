import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensurePage } from '../../../../bootstrap/page.mjs';
import { registerPageRoutes } from '../../src/dialects/pages/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const BUILT = join(ROOT, 'packages', 'web', 'dist');
/** Scripts and styles of the signing page before anything is opened, compressed: a cheap phone's line takes half a second. */
const SIGNING_PAGE_BYTES_MAX = 115_000;

let folder: string;
let server: FastifyInstance;
let url: string;
beforeAll(async () => {
  folder = await makeTemporaryFolder('yinxin-pages-');
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), 'verification');
  await writeFile(join(folder, 'sign.html'), 'signing');
  server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
  registerPageRoutes(server, { pageFolder: folder });
  await server.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

test('each page has an address of its own and the same strict policy', async () => {
  const [verification, signing] = await Promise.all([fetch(`${url}/verify`), fetch(`${url}/sign`)]);
  expect([await verification.text(), await signing.text()]).toEqual(['verification', 'signing']);
  const policy = signing.headers.get('content-security-policy');
  expect(policy).toBe(verification.headers.get('content-security-policy'));
  expect(policy).toContain("default-src 'none'");
  expect(policy).not.toMatch(/unsafe|data:|blob:|\*/);
  expect(signing.headers.get('referrer-policy')).toBe('no-referrer');
});

test('a page that was not built says so; the others are there', async () => {
  const missing = await fetch(`${url}/validate`);
  expect(missing.status).toBe(503);
  expect(await missing.text()).toContain('页面尚未构建');
  expect((await fetch(`${url}/sign.html`)).status).toBe(404);
});

test('the signing page loads little, and neither the pad nor the QR code before they are opened', async () => {
  await ensurePage(ROOT, process.execPath);
  const html = await readFile(join(BUILT, 'sign.html'), 'utf8');
  const names = [...html.matchAll(/(?:src|href)="\.\/assets\/([^"]+\.(?:js|css))"/g)].map(([, name]) => name!);
  expect(names.join()).not.toMatch(/signature_pad|qr-code|choice|preview|refuse|handover|verification|validation/);
  const files = await Promise.all(names.map((name) => readFile(join(BUILT, 'assets', name))));
  // What the files load statically is named in the page, so that all of it comes at once.
  for (const file of files) {
    for (const [, name] of file.toString().matchAll(/\bfrom\s?"\.\/([^"]+\.js)"|import"\.\/[^"]+\.js"/g)) {
      if (name !== undefined) expect(names).toContain(name);
    }
  }
  const bytes = files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
  expect(bytes).toBeLessThan(SIGNING_PAGE_BYTES_MAX);
});

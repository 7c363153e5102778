import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServiceProcess, temporaryDirectory, yinxin } from '../support/service-process.ts';

const run = promisify(execFile);

let directory: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-tsa-service-');
});
afterAll(async () => directory.remove());

const post = async (url: string, body: Buffer): Promise<Response> =>
  fetch(`${url}/tsa`, {
    method: 'POST',
    headers: { 'content-type': 'application/timestamp-query' },
    body: new Uint8Array(body),
  });

async function doctorsWord(dataDir: string): Promise<{ ok: boolean; detail: string } | undefined> {
  const ran = await yinxin(dataDir, 'doctor', '--json');
  const { findings } = ran.json() as { findings: { name: string; ok: boolean; detail: string }[] };
  return findings.find(({ name }) => name === 'signature level');
}

describe('the built-in timestamp service', () => {
  test('is there where the operator names it: openssl asks it over HTTP and believes the built-in root', async () => {
    const dataDir = join(directory.path, 'named');
    const service = await startServiceProcess(dataDir, {
      YINXIN_TIMESTAMP_URLS: 'built-in',
      YINXIN_SIGNATURE_LEVEL: 'B-LTA',
    });
    const path = (name: string) => join(directory.path, name);
    await writeFile(path('content'), '合同');
    await run('openssl', ['ts', '-query', '-data', path('content'), '-sha256', '-cert', '-out', path('query')]);
    const answer = await post(service.url, await readFile(path('query')));
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/timestamp-reply']);
    await writeFile(path('reply'), Buffer.from(await answer.arrayBuffer()));
    const root = await fetch(`${service.url}/pki/built-in.cer`);
    await writeFile(path('root.pem'), new X509Certificate(Buffer.from(await root.arrayBuffer())).toString());
    const trusting = ['-in', path('reply'), '-CAfile', path('root.pem')];
    const { stdout } = await run('openssl', ['ts', '-verify', '-queryfile', path('query'), ...trusting]);
    expect(stdout).toContain('Verification: OK');

    expect((await post(service.url, Buffer.from('no query'))).status).toBe(200);
    expect((await post(service.url, Buffer.alloc(5_000))).status).toBe(413);
    const word = await doctorsWord(dataDir);
    expect(word).toMatchObject({ ok: true, detail: expect.stringContaining('B-LTA by built-in (for development') });
    expect(await service.end('SIGTERM')).toBe(0);
  });

  test('is not there where nobody asked for it, and doctor says that signatures are B-B', async () => {
    const dataDir = join(directory.path, 'unnamed');
    const service = await startServiceProcess(dataDir);
    expect((await post(service.url, Buffer.from('no query'))).status).toBe(404);
    const word = await doctorsWord(dataDir);
    expect(word).toMatchObject({ ok: true, detail: expect.stringContaining('B-B: no timestamp service') });
    expect(await service.end('SIGTERM')).toBe(0);
  });

  test('a file of roots that is none stops the start, and says which', async () => {
    const roots = join(directory.path, 'roots.pem');
    await writeFile(roots, 'nothing');
    const settings = { YINXIN_TIMESTAMP_URLS: `https://tsa.example.com/#roots=${roots}` };
    await expect(startServiceProcess(join(directory.path, 'broken'), settings)).rejects.toThrow('no PEM certificate');
  });
});

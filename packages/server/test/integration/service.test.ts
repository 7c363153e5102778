import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServiceProcess, temporaryDirectory, yinxin } from '../support/service-process.ts';

let directory: { path: string; remove: () => Promise<void> };
beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-service-');
});
afterAll(async () => directory.remove());

const ALLOW = { YINXIN_EGRESS_ALLOW: '127.0.0.0/8' };

async function appOf(dataDir: string): Promise<{ appId: string; secret: string }> {
  const ran = await yinxin(dataDir, 'app', 'create', '--name', 'x', '--generate-key', join(dataDir, 'keys'), '--json');
  const app = ran.json() as Record<string, string>;
  return { appId: app['app_id']!, secret: app['app_secret']! };
}

describe('a service in its own process', () => {
  test('SIGKILL at any moment leaves a data directory that starts again by itself', async () => {
    const dataDir = join(directory.path, 'killed');
    let service = await startServiceProcess(dataDir, ALLOW);
    const { appId } = await appOf(dataDir);
    for (let round = 0; round < 3; round += 1) {
      expect(await service.end('SIGKILL')).toBe('SIGKILL');
      service = await startServiceProcess(dataDir, ALLOW);
      expect((await yinxin(dataDir, 'app', 'show', appId, '--json')).json()).toMatchObject({ app_id: appId });
    }
    expect(await service.end('SIGTERM')).toBe(0);
  });

  test('SIGTERM lets a request under way end, answers it, and takes the address back', async () => {
    const dataDir = join(directory.path, 'drained');
    const service = await startServiceProcess(dataDir, ALLOW);
    const app = await appOf(dataDir);
    const arrived = Promise.withResolvers<void>();
    const mayAnswer = Promise.withResolvers<void>();
    const partner = createServer((request, response) => {
      request.resume().on('end', () => {
        arrived.resolve();
        void mayAnswer.promise.then(() => response.end(JSON.stringify({ code: '000' })));
      });
    });
    await new Promise<void>((resolve) => partner.listen(0, '127.0.0.1', resolve));
    const { port } = partner.address() as AddressInfo;
    const answer = fetch(`${service.url}/api/callback`, {
      method: 'POST',
      headers: { authorization: `Bearer ${app.secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        callback_url: `http://127.0.0.1:${port}/`,
        app_id: app.appId,
        message_type: '',
        request_message: { a: 1 },
      }),
    });
    await arrived.promise;
    const ended = service.end('SIGTERM');
    mayAnswer.resolve();
    expect(await (await answer).json()).toMatchObject({ code: '000', msg: '成功' });
    expect(await ended).toBe(0);
    partner.close();
    await expect(access(join(dataDir, 'service.json'))).rejects.toThrow('ENOENT');
  });

  test('a second service on the same data directory is told which process has it', async () => {
    const dataDir = join(directory.path, 'shared');
    const service = await startServiceProcess(dataDir);
    await expect(startServiceProcess(dataDir)).rejects.toThrow(`in use by process ${service.pid}`);
    expect(await service.end('SIGTERM')).toBe(0);
  });

  test('probes and metrics', async () => {
    const dataDir = join(directory.path, 'probed');
    const service = await startServiceProcess(dataDir);
    expect(await (await fetch(`${service.url}/healthz`)).json()).toEqual({ status: 'ok' });
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${service.url}/metrics`)).text()).toContain('yinxin_relay_accepted_total');
    const missing = await fetch(`${service.url}/nowhere?token=hunter2`);
    expect(missing.status).toBe(404);
    expect(await missing.text()).not.toContain('hunter2');
    expect(await service.end('SIGTERM')).toBe(0);
    expect(service.log()).not.toContain('hunter2');
  });

  test('every fault of the configuration is told at once, without a stack', async () => {
    const faulty = startServiceProcess(join(directory.path, 'faulty'), { YINXIN_PORT: 'x', YINXIN_LOG_LEVEL: 'loud' });
    const message = await faulty.then(String, (error: Error) => error.message);
    expect(message).toContain('YINXIN_PORT must be');
    expect(message).toContain('YINXIN_LOG_LEVEL must be');
    expect(message).not.toContain('    at ');
  });
});

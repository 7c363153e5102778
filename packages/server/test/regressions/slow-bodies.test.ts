import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, test } from 'vitest';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';

/**
 * 400 connections each sent 1.9 of 2 megabytes and then nothing: the process grew by 720 MB, and would have grown by two
 * for each connection more, until the machine ended it. Nobody needed a key for that.
 */
const KB = 1_024;
const log: string[] = [];
const server = createHttpServer({
  log: createLog({ level: 'warn', write: (line) => log.push(line) }),
  trustedProxies: [],
  arrivingBytesMax: 100 * KB,
});
const held = Promise.withResolvers<void>();
server.post('/held', { bodyLimit: 40 * KB }, async () => {
  await held.promise;
  return {};
});
server.post('/', { bodyLimit: 40 * KB }, async (request) => ({ bytes: (request.body as Buffer).length }));
await server.listen({ host: '127.0.0.1', port: 0 });
const { port } = server.server.address() as AddressInfo;
afterAll(() => server.close());

const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\n';

/** A client that begins a body and stops. Resolves when the service has its head. */
async function slowClient(head: string): Promise<{ socket: Socket; closed: Promise<unknown>; gone: Promise<unknown> }> {
  const arrived = once(server.server, 'request');
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise((resolve) => {
    socket.on('error', resolve);
    socket.on('close', resolve);
  });
  socket.write(`${HEAD}${head}\r\n\r\n`);
  const [request] = (await arrived) as [IncomingMessage];
  return { socket, closed, gone: new Promise((resolve) => request.once('close', resolve)) };
}

async function post(bytes: number): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: Buffer.alloc(bytes, 0x20) });
  return answer.json();
}

test('where bodies under way fill the budget, the oldest goes and the new one is served', async () => {
  const announced = await slowClient(`Content-Length: ${40 * KB}`);
  const chunked = await slowClient('Transfer-Encoding: chunked');
  expect(await post(10 * KB)).toEqual({ bytes: 10 * KB });
  expect(log).toEqual([]);

  expect(await post(30 * KB)).toEqual({ bytes: 30 * KB });
  await announced.closed;
  expect(chunked.socket.closed).toBe(false);
  expect(log.map((line) => JSON.parse(line) as object)).toMatchObject([{ level: 'warn', cutOff: 1 }]);
  chunked.socket.destroy();
  await chunked.closed;
});

test('what has arrived, or has gone, no longer counts', async () => {
  const lines = log.length;
  for (let nth = 0; nth < 20; nth += 1) expect(await post(30 * KB)).toEqual({ bytes: 30 * KB });
  for (let nth = 0; nth < 20; nth += 1) {
    const client = await slowClient(`Content-Length: ${40 * KB}`);
    client.socket.destroy();
    await client.gone;
    expect(await post(30 * KB)).toEqual({ bytes: 30 * KB });
  }
  // A body larger than the route takes counts with what the route takes, and is refused.
  const refused = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: Buffer.alloc(500 * KB) });
  expect(refused.status).toBe(413);
  expect(log.length).toBe(lines);
});

test('a request whose body has arrived is not cut off, however long it is worked on', async () => {
  const lines = log.length;
  const url = `http://127.0.0.1:${port}/held`;
  const answers: Promise<Response>[] = [];
  for (let nth = 0; nth < 6; nth += 1) {
    const request = once(server.server, 'request') as Promise<[IncomingMessage]>;
    answers.push(fetch(url, { method: 'POST', body: Buffer.alloc(40 * KB) }));
    await once((await request)[0], 'end');
  }
  held.resolve();
  expect((await Promise.all(answers)).map((answer) => answer.status)).toEqual([200, 200, 200, 200, 200, 200]);
  expect(log.length).toBe(lines);
});

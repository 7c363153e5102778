// A statement of 40 MB over a line of 8 Mbit/s was cut off after thirty seconds, the time that any request has: the limit
// was the server's, one for all routes.
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';

const server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [], bodyArrivalMsMax: 20 });
const HOUR_MS = 3_600_000;
server.post('/usual', async () => ({}));
server.register(async (scope) => {
  scope.addHook('onRequest', async (request, reply) => {
    if (request.headers.authorization === undefined) await reply.code(401).send({});
  });
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  const options = { config: { streamsBody: true, bodyArrivalMsMax: HOUR_MS } };
  scope.post('/upload', options, async ({ body }) => ({ text: await text(body as IncomingMessage) }));
});
beforeAll(async () => server.listen({ host: '127.0.0.1', port: 0 }));
afterAll(async () => server.close());

/** A client that sends the beginning of a body of two bytes. */
async function begin(path: string, ...headers: string[]): Promise<{ socket: Socket; answer: Promise<string> }> {
  const arrived = once(server.server, 'request');
  const socket = connect((server.server.address() as AddressInfo).port, '127.0.0.1');
  const head = [`POST ${path} HTTP/1.1`, 'Host: a', 'Content-Length: 2', ...headers];
  socket.write(`${head.join('\r\n')}\r\n\r\na`);
  await arrived;
  return { socket, answer: text(socket) };
}

test('a body that does not arrive in time is answered 408; one of a route that gives more time arrives meanwhile', async () => {
  const upload = await begin('/upload', 'Authorization: x', 'Connection: close');
  const usual = await begin('/usual');
  expect(await usual.answer).toMatch(/^HTTP\/1\.1 408 /);
  upload.socket.write('b');
  expect(await upload.answer).toMatch(/^HTTP\/1\.1 200 [^]*\{"text":"ab"\}/);
});

test('who is not let in has no more time than everybody', async () => {
  const { answer } = await begin('/upload');
  // It ends, although the body never does.
  expect(await answer).toMatch(/^HTTP\/1\.1 401 /);
});

test('a request without a body, and one whose body has arrived, are not timed', async () => {
  const url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  expect((await fetch(`${url}/usual`, { method: 'POST' })).status).toBe(200);
  expect((await fetch(`${url}/usual`, { method: 'POST', body: 'ab' })).status).toBe(200);
});

test('what is too large is told with the limit of its own route', async () => {
  const large = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
  large.post('/', { bodyLimit: 1_000 }, async () => ({}));
  const { json } = await large.inject({ method: 'POST', url: '/', payload: Buffer.alloc(1_001) });
  expect(json()).toEqual({ error: 'bad_request', message: 'the body is larger than 1000 bytes' });
  await large.close();
});

import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';

const MIB = 1_048_576;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function serve(linger?: { ms: number; idleMs: number; bytesMax: number }): Promise<URL> {
  const server = createHttpServer({
    log: createLog({ level: 'error', write: () => undefined }),
    trustedProxies: [],
    ...(linger !== undefined && { linger }),
  });
  server.post('/', { bodyLimit: MIB }, async () => 'read');
  closing.push(() => server.close());
  return new URL(await server.listen({ host: '127.0.0.1', port: 0 }));
}

test.each([true, false])(
  'a client that writes 24 MiB too many before it reads sees why it was refused (length announced: %s)',
  async (isAnnounced) => {
    const url = await serve();
    const body = Buffer.alloc(25 * MIB, 'x');
    const headers = {
      connection: 'close',
      ...(isAnnounced ? { 'content-length': body.length } : { 'transfer-encoding': 'chunked' }),
    };
    const sent = request(url, { method: 'POST', headers });
    for (let at = 0; at < body.length; at += MIB) {
      if (!sent.write(body.subarray(at, at + MIB))) await once(sent, 'drain');
    }
    sent.end();
    const [answer] = await once(sent, 'response');
    expect(answer.statusCode).toBe(413);
    expect(await text(answer)).toContain(`larger than ${MIB} bytes`);
  },
);

test.each([
  ['never sends it', { ms: 60_000, idleMs: 10, bytesMax: MIB }],
  ['takes too long', { ms: 10, idleMs: 60_000, bytesMax: MIB }],
])('one that %s is answered, and its connection closed', async (_what, linger) => {
  const url = await serve(linger);
  const socket = connect(Number(url.port), '127.0.0.1');
  socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${9 * MIB}\r\n\r\nx`);
  const answer = await text(socket);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer.toLowerCase()).toContain('connection: close');
});

test('one that goes on for ever is cut off', async () => {
  const url = await serve({ ms: 60_000, idleMs: 60_000, bytesMax: 4 * MIB });
  const socket = connect(Number(url.port), '127.0.0.1');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined).resume();
  socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${1_000 * MIB}\r\n\r\n`);
  const more = Buffer.alloc(MIB);
  while (!socket.destroyed) {
    if (!socket.write(more)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
  }
  await closed;
  expect(socket.bytesWritten).toBeLessThan(100 * MIB);
});

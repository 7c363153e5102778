import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';

/**
 * An operator stopped a node and it did not end. A monitor kept a connection open on which it never asked anything, and a
 * phone had lost its network in the middle of a request: the server waited for both, for as long as they liked, since
 * Node gives up its own limits on slow requests at the moment a server is closed.
 */
async function openWith(port: number, text: string): Promise<{ socket: Socket; closed: Promise<unknown> }> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  if (text !== '') socket.write(text);
  return { socket, closed: new Promise((resolve) => socket.on('error', resolve).on('close', resolve).resume()) };
}

test('a server that closes gives requests under way their time, and then ends whatever is open', async () => {
  const server = createHttpServer({
    log: createLog({ level: 'silent' }),
    trustedProxies: [],
    drainMs: 500,
  });
  const begun = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  server.post('/', async () => ({}));
  server.get('/slow', async () => {
    begun.resolve();
    await mayEnd.promise;
    return { done: true };
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const open = await Promise.all(
    ['', 'POST / HTTP/1.1\r\nHo', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{'].map((text) =>
      openWith(port, text),
    ),
  );
  const answer = fetch(`http://127.0.0.1:${port}/slow`);
  await begun.promise;
  const closed = server.close();
  mayEnd.resolve();
  expect(await (await answer).json()).toEqual({ done: true });
  await closed;
  await Promise.all(open.map((connection) => connection.closed));
});

/**
 * Under load a stop took its whole patience of ten seconds. Callers keep their connections; one that was busy at the
 * moment of closing was answered, kept open, and then waited for though nobody asked anything on it again.
 */
test('a connection that was busy when the server began to close ends with its answer', async () => {
  const patienceMs = 3_600_000;
  const server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [], drainMs: patienceMs });
  const begun = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  server.get('/slow', async () => {
    begun.resolve();
    await mayEnd.promise;
    return { done: true };
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.server.address() as AddressInfo;
  const kept = await openWith(port, 'GET /slow HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n');
  await begun.promise;
  const closed = server.close();
  // Closing has begun for certain: nothing new is let in.
  while (server.server.listening) await new Promise((resolve) => setImmediate(resolve));
  mayEnd.resolve();
  await closed;
  await kept.closed;
});

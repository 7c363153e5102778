import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import {
  createEgress,
  type Egress,
  type EgressAnswer,
  type EgressOptions,
  type EgressRequest,
} from '../../src/platform/egress/index.ts';
import { answerOf, drip, pour, startPeer, type PeerOptions } from '../support/peers.ts';

function egressWith(options: Partial<EgressOptions> = {}): Egress {
  const egress = createEgress({ allowCidrs: ['127.0.0.1/32'], ...options });
  onTestFinished(() => egress.close());
  return egress;
}

function post(egress: Egress, peer: { port: number }, more: Partial<EgressRequest> = {}): Promise<EgressAnswer> {
  return egress.request({
    method: 'POST',
    url: `http://127.0.0.1:${peer.port}/`,
    body: 'message',
    totalTimeoutMs: 30_000,
    responseBytesMax: 1000,
    ...more,
  });
}

/** What becomes of one request to a peer that does `onRequest`. */
async function askOf(onRequest: PeerOptions['onRequest'], more: Partial<EgressRequest> = {}): Promise<EgressAnswer> {
  const peer = await startPeer(onRequest === undefined ? {} : { onRequest });
  return post(egressWith(), peer, more);
}

const SHORT = { totalTimeoutMs: 150 };
const endless = Buffer.alloc(65_536, 'x');

test('a peer that never answers ends at the total time', async () => {
  await expect(askOf(() => undefined, SHORT)).rejects.toMatchObject({ code: 'response_timeout', stage: 'during' });
});

test('a head that comes one byte at a time ends at the total time', async () => {
  const request = askOf((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nx: ');
    drip(socket, 'y');
  }, SHORT);
  await expect(request).rejects.toMatchObject({ code: 'response_timeout', stage: 'during' });
});

test('a body that comes one byte at a time ends at the total time', async () => {
  const request = askOf((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n');
    drip(socket, 'y');
  }, SHORT);
  await expect(request).rejects.toMatchObject({ code: 'response_timeout', stage: 'after' });
});

test('interim answers without end are no answer', async () => {
  const request = askOf((socket) => pour(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'));
  await expect(request).rejects.toMatchObject({ code: 'response_invalid', stage: 'during' });
});

test('a reason phrase without end ends at the total time', async () => {
  const request = askOf((socket) => {
    socket.write('HTTP/1.1 200 ');
    pour(socket, endless);
  }, SHORT);
  await expect(request).rejects.toMatchObject({ code: 'response_timeout', stage: 'during' });
});

test('an interim answer is passed over', async () => {
  const request = askOf((socket) => socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n${answerOf('final').toString()}`));
  expect((await request).body.toString()).toBe('final');
});

test('a 100 Continue that nobody asked for ends the connection', async () => {
  const request = askOf((socket) => socket.write(`HTTP/1.1 100 Continue\r\n\r\n${answerOf('final').toString()}`));
  await expect(request).rejects.toMatchObject({ code: 'connection_lost', stage: 'during' });
});

test.each([
  ['one header without end', 'HTTP/1.1 200 OK\r\nx: ', endless],
  ['headers without end', 'HTTP/1.1 200 OK\r\n', Buffer.from('x-header: value\r\n'.repeat(100))],
])('%s is too large', async (_what, start, more) => {
  const request = askOf((socket) => {
    socket.write(start);
    pour(socket, more);
  });
  await expect(request).rejects.toMatchObject({
    code: expect.stringMatching(/^response_(too_large|invalid)$/),
    stage: 'during',
  });
});

test.each([
  ['chunked', 'transfer-encoding: chunked', Buffer.concat([Buffer.from('10000\r\n'), endless, Buffer.from('\r\n')])],
  ['until the connection ends', 'connection: close', endless],
])(
  'an endless body, %s, is an error at the limit, or cut there where that was asked for',
  async (_how, header, more) => {
    const peer = await startPeer({
      onRequest: (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${header}\r\n\r\n`);
        pour(socket, more);
      },
    });
    const egress = egressWith();
    await expect(post(egress, peer)).rejects.toMatchObject({ code: 'response_too_large', stage: 'after' });
    const answer = await post(egress, peer, { onOverflow: 'truncate' });
    expect(answer).toMatchObject({ status: 200, truncated: true });
    expect(answer.body).toEqual(endless.subarray(0, 1000));
    // It did not read on: both connections are given up.
    await expect.poll(() => peer.sockets.every((socket) => socket.destroyed), { interval: 5 }).toBe(true);
  },
);

test('trailers without end stop at a limit', async () => {
  const request = askOf((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n');
    pour(socket, Buffer.from('x-trailer: value\r\n'.repeat(100)));
  });
  await expect(request).rejects.toMatchObject({ code: expect.stringMatching(/^response_/), stage: 'after' });
});

test('a declared length over the limit fails before a byte of the body is waited for', async () => {
  const head = 'HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n';
  await expect(askOf((socket) => socket.write(head))).rejects.toMatchObject({ code: 'response_too_large' });
});

test('a body of exactly the limit is whole; 50 MB go through, or are cut where asked', async () => {
  const large = Buffer.alloc(50 * 1024 * 1024, 'contract');
  const peer = await startPeer({ onRequest: (socket) => socket.write(answerOf(large)) });
  const egress = egressWith();
  const whole = await post(egress, peer, { responseBytesMax: large.length });
  expect(whole.truncated).toBe(false);
  expect(whole.body.equals(large)).toBe(true);
  const cut = await post(egress, peer, { responseBytesMax: 1_000_000, onOverflow: 'truncate' });
  expect(cut.truncated).toBe(true);
  expect(cut.body.equals(large.subarray(0, 1_000_000))).toBe(true);
});

test('an encoded body is returned as it came, broken or not: nothing is inflated', async () => {
  const broken = gzipSync('x'.repeat(10_000)).subarray(0, 30);
  const answer = await askOf((socket) => socket.write(answerOf(broken, '200 OK', 'content-encoding: gzip\r\n')));
  expect(answer.headers['content-encoding']).toBe('gzip');
  expect(answer.body).toEqual(broken);
});

test('a header that comes twice is a list', async () => {
  const answer = await askOf((socket) =>
    socket.write(answerOf('', '204 No Content', 'x-a: 1\r\nX-A: 2\r\nx-b: 3\r\n')),
  );
  expect(answer.headers).toMatchObject({ 'x-a': ['1', '2'], 'x-b': '3' });
});

test.each([
  ['closes without an answer', (socket) => socket.end(), 'during'],
  ['resets without an answer', (socket) => socket.resetAndDestroy(), 'during'],
  ['closes within the head', (socket) => socket.end('HTTP/1.1 200 OK\r\nx: '), 'during'],
  [
    'half-closes within a last body',
    (socket) => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 9\r\n\r\nhalf'),
    'after',
  ],
  [
    'half-closes within a last chunk',
    (socket) => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n9\r\nx'),
    'after',
  ],
  ['half-closes within the body', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'), 'after'],
  [
    'half-closes within a chunk',
    (socket) => socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nx'),
    'after',
  ],
] as [string, NonNullable<PeerOptions['onRequest']>, string][])(
  'a peer that %s: connection_lost',
  async (_what, onRequest, stage) => {
    await expect(askOf(onRequest)).rejects.toMatchObject({ code: 'connection_lost', stage });
  },
);

test('a peer that closes at once has sent no answer', async () => {
  const peer = await startPeer({ onConnection: (socket) => socket.resetAndDestroy() });
  await expect(post(egressWith(), peer)).rejects.toMatchObject({
    code: expect.stringMatching(/^connect(_failed|ion_lost)$/),
  });
});

test('a body may end with the connection', async () => {
  const answer = await askOf((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nto the end'));
  expect(answer.body.toString()).toBe('to the end');
});

test.each([
  ['no HTTP at all', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx'],
  ['length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['a folded header', 'HTTP/1.1 200 OK\r\nx: a\r\n b: c\r\n content-length\r\n\0\r\n\r\n'],
])('%s is not valid HTTP', async (_what, bytes) => {
  const request = askOf((socket) => socket.write(bytes));
  await expect(request).rejects.toMatchObject({ code: 'response_invalid', stage: 'during' });
});

test('an unasked-for switch of protocols ends the exchange', async () => {
  const head = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n';
  await expect(askOf((socket) => socket.write(head))).rejects.toMatchObject({ stage: 'during' });
});

test('a second answer that nobody asked for is not taken for the answer to the next request', async () => {
  let count = 0;
  const peer = await startPeer({
    onRequest: (socket) => {
      count += 1;
      const stale = count === 1 ? answerOf('stale') : '';
      socket.write(Buffer.concat([answerOf(`answer ${count}`), Buffer.from(stale)]));
    },
  });
  const egress = egressWith();
  expect((await post(egress, peer)).body.toString()).toBe('answer 1');
  const next = await post(egress, peer).then(
    (answer) => answer.body.toString(),
    (error: { code: string }) => error.code,
  );
  expect(next).not.toBe('stale');
});

test('nobody listens: connect_failed', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  await expect(post(egressWith(), { port })).rejects.toMatchObject({ code: 'connect_failed', stage: 'before' });
});

test('a name, or a handshake, that takes for ever: connect_timeout', async () => {
  const mute = await startPeer({});
  const never = egressWith({ lookup: () => new Promise(() => undefined), connectTimeoutMs: 100 });
  const egress = egressWith({ connectTimeoutMs: 100 });
  const requests = [
    post(never, mute, { url: 'http://partner.test/' }),
    post(egress, mute, { url: `https://127.0.0.1:${mute.port}/` }),
    post(egressWith(), mute, { url: `https://127.0.0.1:${mute.port}/`, connectTimeoutMs: 50 }),
    post(egressWith(), mute, { url: `https://127.0.0.1:${mute.port}/`, ...SHORT }),
  ];
  const expected = { status: 'rejected', reason: { code: 'connect_timeout', stage: 'before' } };
  expect(await Promise.allSettled(requests)).toMatchObject(requests.map(() => expected));
});

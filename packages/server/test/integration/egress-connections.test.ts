import type { Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import {
  createEgress,
  EgressError,
  type Egress,
  type EgressAnswer,
  type EgressOptions,
  type EgressRequest,
  type Lookup,
} from '../../src/platform/egress/index.ts';
import { answerOf, drip, startPeer, type Peer } from '../support/peers.ts';

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

async function requestsAt(peer: Peer, count: number): Promise<void> {
  await expect.poll(() => peer.requests.length, { interval: 5 }).toBe(count);
}

const acknowledge = answerOf('{"code":"000"}');
const ABORTED = { code: 'aborted' };

test('one request after another goes over one connection', async () => {
  const peer = await startPeer({ onRequest: (socket) => socket.write(acknowledge) });
  const egress = egressWith();
  for (let count = 0; count < 5; count += 1) await post(egress, peer);
  expect(peer.sockets).toHaveLength(1);
});

test('requests beyond the connections of an origin wait, in turn, and use the one that comes free', async () => {
  const peer = await startPeer({ onRequest: (socket) => socket.write(acknowledge) });
  const egress = egressWith({ connectionsPerOriginMax: 2 });
  const answers = await Promise.all(Array.from({ length: 50 }, () => post(egress, peer)));
  expect(answers.every((answer) => answer.status === 200)).toBe(true);
  expect(peer.sockets).toHaveLength(2);
  expect(peer.requests).toHaveLength(50);
});

test('a request that gives up in the line is never sent and costs no connection', async () => {
  const peer = await startPeer({});
  const egress = egressWith({ connectionsPerOriginMax: 1, waitingPerOriginMax: 1 });
  const first = post(egress, peer);
  await requestsAt(peer, 1);
  const late = post(egress, peer, { connectTimeoutMs: 50 });
  await expect(post(egress, peer)).rejects.toMatchObject({
    code: 'connect_failed',
    stage: 'before',
    cause: { message: 'too many requests wait for this origin' },
  });
  await expect(late).rejects.toMatchObject({ code: 'connect_timeout', stage: 'before' });
  peer.sockets[0]!.on('data', () => peer.sockets[0]!.write(acknowledge));
  peer.sockets[0]!.write(acknowledge);
  expect(await first).toMatchObject({ status: 200 });
  expect(await post(egress, peer)).toMatchObject({ status: 200 });
  expect(peer.sockets).toHaveLength(1);
  expect(peer.requests).toHaveLength(2);
});

test('a request that waits for a connection that fails is carried by another', async () => {
  let count = 0;
  const peer = await startPeer({
    onRequest: (socket) => {
      count += 1;
      if (count % 2 === 1) socket.resetAndDestroy();
      else socket.write(acknowledge);
    },
  });
  const egress = egressWith({ connectionsPerOriginMax: 1 });
  const settled = await Promise.allSettled(Array.from({ length: 10 }, () => post(egress, peer)));
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
  expect(peer.requests).toHaveLength(10);
});

test('a request whose time is up gives its connection up, and the next one gets its own answer', async () => {
  let count = 0;
  const peer = await startPeer({
    onRequest: (socket) => {
      count += 1;
      if (count === 1) drip(socket, 'HTTP/1.1 102 Processing\r\n\r\n');
      else socket.write(answerOf(`answer ${count}`));
    },
  });
  const egress = egressWith({ connectionsPerOriginMax: 1 });
  await expect(post(egress, peer, { totalTimeoutMs: 100 })).rejects.toMatchObject({ code: 'response_timeout' });
  expect((await post(egress, peer)).body.toString()).toBe('answer 2');
  expect(peer.sockets).toHaveLength(2);
});

test('to make room for a new origin the connections of the one longest unused are closed', async () => {
  const onRequest = (socket: { write(bytes: Buffer): unknown }): unknown => socket.write(acknowledge);
  const [first, second, third] = [
    await startPeer({ onRequest }),
    await startPeer({ onRequest }),
    await startPeer({ onRequest }),
  ];
  const egress = egressWith({ originsMax: 2 });
  await post(egress, first);
  await post(egress, second);
  await post(egress, first);
  await post(egress, third);
  await expect.poll(() => second.sockets[0]!.readableEnded || second.sockets[0]!.destroyed, { interval: 5 }).toBe(true);
  await post(egress, first);
  expect(first.sockets).toHaveLength(1);
  expect(await post(egress, second)).toMatchObject({ status: 200 });
});

test('an origin that is busy is not closed to make room', async () => {
  const busy = await startPeer({});
  const peers = await Promise.all(
    Array.from({ length: 5 }, () => startPeer({ onRequest: (socket) => socket.write(acknowledge) })),
  );
  const egress = egressWith({ originsMax: 1 });
  const slow = post(egress, busy);
  await requestsAt(busy, 1);
  for (const peer of peers) await post(egress, peer);
  busy.sockets[0]!.write(acknowledge);
  expect(await slow).toMatchObject({ status: 200 });
});

test("whatever a peer does, every request ends, gets no other one's answer, and no connection slot is lost", async () => {
  const misdeeds: ((socket: Socket, answer: Buffer) => unknown)[] = [
    (socket, answer) => socket.write(answer),
    (socket) => socket.resetAndDestroy(),
    (socket, answer) => socket.end(answer),
    (socket) => socket.write('not HTTP\r\n\r\n'),
    (socket, answer) => socket.write(Buffer.concat([answer, answerOf('stale')])),
    (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n'),
    () => undefined,
    (socket, answer) => socket.end(answer.subarray(0, -1)),
    (socket) => socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n'),
    (socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n'),
    (socket, answer) => setImmediate(() => socket.write(answer)),
  ];
  let turn = 0;
  let behaving = false;
  const peer = await startPeer({
    onRequest: (socket, request) => {
      const answer = answerOf(request.split('\r\n\r\n')[1] ?? '');
      const misdeed = misdeeds[turn % misdeeds.length];
      turn += 1;
      if (behaving) socket.write(answer);
      else misdeed?.(socket, answer);
    },
  });
  const egress = egressWith({ connectionsPerOriginMax: 8 });
  const ask = (at: number): Promise<EgressAnswer> =>
    post(egress, peer, { body: `message ${at}`, totalTimeoutMs: 40 + (at % 7) * 20, connectTimeoutMs: 30_000 });
  await post(egress, peer);
  const settled = await Promise.allSettled(Array.from({ length: 600 }, (_, at) => ask(at)));
  for (const [at, result] of settled.entries()) {
    if (result.status === 'fulfilled') expect(result.value.body.toString()).toBe(`message ${at}`);
    else expect(result.reason).toBeInstanceOf(EgressError);
  }

  behaving = true;
  // Connections that the misdeeds left behind may spoil a first few.
  await Promise.allSettled(Array.from({ length: 50 }, () => post(egress, peer)));
  const connectionsBefore = peer.sockets.length;
  const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => post(egress, peer, { body: `${at}` })));
  expect(answers.map(({ body }) => body.toString())).toEqual(Array.from({ length: 200 }, (_, at) => `${at}`));
  expect(peer.sockets.length).toBe(connectionsBefore);
  const held = peer.sockets.filter((socket) => !socket.destroyed && !socket.readableEnded);
  expect(held).toHaveLength(8);
});

test('many names cost no more than the origins that are kept', async () => {
  const peer = await startPeer({ onRequest: (socket) => socket.write(acknowledge) });
  const lookup: Lookup = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
  const egress = egressWith({ originsMax: 10, lookup });
  for (let at = 0; at < 500; at += 1) await post(egress, peer, { url: `http://host-${at}.test:${peer.port}/` });
  const open = (): number => peer.sockets.filter((socket) => !socket.destroyed && !socket.readableEnded).length;
  await expect.poll(open, { interval: 5 }).toBeLessThanOrEqual(10);
});

test('a connection is not used beyond its life', async () => {
  const peer = await startPeer({ onRequest: (socket) => socket.write(acknowledge) });
  const egress = egressWith({ connectionLifeMs: 0 });
  for (let count = 0; count < 3; count += 1) await post(egress, peer);
  expect(peer.sockets).toHaveLength(3);
});

test('a caller may give up at any stage', async () => {
  const mute = await startPeer({});
  const started = await startPeer({
    onRequest: (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'),
  });
  const egress = egressWith({ lookup: () => new Promise(() => undefined) });

  await expect(post(egress, mute, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    ...ABORTED,
    stage: 'before',
  });

  const connecting = new AbortController();
  const unresolved = post(egress, mute, { url: 'http://partner.test/', signal: connecting.signal });
  setImmediate(() => connecting.abort());
  await expect(unresolved).rejects.toMatchObject({ ...ABORTED, stage: 'before' });

  const waiting = new AbortController();
  const unanswered = post(egress, mute, { signal: waiting.signal });
  await requestsAt(mute, 1);
  waiting.abort();
  await expect(unanswered).rejects.toMatchObject({ ...ABORTED, stage: 'during' });

  const reading = new AbortController();
  const halfRead = post(egress, started, { signal: reading.signal });
  await requestsAt(started, 1);
  // The head has come when the egress has read what the peer wrote: one more round trip on another connection.
  await post(egressWith(), await startPeer({ onRequest: (socket) => socket.write(acknowledge) }));
  reading.abort();
  await expect(halfRead).rejects.toMatchObject(ABORTED);
});

test('closing lets requests under way end and refuses new ones', async () => {
  const peer = await startPeer({});
  const egress = egressWith({ connectionsPerOriginMax: 1 });
  const first = post(egress, peer);
  const waiting = post(egress, peer);
  await requestsAt(peer, 1);
  const closed = egress.close();
  await expect(post(egress, peer)).rejects.toMatchObject({ ...ABORTED, stage: 'before' });
  peer.sockets[0]!.on('data', () => peer.sockets[0]!.write(acknowledge));
  peer.sockets[0]!.write(acknowledge);
  expect(await Promise.all([first, waiting])).toMatchObject([{ status: 200 }, { status: 200 }]);
  await closed;
  await expect.poll(() => peer.sockets[0]!.readableEnded || peer.sockets[0]!.destroyed, { interval: 5 }).toBe(true);
});

test('closing what was never used, or closing twice, is nothing', async () => {
  const egress = createEgress({ allowCidrs: [] });
  await Promise.all([egress.close(), egress.close()]);
});

test('closing ends a connection that was still opening for nobody', async () => {
  const mute = await startPeer({});
  const egress = egressWith();
  const request = post(egress, mute, { url: `https://127.0.0.1:${mute.port}/`, connectTimeoutMs: 30 });
  await expect(request).rejects.toMatchObject({ code: 'connect_timeout' });
  await egress.close();
  await expect.poll(() => mute.sockets.every((socket) => socket.readableEnded || socket.destroyed)).toBe(true);
});

import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

export interface LingerLimits {
  /** All of it, and without a byte. */
  readonly ms: number;
  readonly idleMs: number;
  readonly bytesMax: number;
}

/** Most clients have written some megabytes too many within a moment. */
export const LINGER_LIMITS: LingerLimits = { ms: 5_000, idleMs: 1_000, bytesMax: 64 * 1024 * 1024 };

/** What a socket may have read of the body together with the request's head. */
const READ_WITH_HEAD_BYTES = 65_536;

/**
 * Lets a client see why its body was refused as too large. Closing a connection while the client writes resets it, and the
 * answer is lost with it; so the rest of the body is read first and thrown away, within limits, and then answered.
 */
export function readOutTooLargeBodies(server: FastifyInstance, limits: LingerLimits): void {
  const readBefore = new WeakMap<IncomingMessage, number>();
  server.addHook('onRequest', async ({ raw }) => {
    if (raw.headers['transfer-encoding'] !== undefined) readBefore.set(raw, raw.socket.bytesRead);
  });
  server.addHook('onSend', async ({ raw, routeOptions }, reply) => {
    if (raw.complete || raw.destroyed || routeOptions.config.streamsBody === true) return;
    const before = readBefore.get(raw);
    const bytes =
      before === undefined
        ? Number(raw.headers['content-length'] ?? 0)
        : raw.socket.bytesRead - before + READ_WITH_HEAD_BYTES;
    if (bytes <= routeOptions.bodyLimit) return;
    await readOut(raw, limits);
    if (!raw.complete) void reply.header('connection', 'close');
  });
}

/** Resolves at the end of the body, when its connection is gone, or at a limit. */
async function readOut(request: IncomingMessage, { ms, idleMs, bytesMax }: LingerLimits): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = (): void => resolve();
  const timer = setTimeout(done, ms);
  const idle = setTimeout(done, idleMs);
  let bytes = 0;
  const count = (chunk: Buffer): void => {
    idle.refresh();
    bytes += chunk.length;
    if (bytes > bytesMax) done();
  };
  request.on('data', count).once('end', done).once('close', done).once('error', done).resume();
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    clearTimeout(idle);
    request.off('data', count).off('end', done).off('close', done);
  }
}

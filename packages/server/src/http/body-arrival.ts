import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's body may take so long to arrive, once whoever sends it was let in; else as long as everywhere. */
    bodyArrivalMsMax?: number;
  }
}

/**
 * Bounds how long the body of a request may take to arrive: a client that drips its bytes is answered 408 and let go. A
 * route may give more time; a request that is refused before its body was read has the usual time and no more.
 */
export function boundArrival(server: FastifyInstance, msMax: number): void {
  const timers = new WeakMap<IncomingMessage, NodeJS.Timeout>();
  const end = (request: IncomingMessage): void => clearTimeout(timers.get(request));
  const begin = (request: IncomingMessage, response: ServerResponse, ms: number): void => {
    end(request);
    timers.set(
      request,
      setTimeout(() => letGo(request, response), ms),
    );
  };
  server.addHook('onRequest', async ({ raw }, reply) => {
    if (!hasBody(raw)) return;
    begin(raw, reply.raw, msMax);
    raw.once('end', () => end(raw)).once('close', () => end(raw));
  });
  // After all of `onRequest`, where tokens are asked for.
  server.addHook('preParsing', async ({ raw, routeOptions }, reply) => {
    const ms = routeOptions.config.bodyArrivalMsMax;
    if (ms !== undefined && hasBody(raw) && !raw.complete) begin(raw, reply.raw, ms);
  });
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function letGo(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete) return;
  const { socket } = request;
  if (response.headersSent) socket.destroy();
  else socket.end('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n', () => socket.destroy());
}

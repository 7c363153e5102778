import type { FastifyInstance } from 'fastify';
import { createRateLimiter, RETRY_AFTER_SECONDS } from '../../http/rate-limit.ts';
import { addressKey } from '../../platform/cidr.ts';
import { disregardContentType } from '../../http/server.ts';
import type { TimestampAuthority } from '../../trust/index.ts';

export interface TimestampRouteDependencies {
  /** Null where the operator has not asked for the built-in service: then there is no route. */
  authority: TimestampAuthority | null;
  /** Requests a second from one address, on this node. */
  limits: { unprovenPerSecondPerAddressMax: number };
}

/** A query has 60 bytes, and a few more with a policy. */
const QUERY_BYTES_MAX = 4 * 1024;

/**
 * `POST /tsa`: the built-in timestamp service over HTTP (RFC 3161, 3.4), for development. It proves no more than the clock
 * of its machine, so it is there only where the configuration names it.
 */
export function registerTimestampRoute(
  server: FastifyInstance,
  { authority, limits }: TimestampRouteDependencies,
): void {
  if (authority === null) return;
  const addresses = createRateLimiter();
  void server.register(async (tsa) => {
    tsa.addHook('onRequest', async (request, reply) => {
      const allowed = addresses.take(addressKey(request.ip), limits.unprovenPerSecondPerAddressMax, performance.now());
      if (allowed) return;
      await reply.code(429).header('retry-after', RETRY_AFTER_SECONDS).type('text/plain').send('too many requests');
    });
    // Clients differ in what they call a query: its bytes decide, and what is none is refused in the answer's own words.
    tsa.addHook('onRequest', disregardContentType);
    tsa.post('/tsa', { bodyLimit: QUERY_BYTES_MAX }, async (request, reply) => {
      const query = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      return reply.type('application/timestamp-reply').send(await authority.respond(query));
    });
  });
}

import type { FastifyInstance, FastifyReply } from 'fastify';
import { createRateLimiter, RETRY_AFTER_SECONDS } from '../../http/rate-limit.ts';
import { addressKey } from '../../platform/cidr.ts';
import { disregardContentType } from '../../http/server.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Trust } from '../../trust/index.ts';

export interface PkiDependencies {
  trust: Pick<Trust, 'revocation' | 'authorityCertificate'>;
  clock: Clock;
  /** Requests a second from one address, on this node. */
  limits: { unprovenPerSecondPerAddressMax: number };
}

/** An OCSP request for a few certificates with a long nonce has a few hundred bytes. */
const REQUEST_BYTES_MAX = 8 * 1024;
/** A certificate of an authority never changes under its name. */
const CERTIFICATE_SECONDS = 86_400;
/** A list is asked for again after an hour, though it is good for longer: what was revoked since shall be seen. */
const LIST_SECONDS_MAX = 3_600;
const FILE = /^([\w-]{1,64})\.(cer|crl)$/;

/**
 * What validators ask of the built-in authority, over plain HTTP, from anybody (RFC 5280, 4.2.1.13 and 4.2.2.1; RFC 6960,
 * appendix A; caching by RFC 5019, 6): `GET /pki/AUTHORITY.cer` and `.crl`, DER; `POST /pki/ocsp` and
 * `GET /pki/ocsp/BASE64`.
 */
export function registerPkiRoutes(server: FastifyInstance, { trust, clock, limits }: PkiDependencies): void {
  const addresses = createRateLimiter();
  void server.register(async (pki) => {
    pki.addHook('onRequest', async (request, reply) => {
      const allowed = addresses.take(addressKey(request.ip), limits.unprovenPerSecondPerAddressMax, performance.now());
      if (allowed) return;
      await reply.code(429).header('retry-after', RETRY_AFTER_SECONDS).type('text/plain').send('too many requests');
    });
    // Clients differ in what they call a request: its bytes decide.
    pki.addHook('onRequest', disregardContentType);

    pki.get<{ Params: { file: string } }>('/pki/:file', async (request, reply) => {
      const [, authorityId = '', kind] = FILE.exec(request.params.file) ?? [];
      if (kind === 'cer') {
        const certificate = await trust.authorityCertificate(authorityId);
        if (certificate === undefined) return notFound(reply);
        return reply
          .type('application/pkix-cert')
          .header('cache-control', `public, max-age=${CERTIFICATE_SECONDS}`)
          .send(certificate);
      }
      const published = kind === undefined ? undefined : await trust.revocation.publishedList(authorityId);
      if (published === undefined) return notFound(reply);
      cacheable(
        reply,
        published.thisUpdate,
        published.nextUpdate,
        Math.min(LIST_SECONDS_MAX, secondsUntil(published.nextUpdate, clock)),
      );
      return reply.type('application/pkix-crl').send(published.list);
    });

    const answer = async (reply: FastifyReply, bytes: Buffer, isGet: boolean): Promise<FastifyReply> => {
      const { response, cache } = await trust.revocation.answerStatus(bytes);
      if (isGet && cache !== undefined) {
        cacheable(reply, cache.producedAt, cache.nextUpdate, secondsUntil(cache.until, clock));
      }
      return reply.type('application/ocsp-response').send(response);
    };
    const limited = { bodyLimit: REQUEST_BYTES_MAX };
    pki.post('/pki/ocsp', limited, async (request, reply) =>
      answer(reply, Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0), false),
    );
    // The Base64 may hold slashes, escaped or not, so the path is read as it was sent.
    pki.get('/pki/ocsp/*', async (request, reply) => answer(reply, requestInPath(request.originalUrl), true));
  });
}

function requestInPath(url: string): Buffer {
  const [path = ''] = url.split('?', 1);
  const escaped = path.slice(path.indexOf('/pki/ocsp/') + '/pki/ocsp/'.length);
  try {
    return Buffer.from(decodeURIComponent(escaped), 'base64');
  } catch {
    return Buffer.alloc(0);
  }
}

function cacheable(reply: FastifyReply, lastModified: Date, expires: Date, maxAgeSeconds: number): void {
  void reply
    .header('last-modified', lastModified.toUTCString())
    .header('expires', expires.toUTCString())
    .header('cache-control', `max-age=${maxAgeSeconds}, public, no-transform, must-revalidate`);
}

function secondsUntil(until: Date, clock: Clock): number {
  return Math.max(0, Math.floor((until.getTime() - clock.now().getTime()) / 1000));
}

function notFound(reply: FastifyReply): FastifyReply {
  return reply.code(404).type('text/plain; charset=utf-8').send('no such certificate or list');
}

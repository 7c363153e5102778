import { createHash, createPublicKey, type JsonWebKey } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { disregardContentType } from '../../http/server.ts';
import { isDomainError } from '../../platform/errors.ts';
import { CALLBACK_ANSWERS, outcomeAnswer, type CallbackAnswer } from './callback-answer.ts';
import { ArrivedBytes } from './callback-arrived.ts';
import {
  answered,
  answerUnread,
  bearerOf,
  DECISION_ANSWERS,
  describedBy,
  handOver,
  takeBody,
  untilAborted,
  WAIT_SECONDS_MAX,
  wishesOf,
  type AcceptingRoute,
  type CallbackDependencies,
} from './callback-exchange.ts';
import { BODY_TOO_LARGE, CALLBACK_LIMITS, parseCallbackRequest, parseIdempotencyKey } from './callback-request.ts';
import { acceptDocumentation, keysDocumentation, outcomeDocumentation } from './callback-openapi.ts';
import { registerBatchRoute } from './callbacks-batch.ts';

export type { CallbackDependencies } from './callback-exchange.ts';

const KEY_CACHE_SECONDS = 300;

/** `POST /api/callback`, `POST /api/callbacks`, `GET /api/callback` and `GET /api/keys/:appId` of contracts/relay.md. */
export function registerCallbackRoutes(server: FastifyInstance, dependencies: CallbackDependencies): void {
  // A service that shuts down lets nobody wait to the end.
  const closing = new AbortController();
  server.addHook('preClose', async () => closing.abort());
  const { relay, callers } = dependencies;
  const arrived = new ArrivedBytes(CALLBACK_LIMITS.arrivedBytesMax);
  const route: AcceptingRoute = { relay, callers, arrived, closing: closing.signal };
  server.post(
    '/api/callback',
    {
      ...describedBy(acceptDocumentation),
      bodyLimit: CALLBACK_LIMITS.bodyBytesMax,
      onRequest: disregardContentType,
      config: { refusesWhenFull: true },
      errorHandler: (error, request, reply) => answerUnread({ request, reply }, error, BODY_TOO_LARGE),
    },
    (request, reply) => answered({ request, reply }, () => accept(route, request)),
  );
  registerBatchRoute(server, route);
  server.get('/api/callback', describedBy(outcomeDocumentation), (request, reply) =>
    answered({ request, reply }, () => query(route, request)),
  );
  server.get('/api/keys/:appId', describedBy(keysDocumentation), async (request, reply) => {
    const { appId } = request.params as { appId: string };
    try {
      const keys = [publicJwk(await dependencies.keys.relayPublicKey(appId))];
      // Not on an error: an app that is made a moment later would be unknown to everybody behind a cache.
      void reply.header('cache-control', `public, max-age=${KEY_CACHE_SECONDS}`);
      return { keys };
    } catch (error) {
      if (!isDomainError(error, 'app_not_found')) throw error;
      return reply.code(404).send(CALLBACK_ANSWERS.unknownApp);
    }
  });
}

function accept(route: AcceptingRoute, request: FastifyRequest): Promise<CallbackAnswer> {
  const body = takeBody(request);
  const handedOver = route.arrived.during(body.byteLength, async () => {
    // A full node answers at once: reading a megabyte takes longer than taking it in.
    route.relay.assertRoom(body.byteLength);
    const message = parseCallbackRequest(body);
    const idempotencyKey = parseIdempotencyKey(request.headers['idempotency-key']);
    const caller = { appId: message.appId, ip: request.ip, bearer: bearerOf(request) };
    const decision = await route.callers.authorize(caller);
    if (decision !== 'ok') return { answer: DECISION_ANSWERS[decision] };
    const keyed = idempotencyKey === undefined ? message : { ...message, idempotencyKey };
    return { answer: handOver(route, keyed, wishesOf(request)) };
  });
  // From here on the relay counts what it holds: the wait for an answer is not the body's.
  return handedOver.then(({ answer }) => answer);
}

/** Who may not see a delivery gets the answer for one that does not exist. */
async function query({ relay, callers, closing }: AcceptingRoute, request: FastifyRequest): Promise<CallbackAnswer> {
  const { request_id: givenId, wait = '0' } = request.query as Record<string, string | string[] | undefined>;
  if (typeof givenId !== 'string' || givenId === '') return CALLBACK_ANSWERS.requestIdMissing;
  // Clients whose UUID type writes capitals mean the same one (RFC 9562, 4).
  const requestId = givenId.toLowerCase();
  const waitSeconds = typeof wait === 'string' && /^\d{1,2}$/.test(wait) ? Number(wait) : Number.NaN;
  if (!(waitSeconds <= WAIT_SECONDS_MAX)) return CALLBACK_ANSWERS.waitInvalid;
  const found = await relay.outcome(requestId);
  if (found === null) return CALLBACK_ANSWERS.requestNotFound;
  const decision = await callers.authorize({ appId: found.appId, ip: request.ip, bearer: bearerOf(request) });
  if (decision !== 'ok') return CALLBACK_ANSWERS.requestNotFound;
  if (waitSeconds === 0) return outcomeAnswer(found);
  return outcomeAnswer((await untilAborted(relay.outcome(requestId, waitSeconds * 1_000), closing)) ?? found);
}

/**
 * A public RSA key as a JWK. No `alg`: the same key signs with SHA-1 and SHA-256, as each destination has it. The `kid`
 * is the key's thumbprint (RFC 7638).
 */
function publicJwk(pem: string): JsonWebKey & { kid: string; use: string } {
  const { kty, n, e } = createPublicKey(pem).export({ format: 'jwk' });
  const kid = createHash('sha256').update(JSON.stringify({ e, kty, n }), 'utf8').digest('base64url');
  return { kty: 'RSA', use: 'sig', kid, ...(n === undefined ? {} : { n }), ...(e === undefined ? {} : { e }) };
}

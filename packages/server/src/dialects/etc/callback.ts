import { createHash, createPublicKey, type JsonWebKey } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema, RouteShorthandOptions } from 'fastify';
import { disregardContentType, statusOf } from '../../http/server.ts';
import { isDomainError, type DomainError } from '../../platform/errors.ts';
import type { Relay, RelayErrorCode } from '../../relay/index.ts';
import { acceptAnswer, CALLBACK_ANSWERS, outcomeAnswer, type CallbackAnswer } from './callback-answer.ts';
import {
  BODY_INCOMPLETE,
  BODY_TOO_LARGE,
  CALLBACK_LIMITS,
  CallbackFormError,
  parseCallbackRequest,
  parseIdempotencyKey,
} from './callback-request.ts';
import { acceptDocumentation, keysDocumentation, outcomeDocumentation } from './callback-openapi.ts';

export interface CallbackDependencies {
  readonly relay: Pick<Relay, 'accept' | 'outcome'>;
  /** Whether a caller may speak for an application. */
  readonly callers: {
    authorize(caller: {
      readonly appId: string;
      readonly ip: string;
      readonly bearer: string | undefined;
    }): Promise<'ok' | 'unknown_app' | 'forbidden' | 'disabled'>;
  };
  readonly keys: {
    /** SPKI PEM. Throws a `DomainError` `app_not_found`. */
    relayPublicKey(appId: string): Promise<string>;
  };
}

const WAIT_SECONDS_MAX = 30;
const KEY_CACHE_SECONDS = 300;

/** `POST /api/callback`, `GET /api/callback` and `GET /api/keys/:appId` of contracts/relay.md. */
export function registerCallbackRoutes(server: FastifyInstance, dependencies: CallbackDependencies): void {
  server.post(
    '/api/callback',
    {
      ...describedBy(acceptDocumentation),
      bodyLimit: CALLBACK_LIMITS.bodyBytesMax,
      onRequest: disregardContentType,
      // The contract's answers have HTTP status 200, that to a body which the server does not read among them.
      errorHandler: (error, request, reply) => {
        const status = statusOf(error);
        if (status >= 500) request.log.error({ err: error }, 'a callback request failed');
        const answers: Readonly<Record<number, CallbackAnswer>> = {
          400: { code: '400', msg: BODY_INCOMPLETE },
          413: { code: '400', msg: BODY_TOO_LARGE },
        };
        void reply.code(200).send(answers[status] ?? CALLBACK_ANSWERS.fault);
      },
    },
    (request, reply) => answered({ request, reply }, () => accept(dependencies, request)),
  );
  // A service that shuts down lets nobody wait to the end.
  const closing = new AbortController();
  server.addHook('preClose', async () => closing.abort());
  server.get('/api/callback', describedBy(outcomeDocumentation), (request, reply) =>
    answered({ request, reply }, () => query(dependencies, request, closing.signal)),
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

/**
 * The schema is for readers: what came is read as source text, faults are answered in the contract's own words, and the
 * keys of an answer stand in the contract's order (a serializer made from the schema puts the optional ones last).
 */
export function describedBy(schema: FastifySchema): RouteShorthandOptions {
  return { schema, validatorCompiler: () => () => true, serializerCompiler: () => (answer) => JSON.stringify(answer) };
}

async function accept({ relay, callers }: CallbackDependencies, request: FastifyRequest): Promise<CallbackAnswer> {
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  const message = parseCallbackRequest(body);
  const idempotencyKey = parseIdempotencyKey(request.headers['idempotency-key']);
  const decision = await callers.authorize({ appId: message.appId, ip: request.ip, bearer: bearerOf(request) });
  if (decision !== 'ok') return DECISION_ANSWERS[decision];
  const accepted = await relay.accept({
    ...message,
    respondAsync: prefersAsync(request.headers['prefer']),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    header: (name) => headerText(request.headers[name]),
    ...traceContext(request),
  });
  return acceptAnswer(accepted);
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

/** W3C Trace Context, version 00: what is not one is left behind. */
const TRACE_PARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

function traceContext(request: FastifyRequest): { traceParent?: string } {
  const traceParent = headerText(request.headers['traceparent']);
  return traceParent !== undefined && TRACE_PARENT.test(traceParent) ? { traceParent } : {};
}

export const DECISION_ANSWERS = {
  unknown_app: CALLBACK_ANSWERS.unknownApp,
  forbidden: CALLBACK_ANSWERS.forbidden,
  disabled: CALLBACK_ANSWERS.disabled,
} as const;

/** Who may not see a delivery gets the answer for one that does not exist. */
async function query(
  { relay, callers }: CallbackDependencies,
  request: FastifyRequest,
  closing: AbortSignal,
): Promise<CallbackAnswer> {
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

/** What `work` comes to, or null as soon as the signal is aborted. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const onAbort = (): void => resolve(null);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** Turns what a route throws into the contract's answer; an internal fault is told to the log alone. */
async function answered({ request, reply }: Exchange, run: () => Promise<CallbackAnswer>): Promise<CallbackAnswer> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof CallbackFormError) return { code: '400', msg: error.message };
    if (isRelayError(error)) {
      if (error.code === 'relay_full') void reply.header('retry-after', error.params['retryAfterSeconds']);
      const answer = RELAY_ERROR_ANSWERS[error.code];
      if (answer !== null) return answer;
    }
    request.log.error({ err: error }, 'a callback request failed');
    return CALLBACK_ANSWERS.fault;
  }
}

/** Null: not the caller's fault, or not an error that these routes can meet. */
const RELAY_ERROR_ANSWERS: Readonly<Record<RelayErrorCode, CallbackAnswer | null>> = {
  callee_not_found: CALLBACK_ANSWERS.calleeNotFound,
  url_invalid: CALLBACK_ANSWERS.urlInvalid,
  idempotency_conflict: CALLBACK_ANSWERS.idempotencyConflict,
  callee_invalid: null,
  delivery_not_found: null,
  delivery_not_ended: null,
  relay_stopped: null,
  delivery_not_waiting: null,
  delivery_not_parked: null,
  delivery_content_dropped: null,
  relay_full: CALLBACK_ANSWERS.full,
};

function isRelayError(error: unknown): error is DomainError<RelayErrorCode> {
  return isDomainError(error) && Object.hasOwn(RELAY_ERROR_ANSWERS, error.code);
}

/** The word after `Bearer ` (RFC 6750, 2.1). */
export function bearerOf(request: FastifyRequest): string | undefined {
  return /^Bearer +([\w.~+/=-]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1];
}

/** Whether `Prefer` (RFC 7240) names `respond-async`. */
function prefersAsync(header: string | string[] | undefined): boolean {
  const preferences = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',');
  return preferences.some((preference) => preference.split(';')[0]?.trim().toLowerCase() === 'respond-async');
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

import { randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { EVERY_GRANT, type App, type Apps } from '../../apps/index.ts';
import { RETRY_AFTER_SECONDS } from '../../http/rate-limit.ts';
import { statusOf } from '../../http/server.ts';
import type { Clock } from '../../platform/clock.ts';
import { DomainError } from '../../platform/errors.ts';
import { createAuthenticator, type Arrival, type Authenticator, type Caller } from './authenticate.ts';
import { BODY_BYTES_MAX, failureText, readJsonBody, refusalText, successText } from './envelope.ts';
import { ANSWERS, domainRefusal, FORM, internalFault, TsignRefusal, type Refusal } from './errors.ts';
import { AuthenticationFailure, FAILURES } from './failures.ts';
import { limitRequests, type AddressGate, type TsignLimits } from './limits.ts';
import { oauthRoutes } from './oauth.ts';
import type { TsignRoute } from './route.ts';
import { firstValues, parseParameters } from './signature.ts';

/** What an app's grants must hold, unless they are every one: the calls of this API have no api codes of their own. */
const GRANT = 'tsign';
const PREFIXES = ['/v1', '/v2', '/v3'];
const EVERY_METHOD = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const OAUTH_BODY_BYTES_MAX = 16 * 1024;
const UNDOCUMENTED: FastifySchema & { hide: true } = { hide: true };

export interface TsignDependencies {
  readonly apps: Pick<Apps, 'find' | 'secretOf' | 'ipAllowed' | 'tokenHolds' | 'issueToken' | 'renewToken'>;
  readonly clock: Clock;
  readonly routes: readonly TsignRoute[];
  readonly limits: TsignLimits;
}

/**
 * The e签宝 open API under /v1, /v2 and /v3 (contracts/tsign-auth.md): who calls is proved first, whatever the path;
 * then a route is answered in the envelope. A path that nobody serves is HTTP 404 with the code 404 in the envelope for
 * whoever has proved who he is, and 401 for everybody else.
 */
export function registerTsignRoutes(server: FastifyInstance, dependencies: TsignDependencies): void {
  const { authenticator, gate } = limitRequests(createAuthenticator(dependencies), dependencies);
  registerCalls(server, { authenticator, routes: dependencies.routes });
  registerOAuth(server, dependencies.apps, gate);
}

/** The calls behind an authenticator. Apart from it, so that what the authentication costs can be measured. */
export function registerCalls(
  server: FastifyInstance,
  { authenticator, routes }: { authenticator: Authenticator; routes: readonly TsignRoute[] },
): void {
  void server.register(async (scope) => {
    const arrivals = new WeakMap<FastifyRequest, Arrival>();
    const callers = new WeakMap<FastifyRequest, Caller>();
    prepare(scope);
    scope.addHook('onRequest', async (request) => {
      const { method, headers } = request.raw;
      // The address as it was signed, which is not always the one that is routed.
      const head = { method: method ?? '', url: request.originalUrl, ip: request.ip, headers };
      arrivals.set(request, await authenticator.arrive(head));
      // It is signed text and nothing else: the framework would refuse one that is not well-formed.
      delete request.raw.headers['content-type'];
    });
    scope.addHook('preHandler', async (request) => {
      const arrival = arrivals.get(request);
      if (arrival === undefined) throw new Error('a request came past its authentication');
      callers.set(request, await authenticator.prove(arrival, bytesOf(request)));
    });
    const callerOf = (request: FastifyRequest): Caller => {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a request came past its authentication');
      return caller;
    };

    for (const route of routes) {
      scope.route({
        method: route.method,
        url: route.path,
        exposeHeadRoute: false,
        bodyLimit: BODY_BYTES_MAX,
        schema: { tags: ['tsign'], ...(route.summary !== undefined && { summary: route.summary }) },
        handler: async (request, reply) => answerCall(route, request, reply, callerOf(request)),
      });
    }
    for (const prefix of PREFIXES) {
      scope.route({
        method: EVERY_METHOD,
        url: `${prefix}/*`,
        bodyLimit: BODY_BYTES_MAX,
        schema: UNDOCUMENTED,
        handler: async (request, reply) => {
          callerOf(request);
          return send(reply, 404, refusalText(ANSWERS.noRoute(request.method, pathOf(request))));
        },
      });
    }
  });
}

function registerOAuth(server: FastifyInstance, apps: TsignDependencies['apps'], gate: AddressGate): void {
  void server.register(async (scope) => {
    prepare(scope);
    scope.addHook('onRequest', async (request) => {
      gate(request.ip);
      delete request.raw.headers['content-type'];
    });
    for (const route of oauthRoutes({ apps })) {
      scope.route({
        method: ['GET', 'POST'],
        url: route.path,
        exposeHeadRoute: false,
        bodyLimit: OAUTH_BODY_BYTES_MAX,
        schema: { tags: ['tsign'], summary: route.summary },
        handler: async (request, reply) => {
          const query = Object.fromEntries(firstValues(parseParameters(queryOf(request))));
          const data = await route.answer({ ...query, ...readJsonBody(bytesOf(request)) }, request.ip);
          request.log.info({ route: route.path, code: 0 }, 'tsign');
          return send(reply, 200, successText(data));
        },
      });
    }
  });
}

/** Schemas are for readers, and every answer is a text of the contract, errors among them. */
function prepare(scope: FastifyInstance): void {
  scope.setValidatorCompiler(() => () => true);
  scope.setSerializerCompiler(() => (text) => String(text));
  scope.setErrorHandler(async (error, request, reply) => answerError(error, request, reply));
}

async function answerCall(
  route: TsignRoute,
  request: FastifyRequest,
  reply: FastifyReply,
  { app, query, form }: Caller,
): Promise<FastifyReply> {
  if (!isGranted(app)) throw new TsignRefusal(ANSWERS.notGranted);
  const params = request.params as Record<string, string>;
  const body = form ?? readJsonBody(bytesOf(request));
  const data = await route.handle({ appId: app.appId, params, query, body });
  request.log.info({ appId: app.appId, route: route.path, code: 0 }, 'tsign');
  return send(reply, 200, successText(data));
}

function isGranted({ grants }: App): boolean {
  return grants.includes(EVERY_GRANT) || grants.includes(GRANT);
}

function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof AuthenticationFailure) {
    const { failure } = error;
    request.log.info({ path: pathOf(request), message: failure.message }, 'tsign refused');
    if (failure === FAILURES.tooFast) void reply.header('retry-after', RETRY_AFTER_SECONDS);
    return send(reply, failure.code, failureText(failure));
  }
  const refusal = refusalOf(error);
  if (refusal !== undefined) {
    request.log.info({ path: pathOf(request), code: refusal.code, message: refusal.message }, 'tsign refused');
    return send(reply, 200, refusalText(refusal));
  }
  const id = randomUUID();
  request.log.error({ err: error, requestId: id, path: pathOf(request) }, 'tsign failed');
  return send(reply, 200, refusalText(internalFault(id)));
}

/** Undefined for a fault of ours. */
function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof TsignRefusal) return error.refusal;
  if (error instanceof DomainError) return domainRefusal(error);
  const status = statusOf(error);
  if (status === 413) return FORM.tooLarge;
  // Below 500 the client is at fault, most often by hanging up before its body was through.
  return status < 500 ? FORM.notJson : undefined;
}

function send(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('application/json; charset=utf-8').send(text);
}

const NO_BYTES = new Uint8Array();

function bytesOf(request: FastifyRequest): Uint8Array {
  return request.body instanceof Uint8Array ? request.body : NO_BYTES;
}

/** The path alone: a query may carry the secret. */
function pathOf(request: FastifyRequest): string {
  return request.originalUrl.split('?', 1)[0] ?? '';
}

function queryOf(request: FastifyRequest): string {
  const at = request.url.indexOf('?');
  return at < 0 ? '' : request.url.slice(at + 1);
}

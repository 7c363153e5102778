import { maxHeaderSize } from 'node:http';
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Logger } from '../platform/log.ts';
import { boundArrival } from './body-arrival.ts';
import { BodyBudget } from './body-budget.ts';
import { LINGER_LIMITS, readOutTooLargeBodies, type LingerLimits } from './lingering-read.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route reads its body as it comes and holds none of it in memory: it takes no part in the budget of bodies. */
    streamsBody?: boolean;
    /**
     * Where bodies under way fill the memory, this route's callers are told so, by an error with status 503: nobody else
     * is cut off for them but who is slow.
     */
    refusesWhenFull?: boolean;
  }
}

export interface HttpServerOptions {
  log: Logger;
  /** Addresses or CIDRs of proxies whose X-Forwarded-For names the client. */
  trustedProxies: readonly string[];
  /** What the bodies of all requests under way may hold of memory. */
  arrivingBytesMax?: number;
  /** How long a request's body may take to arrive, unless its route says otherwise. */
  bodyArrivalMsMax?: number;
  /** How much more of a body that is too large is read before that is answered. */
  linger?: LingerLimits;
  /** How long `close` lets requests under way go on. */
  drainMs?: number;
}

/** A request's body at most, unless a route says otherwise. */
const BODY_BYTES_MAX = 2 * 1024 * 1024;
const ARRIVING_BYTES_MAX = 256 * 1024 * 1024;
/** The head of a request must have arrived by then, and as long after it its body: a client that drips its bytes is let go. */
const ARRIVAL_MS = 30_000;
const KEEP_ALIVE_MS = 72_000;
/** Longer than any answer takes to be made: a callback waits 5 s for its destination, long polls end at once. */
const DRAIN_MS = 10_000;
/** No route has a pattern that a long text could keep busy, so the router stops none: its dialect answers in its own form. */
const PATH_PARAMETER_LENGTH_MAX = maxHeaderSize;
/** On every answer that does not say otherwise. */
const ANSWER_HEADERS = { 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };

/**
 * The HTTP server that every dialect registers its routes on. A body arrives as the raw bytes (`request.body` is a
 * Buffer, empty where none came): dialects sign and forward source text, so nobody may parse it before them.
 * Answers no stack and no cause; those go to the log.
 */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  // Named so that the server's type carries the base logger: routes of other files take no other.
  const loggerInstance: FastifyBaseLogger = options.log;
  const server = Fastify({
    loggerInstance,
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: options.trustedProxies.length > 0 ? [...options.trustedProxies] : false,
    bodyLimit: BODY_BYTES_MAX,
    // Node's own limit of the whole request is one for all routes; `boundArrival` takes its place.
    requestTimeout: 0,
    http: { headersTimeout: ARRIVAL_MS },
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    // A field that a schema does not know is refused and not taken away: it is a misspelt one as a rule.
    ajv: { customOptions: { removeAdditional: false, allowUnionTypes: true } },
    routerOptions: { maxParamLength: PATH_PARAMETER_LENGTH_MAX },
    rewriteUrl: ({ url = '/' }) => routableUrl(url),
    // What the router itself refuses: no route is reached and no hook runs.
    frameworkErrors: (error, _request, reply) => {
      const status = statusOf(error);
      const text = JSON.stringify({ error: 'bad_request', message: publicMessage(status) });
      reply.raw.writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...ANSWER_HEADERS }).end(text);
    },
  });
  const bodies = new BodyBudget(options.arrivingBytesMax ?? ARRIVING_BYTES_MAX);
  server.addHook('onRequest', async (request) => {
    const { config, bodyLimit } = request.routeOptions;
    if (config.streamsBody === true) return;
    const cutOff =
      config.refusesWhenFull === true
        ? bodies.admitBesideOthers(request.raw, bodyLimit)
        : bodies.admit(request.raw, bodyLimit);
    if (cutOff === null) throw Object.assign(new Error('too many bodies are arriving'), { statusCode: 503 });
    if (cutOff > 0)
      request.log.warn({ cutOff }, 'bodies that were arriving for the longest were cut off: too many at once');
  });
  boundArrival(server, options.bodyArrivalMsMax ?? ARRIVAL_MS);
  readOutTooLargeBodies(server, options.linger ?? LINGER_LIMITS);
  boundDraining(server, options.drainMs ?? DRAIN_MS);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  server.addHook('onSend', async (_request, reply) => {
    for (const [name, value] of Object.entries(ANSWER_HEADERS)) {
      if (!reply.hasHeader(name)) void reply.header(name, value);
    }
  });
  server.setNotFoundHandler(async (request, reply) =>
    reply.code(404).send({ error: 'not_found', message: `no route ${request.method} ${pathOf(request.originalUrl)}` }),
  );
  server.setErrorHandler(async (error, request, reply) => {
    const status = statusOf(error);
    const bytesMax = request.routeOptions.bodyLimit;
    if (status < 500)
      return reply.code(status).send({ error: 'bad_request', message: publicMessage(status, bytesMax) });
    request.log.error({ err: error, method: request.method, path: pathOf(request.originalUrl) }, 'request failed');
    return reply.code(500).send({ error: 'internal', message: 'the service failed; its log says why' });
  });
  return server;
}

/**
 * Closes what is still open when `close` has waited long enough. Node stops its own checks of slow requests as soon as the
 * server closes, so a client that never ends its request, or never begins one, would keep the process from ending.
 */
function boundDraining(server: FastifyInstance, drainMs: number): void {
  let timer: NodeJS.Timeout | undefined;
  // Node closes the connections that are idle at the moment of closing: those that are not then close with their answer.
  server.addHook('onSend', async (_request, reply) => {
    if (timer !== undefined) void reply.header('connection', 'close');
  });
  server.addHook('preClose', async () => {
    timer = setTimeout(() => server.server.closeAllConnections(), drainMs);
  });
  server.addHook('onClose', async () => clearTimeout(timer));
}

/**
 * An `onRequest` hook for routes that do not look at the content type: where one is sent that is not well-formed (`text`,
 * an empty one, one in quotation marks), the framework would refuse the request before the route sees it.
 */
export async function disregardContentType(request: FastifyRequest): Promise<void> {
  delete request.raw.headers['content-type'];
}

/**
 * The address that is routed. A path with escapes that are no UTF-8 (`%ff`) stands for its own text: whoever is asked for
 * it, its dialect authenticates and answers as everywhere, where the router would refuse it before both.
 */
export function routableUrl(url: string): string {
  const end = url.indexOf('?');
  const path = end < 0 ? url : url.slice(0, end);
  if (!path.includes('%')) return url;
  try {
    decodeURIComponent(path);
    return url;
  } catch {
    return path.replaceAll('%', '%25') + url.slice(path.length);
  }
}

/** The path alone: a query may carry a token. */
function pathOf(url: string): string {
  return url.split('?', 1)[0] ?? url;
}

/** The HTTP status that an error of the framework asks for; 500 where it asks for none. */
export function statusOf(error: unknown): number {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined;
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500;
}

function publicMessage(status: number, bytesMax = BODY_BYTES_MAX): string {
  if (status === 413) return `the body is larger than ${bytesMax} bytes`;
  return 'the request is not understood';
}

import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifySchema } from 'fastify';
import { createRateLimiter } from '../../../http/rate-limit.ts';
import { disregardContentType, statusOf } from '../../../http/server.ts';
import type { Clock } from '../../../platform/clock.ts';
import { DomainError } from '../../../platform/errors.ts';
import { ANSWERS, FORM, GatewayRefusal, answerText, domainAnswer } from './answers.ts';
import type { Answer, Dialect } from './answers.ts';
import type { Capabilities } from './api.ts';
import { checkRequest } from './checks.ts';
import type { CheckDependencies } from './checks.ts';
import { BODY_BYTES_MAX, openBody } from './envelope.ts';
import { documentation } from './openapi.ts';

const PATH = '/api/gateway';
/** Keeps a route out of openapi.json. */
const UNDOCUMENTED: FastifySchema & { hide: true } = { hide: true };

export interface GatewayDependencies extends Capabilities {
  readonly clock: Clock;
}

interface Arrival {
  readonly requestId: string;
  readonly ip: string;
  readonly body: Uint8Array;
  readonly log: FastifyBaseLogger;
}

/**
 * `POST /api/gateway`, both dialects (contracts/etc-gateway.md). Every answer is HTTP 200 with the contract's code,
 * whatever was sent: clients of this contract read `code`. The content type is not looked at, the body must be JSON.
 */
export function registerGatewayRoutes(server: FastifyInstance, dependencies: GatewayDependencies): void {
  const checks: CheckDependencies = { ...dependencies, rateLimiter: createRateLimiter() };

  server.post(PATH, {
    bodyLimit: BODY_BYTES_MAX,
    onRequest: disregardContentType,
    schema: documentation,
    // The schema is for readers: the body is signed text and is read as such below, the answer is written as text.
    validatorCompiler: () => () => true,
    serializerCompiler: () => (text) => String(text),
    errorHandler: (error, request, reply) => {
      const status = statusOf(error);
      // Below 500 the client is at fault, most often by hanging up before its body was through.
      if (status >= 500) request.log.error({ err: error }, 'gateway request failed');
      const answers: Readonly<Record<number, Answer>> = { 400: FORM.notJson, 413: FORM.tooLarge };
      void sendUnread(reply, answers[status] ?? ANSWERS.internal);
    },
    handler: async (request, reply) => {
      const body = request.body instanceof Uint8Array ? request.body : new Uint8Array();
      const arrival = { requestId: randomUUID(), ip: request.ip, body, log: request.log };
      return send(reply, await answerTo(arrival, dependencies, checks));
    },
  });

  server.route({
    method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: PATH,
    schema: UNDOCUMENTED,
    handler: async (_request, reply) => sendUnread(reply, FORM.notPost),
  });
}

function send(reply: FastifyReply, text: string): FastifyReply {
  return reply.code(200).type('application/json; charset=utf-8').send(text);
}

/** An answer to what nobody read: in the older dialect, which is seed 002's. */
function sendUnread(reply: FastifyReply, answer: Answer): FastifyReply {
  return send(reply, answerText('older', randomUUID(), answer, null));
}

async function answerTo(
  arrival: Arrival,
  dependencies: GatewayDependencies,
  checks: CheckDependencies,
): Promise<string> {
  let dialect: Dialect = 'older';
  try {
    const opened = openBody(arrival.body);
    dialect = opened.dialect;
    const envelope = opened.read();
    const { app, api } = await checkRequest(checks, envelope, arrival.ip);
    const actor = `app:${app.appId}`;
    if (envelope.hasUnsignedParams) {
      await dependencies.apps.noteUnsignedParams({
        appId: app.appId,
        apiCode: api.apiCode,
        requestId: arrival.requestId,
      });
    }
    const data = await api.call({ ...dependencies, app, actor }, envelope.params);
    arrival.log.info({ requestId: arrival.requestId, appId: app.appId, apiCode: api.apiCode, code: '000' }, 'gateway');
    return answerText(dialect, arrival.requestId, ANSWERS.success, data);
  } catch (error) {
    const answer = answerFor(error);
    if (answer === ANSWERS.internal) arrival.log.error({ requestId: arrival.requestId, err: error }, 'gateway failed');
    else arrival.log.info({ requestId: arrival.requestId, code: answer.code, msg: answer.msg }, 'gateway refused');
    return answerText(dialect, arrival.requestId, answer, null);
  }
}

function answerFor(error: unknown): Answer {
  if (error instanceof GatewayRefusal) return error.answer;
  if (error instanceof DomainError) return domainAnswer(error) ?? ANSWERS.internal;
  return ANSWERS.internal;
}

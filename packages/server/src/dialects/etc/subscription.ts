import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, FastifySchema } from 'fastify';
import { disregardContentType, statusOf } from '../../http/server.ts';
import { isDomainError, type DomainError } from '../../platform/errors.ts';
import type { SubscriptionErrorCode, Subscriptions } from '../../subscriptions/index.ts';
import { CALLBACK_ANSWERS, type CallbackAnswer } from './callback-answer.ts';
import {
  BODY_INCOMPLETE,
  BODY_TOO_LARGE,
  CALLBACK_LIMITS,
  CallbackFormError,
  parseIdempotencyKey,
} from './callback-request.ts';
import { bearerOf, DECISION_ANSWERS, describedBy, type CallbackDependencies } from './callback-exchange.ts';
import { SUBSCRIPTION_ERROR_ANSWERS, succeeded } from './subscription-answer.ts';
import { publishDocumentation, subscriptionDocumentation, unsubscribeDocumentation } from './subscription-openapi.ts';
import { parsePublishRequest, parseSubscriptionRequest, parseUnsubscribeRequest } from './subscription-request.ts';

export interface SubscriptionDependencies {
  readonly subscriptions: Pick<Subscriptions, 'subscribe' | 'unsubscribe' | 'publish'>;
  /** Whether a caller may speak for an application: the same door as `POST /api/callback`. */
  readonly callers: CallbackDependencies['callers'];
}

/** `POST /api/subscription`, `POST /api/unsubscribe` and `POST /api/publish`; docs/subscriptions.md names the choices. */
export function registerSubscriptionRoutes(server: FastifyInstance, dependencies: SubscriptionDependencies): void {
  const { subscriptions } = dependencies;

  /** Reads the body, lets the caller in, does it: in this order, so that a refused form tells nothing of the app. */
  function route<Form extends { readonly appId: string }>(
    path: string,
    schema: FastifySchema,
    parse: (body: Buffer, request: FastifyRequest) => Form,
    run: (form: Form) => Promise<string>,
  ): void {
    server.post(path, { ...describedBy(schema), ...ROUTE_OPTIONS }, (request, reply) =>
      answered(request, reply, async () => {
        const form = parse(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0), request);
        const caller = { appId: form.appId, ip: request.ip, bearer: bearerOf(request) };
        const decision = await dependencies.callers.authorize(caller);
        return decision === 'ok' ? succeeded(await run(form)) : DECISION_ANSWERS[decision];
      }),
    );
  }

  route('/api/subscription', subscriptionDocumentation, parseSubscriptionRequest, async (form) => {
    const { subscriptionId } = await subscriptions.subscribe(form);
    return subscriptionId;
  });

  route('/api/unsubscribe', unsubscribeDocumentation, parseUnsubscribeRequest, async (form) => {
    const { subscriptionId } = await subscriptions.unsubscribe(form);
    return subscriptionId;
  });

  const parsePublish = (body: Buffer, request: FastifyRequest) => {
    const event = parsePublishRequest(body);
    const idempotencyKey = parseIdempotencyKey(request.headers['idempotency-key']);
    return { ...event, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
  };
  route('/api/publish', publishDocumentation, parsePublish, async (event) => {
    const { eventId } = await subscriptions.publish(event);
    return eventId;
  });
}

const ROUTE_OPTIONS = {
  bodyLimit: CALLBACK_LIMITS.bodyBytesMax,
  onRequest: disregardContentType,
  // HTTP status 200 for a body, too, that the server does not read.
  errorHandler: (error: FastifyError, request: FastifyRequest, reply: FastifyReply): void => {
    const status = statusOf(error);
    if (status >= 500) request.log.error({ err: error }, 'a subscription request failed');
    const answers: Readonly<Record<number, CallbackAnswer>> = {
      400: { code: '400', msg: BODY_INCOMPLETE },
      413: { code: '400', msg: BODY_TOO_LARGE },
    };
    void reply.code(200).send(answers[status] ?? CALLBACK_ANSWERS.fault);
  },
};

/** Turns what a route throws into the dialect's answer; an internal fault is told to the log alone. */
async function answered(
  request: FastifyRequest,
  reply: FastifyReply,
  run: () => Promise<CallbackAnswer>,
): Promise<CallbackAnswer> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof CallbackFormError) return { code: '400', msg: error.message };
    if (isSubscriptionError(error)) {
      const { retryAfterSeconds } = error.params;
      if (retryAfterSeconds !== undefined) void reply.header('retry-after', retryAfterSeconds);
      return SUBSCRIPTION_ERROR_ANSWERS[error.code];
    }
    request.log.error({ err: error }, 'a subscription request failed');
    return CALLBACK_ANSWERS.fault;
  }
}

function isSubscriptionError(error: unknown): error is DomainError<SubscriptionErrorCode> {
  return isDomainError(error) && Object.hasOwn(SUBSCRIPTION_ERROR_ANSWERS, error.code);
}

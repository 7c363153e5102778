import type { FastifyReply, FastifyRequest, FastifySchema, RouteShorthandOptions } from 'fastify';
import { statusOf } from '../../http/server.ts';
import { isDomainError, type DomainError } from '../../platform/errors.ts';
import type { AcceptedMessage, Relay, RelayErrorCode } from '../../relay/index.ts';
import { acceptAnswer, CALLBACK_ANSWERS, type CallbackAnswer } from './callback-answer.ts';
import { FULL_RETRY_AFTER_SECONDS, type ArrivedBytes } from './callback-arrived.ts';
import { BODY_INCOMPLETE, CallbackFormError, type CallbackRequest } from './callback-request.ts';

/** What the routes of the callback gateway have in common: who calls, what the headers ask for, how it is answered. */

export interface CallbackDependencies {
  readonly relay: Pick<Relay, 'accept' | 'assertRoom' | 'outcome'>;
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

/** What the routes that accept messages share. */
export interface AcceptingRoute {
  readonly relay: CallbackDependencies['relay'];
  readonly callers: CallbackDependencies['callers'];
  readonly arrived: ArrivedBytes;
  /** Aborted when the service shuts down: nobody is to wait any longer. */
  readonly closing: AbortSignal;
}

/** The longest wait that a caller may ask for. */
export const WAIT_SECONDS_MAX = 30;

/**
 * The schema is for readers: what came is read as source text, faults are answered in the contract's own words, and the
 * keys of an answer stand in the contract's order (a serializer made from the schema puts the optional ones last).
 */
export function describedBy(schema: FastifySchema): RouteShorthandOptions {
  return { schema, validatorCompiler: () => () => true, serializerCompiler: () => (answer) => JSON.stringify(answer) };
}

export const DECISION_ANSWERS = {
  unknown_app: CALLBACK_ANSWERS.unknownApp,
  forbidden: CALLBACK_ANSWERS.forbidden,
  disabled: CALLBACK_ANSWERS.disabled,
} as const;

/** The word after `Bearer ` (RFC 6750, 2.1). */
export function bearerOf(request: FastifyRequest): string | undefined {
  return /^Bearer +([\w.~+/=-]{1,512})$/i.exec(request.headers.authorization ?? '')?.[1];
}

/** The bytes of the body, which the request holds no longer: they are to go when the message has been read from them. */
export function takeBody(request: FastifyRequest): Buffer {
  const { body } = request;
  request.body = undefined;
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

/** What the headers of a request say of its message, or of each of its messages. */
export type Wishes = Pick<AcceptedMessage, 'respondAsync' | 'answerWaitMs' | 'header' | 'traceParent'> & {
  /** How long to wait for the delivery to end, where the caller says so. */
  readonly waitMs: number | null;
};

export function wishesOf(request: FastifyRequest): Wishes {
  const { respondAsync, waitSeconds } = preferencesOf(headerText(request.headers['prefer']) ?? '');
  const traceParent = headerText(request.headers['traceparent']);
  return {
    respondAsync: respondAsync || waitSeconds === 0,
    waitMs: waitSeconds === null ? null : waitSeconds * 1_000,
    header: (name) => headerText(request.headers[name]),
    ...(traceParent !== undefined && TRACE_PARENT.test(traceParent) ? { traceParent } : {}),
  };
}

/** W3C Trace Context, version 00: what is not one is left behind. */
const TRACE_PARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/**
 * `respond-async` and `wait` of a `Prefer` header (RFC 7240, 4.1 and 4.3). A preference that is not understood is as good
 * as absent (2), and the first of two counts.
 */
export function preferencesOf(header: string): { respondAsync: boolean; waitSeconds: number | null } {
  let respondAsync = false;
  let waitSeconds: number | null = null;
  for (const preference of header.split(',')) {
    const [, name = '', value] = /^\s*([\w-]+)\s*(?:=\s*"?(\d{1,9})"?\s*)?(?:;|$)/.exec(preference) ?? [];
    if (name.toLowerCase() === 'respond-async') respondAsync = true;
    if (name.toLowerCase() === 'wait' && value !== undefined) {
      waitSeconds ??= Math.min(Number(value), WAIT_SECONDS_MAX);
    }
  }
  return { respondAsync, waitSeconds };
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

/**
 * Hands a message over and answers what came of it: of the first attempt, or, where the caller says how long to wait, of
 * the delivery. Rejects as `Relay.accept` does.
 */
export function handOver(
  { relay, closing }: AcceptingRoute,
  message: CallbackRequest & { readonly idempotencyKey?: string },
  { waitMs, ...wishes }: Wishes,
): Promise<CallbackAnswer> {
  const answerBy = performance.now() + (waitMs ?? 0);
  const accepted = relay.accept({ ...message, ...wishes, ...(waitMs === null ? {} : { answerWaitMs: waitMs }) });
  // No async function: while the answer is waited for, nothing here is to hold the message.
  return accepted.then(async (result) => {
    const leftMs = answerBy - performance.now();
    if (result.outcome !== 'retrying' || wishes.respondAsync === true || leftMs <= 0) return acceptAnswer(result);
    // The message is durable: whatever becomes of the waiting, the answer is no fault.
    const waiting = relay.outcome(result.requestId, leftMs).catch(() => null);
    const state = (await untilAborted(waiting, closing))?.state;
    return acceptAnswer(state === 'delivered' || state === 'failed' ? { ...result, outcome: state } : result);
  });
}

/** What `work` comes to, or null as soon as the signal is aborted. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | null> {
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

export interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** The contract's answers have HTTP status 200, that to a body which the server does not read among them. */
export function answerUnread({ request, reply }: Exchange, error: unknown, tooLarge: string): void {
  const answers: Readonly<Record<number, CallbackAnswer>> = {
    400: { code: '400', msg: BODY_INCOMPLETE },
    413: { code: '400', msg: tooLarge },
    503: CALLBACK_ANSWERS.full,
  };
  const status = statusOf(error);
  const answer = answers[status];
  if (answer === undefined && status >= 500) request.log.error({ err: error }, 'a callback request failed');
  if (status === 503) void reply.header('retry-after', FULL_RETRY_AFTER_SECONDS);
  void reply.code(200).send(answer ?? CALLBACK_ANSWERS.fault);
}

/** Turns what a route throws into the contract's answer; an internal fault is told to the log alone. */
export async function answered<Answer>(
  { request, reply }: Exchange,
  run: () => Promise<Answer>,
): Promise<Answer | CallbackAnswer> {
  try {
    return await run();
  } catch (error) {
    const retryAfter = retryAfterOf(error);
    if (retryAfter !== undefined) void reply.header('retry-after', retryAfter);
    const answer = answerToError(error);
    if (answer === null) request.log.error({ err: error }, 'a callback request failed');
    return answer ?? CALLBACK_ANSWERS.fault;
  }
}

/** The contract's answer to an error that is the caller's, or the node's being full; null: our own fault. */
export function answerToError(error: unknown): CallbackAnswer | null {
  if (error instanceof CallbackFormError) return { code: '400', msg: error.message };
  return isRelayError(error) ? RELAY_ERROR_ANSWERS[error.code] : null;
}

/** When to come again, in seconds, where the node was full. */
export function retryAfterOf(error: unknown): string | undefined {
  return isDomainError(error, 'relay_full') ? error.params['retryAfterSeconds'] : undefined;
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
  delivery_record_changed: null,
  delivery_superseded: null,
  relay_full: CALLBACK_ANSWERS.full,
};

function isRelayError(error: unknown): error is DomainError<RelayErrorCode> {
  return isDomainError(error) && Object.hasOwn(RELAY_ERROR_ANSWERS, error.code);
}

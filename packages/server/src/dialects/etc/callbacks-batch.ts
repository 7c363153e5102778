import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { disregardContentType } from '../../http/server.ts';
import { CALLBACK_ANSWERS, type CallbackAnswer } from './callback-answer.ts';
import {
  answered,
  answerUnread,
  answerToError,
  bearerOf,
  DECISION_ANSWERS,
  describedBy,
  handOver,
  retryAfterOf,
  takeBody,
  wishesOf,
  type AcceptingRoute,
} from './callback-exchange.ts';
import { batchDocumentation } from './callback-openapi.ts';
import {
  CallbackFormError,
  callbackRequestOf,
  idempotencyKeyOf,
  readMembers,
  type CallbackRequest,
} from './callback-request.ts';
import { BATCH_LIMITS, BATCH_TOO_LARGE, splitBatch, type BatchEntry, type BatchForm } from './callbacks-batch-body.ts';

/** What became of one message of a batch. */
interface BatchResult extends CallbackAnswer {
  readonly line: number;
  /** With 500 where the node was full: nothing of this message was stored. */
  readonly retry_after_seconds?: number;
}

interface Batch {
  readonly form: BatchForm;
  /** In the order of the messages. None of them rejects. */
  readonly results: readonly Promise<BatchResult>[];
}

const NDJSON = 'application/x-ndjson';

/** `POST /api/callbacks`: many messages, each accepted or refused for itself, as `POST /api/callback` would. */
export function registerBatchRoute(server: FastifyInstance, route: AcceptingRoute): void {
  server.post(
    '/api/callbacks',
    {
      ...describedBy(batchDocumentation),
      bodyLimit: BATCH_LIMITS.bodyBytesMax,
      onRequest: onlyNdjson,
      config: { refusesWhenFull: true },
      errorHandler: (error, request, reply) => answerUnread({ request, reply }, error, BATCH_TOO_LARGE),
    },
    (request, reply) =>
      answered({ request, reply }, () => handOverAll(route, request).then((batch) => answerBatch(reply, batch))),
  );
}

/** NDJSON is the one content type that says something here. */
async function onlyNdjson(request: FastifyRequest): Promise<void> {
  const type = request.headers['content-type'] ?? '';
  await disregardContentType(request);
  if (/^\s*application\/(?:x-)?(?:ndjson|jsonl|jsonlines)\s*(?:;|$)/i.test(type)) {
    request.raw.headers['content-type'] = NDJSON;
  }
}

/** Nothing is handed over before the whole batch has been read and its callers are known. */
function handOverAll(route: AcceptingRoute, request: FastifyRequest): Promise<Batch> {
  const body = takeBody(request);
  return route.arrived.during(body.byteLength, async () => {
    if (request.headers['idempotency-key'] !== undefined) throw new CallbackFormError(KEY_PER_MESSAGE);
    route.relay.assertRoom(body.byteLength);
    const { form, entries } = splitBatch(body, request.headers['content-type'] === NDJSON);
    const parsed = await parseEntries(entries);
    const decide = await decisions(route, request, parsed);
    const wishes = wishesOf(request);
    const keyed = new KeyedMessages();
    // All in one go: messages under one ordering key are written in the order of their lines.
    const results = parsed.map((entry) => {
      const { line, message } = entry;
      if (message === null) return Promise.resolve(resultOf(line, entry.refusal));
      const refused = decide(message.appId);
      if (refused !== null) return Promise.resolve(resultOf(line, refused));
      const answer = keyed.once(message, () => handOver(route, message, wishes));
      return resultOnceKnown(line, answer, request);
    });
    return { form, results };
  });
}

const KEY_PER_MESSAGE = '请求头Idempotency-Key只适用于单条消息，请使用每条消息的idempotency_key';

/** Messages of one batch under one idempotency key are one message, and the first of them says which. */
class KeyedMessages {
  readonly #known = new Map<string, { readonly message: BatchMessage; readonly answer: Promise<CallbackAnswer> }>();

  once(message: BatchMessage, handOver: () => Promise<CallbackAnswer>): Promise<CallbackAnswer> {
    if (message.idempotencyKey === undefined) return handOver();
    const name = `${message.appId} ${message.idempotencyKey}`;
    const known = this.#known.get(name);
    if (known === undefined) {
      const answer = handOver();
      this.#known.set(name, { message, answer });
      return answer;
    }
    if (isDeepStrictEqual(known.message, message)) return known.answer;
    return Promise.resolve(CALLBACK_ANSWERS.idempotencyConflict);
  }
}

type BatchMessage = CallbackRequest & { readonly idempotencyKey?: string };
type ParsedEntry = { readonly line: number } & (
  | { readonly message: BatchMessage; readonly refusal: null }
  | { readonly message: null; readonly refusal: CallbackAnswer }
);

/** Others have their turn in between: eight megabytes are a tenth of a second. */
async function parseEntries(entries: readonly BatchEntry[]): Promise<ParsedEntry[]> {
  const parsed: ParsedEntry[] = [];
  let charactersOfTurn = 0;
  for (const entry of entries) {
    charactersOfTurn += entry.source.length;
    if (charactersOfTurn > CHARACTERS_PER_TURN) {
      charactersOfTurn = 0;
      await setImmediate();
    }
    parsed.push(parseEntry(entry));
  }
  return parsed;
}

const CHARACTERS_PER_TURN = 262_144;

function parseEntry({ line, source }: BatchEntry): ParsedEntry {
  try {
    const members = readMembers(source);
    const idempotencyKey = idempotencyKeyOf(members);
    const message = callbackRequestOf(members);
    return { line, message: idempotencyKey === undefined ? message : { ...message, idempotencyKey }, refusal: null };
  } catch (error) {
    if (!(error instanceof CallbackFormError)) throw error;
    return { line, message: null, refusal: { code: '400', msg: error.message } };
  }
}

/** Asks once for each application whether the caller may speak for it; null: yes. */
async function decisions(
  { callers }: AcceptingRoute,
  request: FastifyRequest,
  parsed: readonly ParsedEntry[],
): Promise<(appId: string) => CallbackAnswer | null> {
  const appIds = [...new Set(parsed.flatMap(({ message }) => (message === null ? [] : [message.appId])))];
  if (appIds.length > BATCH_LIMITS.appsMax) {
    throw new CallbackFormError(`app_id过多，一批最多${BATCH_LIMITS.appsMax}个不同的app_id`);
  }
  const caller = { ip: request.ip, bearer: bearerOf(request) };
  const answers = new Map<string, CallbackAnswer | null>();
  for (const appId of appIds) {
    const decision = await callers.authorize({ appId, ...caller });
    answers.set(appId, decision === 'ok' ? null : DECISION_ANSWERS[decision]);
  }
  return (appId) => answers.get(appId) ?? null;
}

/** The contract's three keys in the contract's order, after the line. */
function resultOf(line: number, answer: CallbackAnswer): BatchResult {
  return { line, ...answer };
}

async function resultOnceKnown(
  line: number,
  handedOver: Promise<CallbackAnswer>,
  request: FastifyRequest,
): Promise<BatchResult> {
  try {
    return resultOf(line, await handedOver);
  } catch (error) {
    return faultyResult(line, error, request);
  }
}

function faultyResult(line: number, error: unknown, request: FastifyRequest): BatchResult {
  const answer = answerToError(error);
  if (answer === null) request.log.error({ err: error, line }, 'a message of a batch of callbacks failed');
  const retryAfter = retryAfterOf(error);
  return {
    ...resultOf(line, answer ?? CALLBACK_ANSWERS.fault),
    ...(retryAfter === undefined ? {} : { retry_after_seconds: Number(retryAfter) }),
  };
}

/** An array when all is known; NDJSON line by line, in order, each as soon as it and those before it are known. */
async function answerBatch(reply: FastifyReply, { form, results }: Batch): Promise<object> {
  if (form === 'ndjson') {
    void reply.type(`${NDJSON}; charset=utf-8`);
    return reply.send(Readable.from(linesOf(results), { objectMode: false }));
  }
  const known = await Promise.all(results);
  const retryAfter = Math.max(0, ...known.map((result) => result.retry_after_seconds ?? 0));
  if (retryAfter > 0) void reply.header('retry-after', retryAfter);
  return { code: '000', msg: '成功', results: known };
}

/** What is known at once goes out in one piece. */
async function* linesOf(results: readonly Promise<BatchResult>[]): AsyncGenerator<string> {
  const known: BatchResult[] = [];
  const note = async (result: Promise<BatchResult>, index: number): Promise<void> => {
    known[index] = await result;
  };
  for (const [index, result] of results.entries()) void note(result, index);
  let next = 0;
  while (next < results.length) {
    await results[next];
    let text = '';
    for (let result = known[next]; result !== undefined; result = known[next]) {
      text += `${JSON.stringify(result)}\n`;
      next += 1;
    }
    yield text;
  }
}

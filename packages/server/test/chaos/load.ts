import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from './random.ts';
import type { Address, World } from './world.ts';

/** How callers call. */
export interface LoadOptions {
  /** Begins the names of the round's messages. */
  readonly prefix: string;
  readonly callers: number;
  readonly messagesMax: number;
  /** A caller's pause between two messages at most. */
  readonly pauseMsMax: number;
  readonly random: Random;
  /** No message is begun once it is aborted; those under way are waited for. */
  readonly until: AbortSignal;
}

/** Longer than any answer takes: a caller that gives up knows nothing. */
const ANSWER_MS_MAX = 20_000;
const KEYED = 0.3;
const RESPOND_ASYNC = 0.1;
const KEYED_TRIES_MAX = 8;
const KEYED_RETRY_MS = 150;
const FILLER_MAX = 400;
const LARGE = 0.02;
const LARGE_FILLER = 60_000;

/** Sends messages until told to stop, and records what each caller was told. */
export async function runLoad(world: World, options: LoadOptions): Promise<void> {
  let sent = 0;
  const call = async (caller: string, random: Random): Promise<void> => {
    while (!options.until.aborted && sent < options.messagesMax) {
      sent += 1;
      await sendMessage(world, `${options.prefix}-${sent}`, caller, random);
      await wait(random.integer(0, options.pauseMsMax));
    }
  };
  const callers = Array.from({ length: options.callers }, (_, index) =>
    call(`${options.prefix}-caller-${index + 1}`, options.random.branch()),
  );
  await Promise.all(callers);
}

async function sendMessage(world: World, message: string, caller: string, random: Random): Promise<void> {
  const address = random.pick(world.addresses);
  const content = contentOf(message, caller, random);
  // Messages to different destinations have nothing to do with each other.
  const orderingKey = address.isOrdered ? `${address.destination.name}/${caller}` : null;
  const sent = world.recorder.send({ message, destination: address.destination.name, content, orderingKey });
  const isKeyed = random.chance(KEYED);
  const headers = {
    ...(isKeyed && { 'idempotency-key': message }),
    ...(random.chance(RESPOND_ASYNC) && { prefer: 'respond-async' }),
  };
  const body = bodyOf(world, address, content, random);
  const triesMax = isKeyed ? KEYED_TRIES_MAX : 1;
  for (let tries = 1; tries <= triesMax; tries += 1) {
    const node = world.anyNode(random);
    const url = node?.url ?? null;
    const calledAt = world.recorder.place();
    const { code = null, request_id: requestId = null } =
      url === null ? {} : ((await post(world, url, body, headers)) ?? {});
    sent.calls.push({ node: node?.name ?? 'none is up', code, requestId, calledAt, toldAt: world.recorder.place() });
    // One who was told nothing, or of a fault, asks again under the same key.
    if (code !== null && code !== '500') return;
    if (tries < triesMax || node === null) await wait(KEYED_RETRY_MS);
  }
}

/** Source text with what a careless reader of JSON would change. */
function contentOf(message: string, caller: string, random: Random): string {
  const filler = 'ü信\\u00e9 '.repeat(random.integer(0, random.chance(LARGE) ? LARGE_FILLER / 10 : FILLER_MAX / 10));
  return `{"message":"${message}","caller":"${caller}","n":9007199254740993,"x":1.10,"e":1e2,"x":2,"filler":"${filler}"}`;
}

function bodyOf(world: World, address: Address, content: string, random: Random): string {
  const fields = {
    ...address.fields,
    app_id: world.appId,
    message_type: random.pick(['', 'chaos', '测试']),
  };
  return `${JSON.stringify(fields).slice(0, -1)},"request_message":${content}}`;
}

/** The answer, or undefined where none came. */
async function post(
  world: World,
  url: string,
  body: string,
  headers: Record<string, string>,
): Promise<{ code?: string; request_id?: string } | undefined> {
  try {
    const answer = await fetch(`${url}/api/callback`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: world.authorization, ...headers },
      body,
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    return (await answer.json()) as { code?: string; request_id?: string };
  } catch {
    return undefined;
  }
}

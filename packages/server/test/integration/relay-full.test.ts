import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { registerCallbackRoutes } from '../../src/dialects/etc/callback.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createLog } from '../../src/platform/log.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver } from '../support/receiver.ts';
import {
  APP_ID,
  APP_SECRET,
  applications,
  eventually,
  startRelayService,
  type RelayServiceOptions,
} from '../support/relay-service.ts';

/** A node that can take no more says so at once, with code 500 and Retry-After, and has stored nothing. */
const database = await createTestDatabase();
const destination = await startReceiver(() => ACKNOWLEDGED);
afterAll(async () => {
  await destination.close();
  await database.drop();
});

const authorization = `Bearer ${APP_SECRET}-${APP_ID}`;
const FULL = { code: '500', msg: '服务繁忙，请稍后再试' };

async function withService(
  limits: NonNullable<RelayServiceOptions['limits']>,
  work: (service: Awaited<ReturnType<typeof startRelayService>>) => Promise<void>,
): Promise<void> {
  const service = await startRelayService({ database, limits });
  try {
    await work(service);
  } finally {
    await service.stop();
  }
}

/** No message is written until the returned function is called. */
async function holdWrites(): Promise<() => Promise<void>> {
  const released = Promise.withResolvers<void>();
  const locked = Promise.withResolvers<void>();
  const holding = database.db.transaction().execute(async (tx) => {
    await sql`lock table delivery, delivery_journal in share row exclusive mode`.execute(tx);
    locked.resolve();
    await released.promise;
  });
  await locked.promise;
  return async () => {
    released.resolve();
    await holding;
  };
}

/** Resolves when a statement of the relay waits for what `holdWrites` holds. */
const writeIsHeld = () =>
  eventually(async () => {
    const { rows } = await sql`
      select from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock' and query like '%into delivery%'
    `.execute(database.db);
    return rows.length > 0;
  });

const count = async (): Promise<number> => {
  const { rows } = await sql<{ count: number }>`select count(*)::integer as count from delivery`.execute(database.db);
  return rows[0]?.count ?? -1;
};

const messageOf = (change: object = {}) => ({
  app_id: APP_ID,
  callback_url: destination.url,
  message_type: 'T',
  request_message: { n: 1 },
  ...change,
});

interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: unknown;
}

async function post(url: string, body: unknown): Promise<Answer> {
  const answer = await fetch(url, { method: 'POST', headers: { authorization }, body: JSON.stringify(body) });
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.json() };
}

/** Sends so many and resolves as soon as so many of them are answered, with the answers that are there. */
async function postMany(
  total: number,
  answeredCount: number,
  send: () => Promise<Answer>,
): Promise<{ first: readonly Answer[]; all: Promise<readonly Answer[]> }> {
  const first: Answer[] = [];
  const enough = Promise.withResolvers<void>();
  const all = Promise.all(
    Array.from({ length: total }, async () => {
      const answer = await send();
      if (first.length < answeredCount) first.push(answer);
      if (first.length === answeredCount) enough.resolve();
      return answer;
    }),
  );
  await enough.promise;
  return { first: [...first], all };
}

const codesOf = (answers: readonly Answer[]) => answers.map(({ body }) => (body as { code: string }).code).sort();

describe('while the database does not take writes', () => {
  test('as many messages wait as may; all others are answered at once', async () => {
    await withService({ unwrittenMax: 3 }, async ({ url }) => {
      const before = await count();
      const release = await holdWrites();
      const { first, all } = await postMany(20, 17, () => post(`${url}/api/callback`, messageOf()));
      expect(first).toEqual(Array.from({ length: 17 }, () => ({ status: 200, retryAfter: '1', body: FULL })));
      await release();
      expect(codesOf(await all)).toEqual([...Array.from({ length: 3 }, () => '000'), ...first.map(() => '500')]);
      expect(await eventually(async () => (await count()) === before + 3)).toBe(true);
      // It takes messages again.
      expect((await post(`${url}/api/callback`, messageOf())).body).toMatchObject({ code: '000' });
    });
  });

  test('the bytes of what waits are bounded too', async () => {
    await withService({ unwrittenBytesMax: 250_000 }, async ({ url }) => {
      const before = await count();
      const large = messageOf({ request_message: { x: 'x'.repeat(100_000) } });
      const release = await holdWrites();
      const { first, all } = await postMany(6, 4, () => post(`${url}/api/callback`, large));
      expect(first).toEqual(Array.from({ length: 4 }, () => ({ status: 200, retryAfter: '1', body: FULL })));
      await release();
      expect(codesOf(await all)).toEqual(['000', '000', '500', '500', '500', '500']);
      expect(await eventually(async () => (await count()) === before + 2)).toBe(true);
    });
  });

  test('of a batch the first messages are taken, the others say when to come again', async () => {
    await withService({ unwrittenMax: 4 }, async ({ url }) => {
      const before = await count();
      const release = await holdWrites();
      const sending = post(
        `${url}/api/callbacks`,
        Array.from({ length: 6 }, () => messageOf()),
      );
      await writeIsHeld();
      await release();
      const { status, retryAfter, body } = await sending;
      expect([status, retryAfter]).toEqual([200, '1']);
      const { results } = body as { results: unknown[] };
      expect(results.slice(0, 4)).toMatchObject(Array.from({ length: 4 }, () => ({ code: '000' })));
      const refused = { ...FULL, retry_after_seconds: 1 };
      expect(results.slice(4)).toEqual([
        { line: 5, ...refused },
        { line: 6, ...refused },
      ]);
      expect(await eventually(async () => (await count()) === before + 4)).toBe(true);
    });
  });
});

test('first attempts hold so many bytes; what would be more waits for the dispatcher and is delivered', async () => {
  await withService(
    { contentBytesInFlightMax: 250_000, attemptsInFlightMax: 2, answerWaitMs: 500 },
    async ({ url, relay }) => {
      const held = Promise.withResolvers<void>();
      const slow = await startReceiver(async () => {
        await held.promise;
        return ACKNOWLEDGED;
      });
      const large = messageOf({ callback_url: slow.url, request_message: { x: 'x'.repeat(100_000) } });
      const { results } = (
        await post(
          `${url}/api/callbacks`,
          Array.from({ length: 8 }, () => large),
        )
      ).body as { results: { request_id: string; code: string }[] };
      expect(results.map(({ code }) => code)).toEqual(results.map(() => '202'));
      // Two first attempts, and two of the dispatcher's.
      expect(slow.receipts.length).toBeLessThanOrEqual(4);
      held.resolve();
      for (const { request_id: id } of results) {
        expect(await relay.outcome(id, 30_000)).toMatchObject({ state: 'delivered' });
      }
      expect(slow.receipts.length).toBe(8);
      await slow.close();
    },
  );
});

test('bodies whose callers are still looked up are bounded as well', async () => {
  const held = Promise.withResolvers<void>();
  const server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
  const unreachable = async (): Promise<never> => {
    throw new Error('nothing is handed over here');
  };
  registerCallbackRoutes(server, {
    relay: { accept: unreachable, outcome: unreachable, assertRoom: () => undefined },
    callers: {
      authorize: async () => {
        await held.promise;
        return 'forbidden';
      },
    },
    keys: applications,
  });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  // 64 MiB, in bodies of one.
  const empty = JSON.stringify(messageOf({ request_message: { x: '' } })).length;
  const large = messageOf({ request_message: { x: 'x'.repeat(1_048_576 - empty) } });
  const { first, all } = await postMany(70, 6, () => post(`${url}/api/callback`, large));
  expect(first).toEqual(Array.from({ length: 6 }, () => ({ status: 200, retryAfter: '1', body: FULL })));
  held.resolve();
  expect(codesOf(await all).filter((code) => code === '401002').length).toBe(64);
  await server.close();
});

test('bodies that fill the memory are not cut off for a new one, which is answered instead', async () => {
  const server = createHttpServer({
    log: createLog({ level: 'silent' }),
    trustedProxies: [],
    arrivingBytesMax: 1_200_000,
  });
  const unreachable = async (): Promise<never> => {
    throw new Error('nothing is handed over here');
  };
  registerCallbackRoutes(server, {
    relay: { accept: unreachable, outcome: unreachable, assertRoom: () => undefined },
    callers: { authorize: async () => 'forbidden' },
    keys: applications,
  });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const body = Buffer.from(JSON.stringify(messageOf({ request_message: { x: 'x'.repeat(1_000_000) } })));
  const begun = request(`${url}/api/callback`, { method: 'POST', headers: { 'content-length': body.length } });
  const answer = once(begun, 'response') as Promise<[IncomingMessage]>;
  const arrived = once(server.server, 'request') as Promise<[IncomingMessage]>;
  // All but its end: at a pace that is decent for half a minute.
  begun.write(body.subarray(0, 999_999));
  const [arriving] = await arrived;
  await eventually(async () => arriving.socket.bytesRead > 999_999);

  const large = messageOf({ request_message: { x: 'x'.repeat(300_000) } });
  for (const path of ['/api/callback', '/api/callbacks']) {
    expect(await post(`${url}${path}`, large)).toEqual({ status: 200, retryAfter: '1', body: FULL });
  }
  expect((await post(`${url}/api/callback`, messageOf())).body).toMatchObject({ code: '401002' });
  begun.end(body.subarray(999_999));
  expect(JSON.parse(await text((await answer)[0]))).toMatchObject({ code: '401002' });
  expect((await post(`${url}/api/callback`, large)).body).toMatchObject({ code: '401002' });
  await server.close();
});

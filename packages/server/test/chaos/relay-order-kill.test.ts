import { fork } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver } from '../support/receiver.ts';
import { PLAIN } from '../support/relay-backlog.ts';
import type { ChildMessage, ChildReport } from '../support/relay-child.ts';
import { APP_ID, eventually, SHORT_LIMITS, startRelayService } from '../support/relay-service.ts';

const database = await createTestDatabase({ poolSizeMax: 12 });
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => database.drop());

interface Doomed {
  send(message: ChildMessage): void;
  kill(): Promise<void>;
}

async function startDoomed(name: string): Promise<Doomed> {
  const child = fork(new URL('../support/relay-child.ts', import.meta.url), [database.url, name]);
  const ready = Promise.withResolvers<void>();
  child.on('message', (report: ChildReport) => {
    if (report.kind === 'ready') ready.resolve();
  });
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  closing.push(kill);
  await ready.promise;
  return { send: (message) => void child.send(message), kill };
}

const KEYS = 8;
const OF_EACH_KEY = 25;
const DELAYS = Array.from({ length: 10 }, () => 20);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

test.each([3, 60, 160])(
  'a node killed under ordered load after %i messages: every key arrives in order, and nothing is left queued',
  async (at) => {
    const { relay, stop } = await startRelayService({
      database,
      clock: systemClock,
      limits: SHORT_LIMITS,
      nodeName: 'survivor',
    });
    closing.push(stop);
    const doomed = await startDoomed(`doomed-${at}`);
    const destination = await startReceiver((receipt, nth) => {
      if (nth === at) void doomed.kill();
      return Number(receipt.json['n']) % 7 === 3 && nth % 2 === 0 ? { status: 404 } : ACKNOWLEDGED;
    });
    closing.push(destination.close);
    const calleeNo = `killed-${at}`;
    const settings = { ...PLAIN, circuit: 'off', orderingKeyPath: 'key', delaysMs: DELAYS } as const;
    await relay.setCallee({ appId: APP_ID, calleeNo, actor: 'operator', url: destination.url, ...settings });
    const contentOf = (key: number, n: number): string => `{"key":"K${key}","n":${n}}`;
    // Each key has its own sender, so the order of its acceptance is known.
    for (const n of upTo(OF_EACH_KEY)) {
      for (const key of upTo(KEYS / 2)) doomed.send({ calleeNo, content: contentOf(key, n) });
    }
    const message = { appId: APP_ID, callerNo: null, messageType: 'T', respondAsync: true, destination: { calleeNo } };
    const sent = upTo(KEYS / 2).map(async (key) => {
      for (const n of upTo(OF_EACH_KEY)) await relay.accept({ ...message, content: contentOf(KEYS / 2 + key, n) });
    });
    await Promise.all(sent);
    await destination.received(at);
    await doomed.kill();
    const { rows } = await database.pool.query<{ content: string }>(
      'select content from delivery where callee_no = $1 order by request_id',
      [calleeNo],
    );
    // No housekeeping runs here: what a killed node left queued nobody would let go.
    await eventually(async () => (await database.pool.query('select from delivery_queue')).rows.length === 0);
    const stored = rows.map(({ content }) => content);
    expect(new Set(destination.receipts.map(({ body }) => body.toString()))).toEqual(new Set(stored));
    expect(stored.length).toBeGreaterThanOrEqual((KEYS / 2) * OF_EACH_KEY);
    for (const key of upTo(KEYS)) {
      const received = destination.receipts
        .filter(({ json }) => json['key'] === `K${key}`)
        .map(({ json }) => Number(json['n']));
      expect(received).toEqual(received.toSorted((one, other) => one - other));
    }
  },
);

import { createHmac } from 'node:crypto';
import { afterAll, afterEach, expect, test } from 'vitest';
import type { Delivery } from '../../src/relay/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { startReceiver, type Behaviour, type Receipt, type Receiver } from '../support/receiver.ts';
import { APP_ID, APP_SECRET, eventually, startRelayService } from '../support/relay-service.ts';

const database = await createTestDatabase();
const timeouts: (number | undefined)[] = [];
const service = await startRelayService({
  database,
  egress: (egress) => ({
    ...egress,
    request: (options) => {
      timeouts.push(options.totalTimeoutMs);
      return egress.request(options);
    },
  }),
});
const { relay, clock } = service;
const receivers: Receiver[] = [];

afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});
afterAll(async () => {
  await service.stop();
  await database.drop();
});

async function receiver(behaviour: Behaviour): Promise<Receiver> {
  const started = await startReceiver(behaviour);
  receivers.push(started);
  return started;
}

function inState(requestId: string, state: Delivery['state']): Promise<Delivery> {
  return eventually(async () => {
    const delivery = await relay.showDelivery(requestId);
    return delivery?.state === state && delivery;
  });
}

/** What a receiver written for the e签宝 API computes. */
function signatureOf({ headers, body }: Receipt, queryValues: string): string {
  const text = `${String(headers['x-tsign-open-timestamp'])}${queryValues}${body.toString('utf8')}`;
  return createHmac('sha256', `${APP_SECRET}-${APP_ID}`).update(text).digest('hex');
}

const EVENT = { appId: APP_ID, profile: 'tsign', content: '{"flowId":"1","success":true}' } as const;

test('a destination in the profile tsign gets the message as it is, signed with the application’s secret', async () => {
  const destination = await receiver(() => ({ status: 204 }));
  const url = `${destination.url}?b=%E5%8D%B0&a=1`;
  await relay.setCallee({ appId: APP_ID, calleeNo: 'tsign', url, profile: 'tsign', actor: 'operator' });
  const content = '{"action":"SIGN_MISSON_COMPLETE", "n":1.10}';
  const message = { appId: APP_ID, callerNo: null, messageType: '', content, destination: { calleeNo: 'tsign' } };
  expect((await relay.accept(message)).outcome).toBe('delivered');
  const [receipt] = destination.receipts;
  expect(receipt!.body.toString()).toBe(content);
  expect(receipt!.headers).toMatchObject({
    'x-tsign-open-app-id': APP_ID,
    'x-tsign-open-timestamp': String(clock.now().getTime()),
    'x-tsign-open-signature-algorithm': 'hmac-sha256',
    'x-tsign-open-signature': signatureOf(receipt!, '1印'),
  });
  expect(timeouts).toEqual([5_000]);
});

test('14 waits of the contract’s table, each attempt signed for its own time; then it has failed', async () => {
  const destination = await receiver(() => ({ status: 302 }));
  const message = { ...EVENT, url: destination.url, occurredAt: clock.now() };
  const id = await database.db.transaction().execute((tx) => relay.enqueue(tx, message));
  const waits: number[] = [];
  for (let tries = 1; tries < 15; tries += 1) {
    await destination.received(tries);
    const { dueAt } = await inState(id, 'waiting');
    waits.push((dueAt!.getTime() - clock.now().getTime()) / 1_000);
    clock.set(dueAt!);
  }
  expect(await inState(id, 'failed')).toMatchObject({ attempts: 15, reason: 'status_302' });
  expect(waits).toEqual([10, 10, 30, 60, 180, 360, 600, 1_200, 1_800, 3_600, 7_200, 7_200, 7_200, 7_200]);
  for (const receipt of destination.receipts) {
    expect(receipt.headers['x-tsign-open-signature']).toBe(signatureOf(receipt, ''));
  }
  expect(new Set(destination.receipts.map(({ headers }) => headers['x-tsign-open-timestamp'])).size).toBe(15);
});

test('a message’s own waits are kept with its delivery: 3 s, 6 s, then it has failed', async () => {
  const destination = await receiver(() => ({ status: 500 }));
  const message = { ...EVENT, url: destination.url, occurredAt: clock.now(), delaysMs: [3_000, 6_000] };
  const id = await database.db.transaction().execute((tx) => relay.enqueue(tx, message));
  const waits: number[] = [];
  for (let tries = 1; tries < 3; tries += 1) {
    await destination.received(tries);
    const { dueAt } = await inState(id, 'waiting');
    waits.push(dueAt!.getTime() - clock.now().getTime());
    clock.set(dueAt!);
  }
  expect(await inState(id, 'failed')).toMatchObject({ attempts: 3, reason: 'status_500' });
  expect(waits).toEqual([3_000, 6_000]);
});

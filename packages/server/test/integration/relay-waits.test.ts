import type { KyselyPlugin } from 'kysely';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { Delivery } from '../../src/relay/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver, type Behaviour, type Receiver } from '../support/receiver.ts';
import { APP_ID, APP_SECRET, eventually, startRelayService, type RelayService } from '../support/relay-service.ts';

/** What callers wait for, and what they may repeat: `Prefer`, `wait=`, `Idempotency-Key`, on one node and on two. */
const database = await createTestDatabase({ poolSizeMax: 16 });
const statements: string[] = [];
const counting: KyselyPlugin = {
  transformQuery: ({ node }) => {
    statements.push(JSON.stringify(node));
    return node;
  },
  transformResult: async ({ result }) => result,
};
const one = await startRelayService({ database, nodeName: 'one', limits: { answerWaitMs: 500 } });
const two = await startRelayService({
  database: { url: database.url, db: database.db.withPlugin(counting) },
  nodeName: 'two',
  limits: { answerWaitMs: 500 },
});
const receivers: Receiver[] = [];
afterEach(async () => {
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});
afterAll(async () => {
  await one.stop();
  await two.stop();
  await database.drop();
});

async function receiver(behaviour: Behaviour): Promise<Receiver> {
  const started = await startReceiver(behaviour);
  receivers.push(started);
  return started;
}

/** A destination that answers when it is let. */
async function heldReceiver(): Promise<Receiver & { release(): void }> {
  const held = Promise.withResolvers<void>();
  const started = await receiver(async () => {
    await held.promise;
    return ACKNOWLEDGED;
  });
  return { ...started, release: held.resolve };
}

const formTo = (url: string) => ({ app_id: APP_ID, callback_url: url, message_type: 'T', request_message: { n: 1 } });

function inState(requestId: string, state: Delivery['state']): Promise<Delivery> {
  return eventually(async () => {
    const delivery = await one.relay.showDelivery(requestId);
    return delivery?.state === state && delivery;
  });
}

/** Both nodes' clocks, which stand until they are told. */
function setClocks(at: Date): void {
  one.clock.set(at);
  two.clock.set(at);
}

describe('GET with wait', () => {
  test('many waiters on a node are one statement a look, whoever makes the attempts', async () => {
    const waiters = 300;
    const destination = await heldReceiver();
    const { request_id: id = '' } = await one.post(formTo(destination.url), { prefer: 'respond-async' });
    await destination.received(1);
    statements.length = 0;
    const lookedUpAlone = () => statements.filter((text) => text.includes('left join relay_lane circuit')).length;
    const lookedUpTogether = () => statements.filter((text) => text.includes('offset 0')).length;
    const answers = Promise.all(Array.from({ length: waiters }, () => two.relay.outcome(id, 30_000)));
    await eventually(async () => lookedUpAlone() === waiters);
    const together = lookedUpTogether();
    await eventually(async () => lookedUpTogether() >= together + 5);
    destination.release();
    expect(new Set((await answers).map((answer) => answer?.state))).toEqual(new Set(['delivered']));
    // Once each when they came, and not once more.
    expect(lookedUpAlone()).toBe(waiters);
    // Nobody waits: nothing is asked.
    const settled = lookedUpTogether();
    await two.relay.outcome(id);
    expect(lookedUpTogether() - settled).toBeLessThanOrEqual(1);
  });

  test('an end on another node is heard over HTTP, a failed one as well', async () => {
    const destination = await receiver((_receipt, nth) => (nth === 1 ? { status: 500 } : { status: 410 }));
    const { request_id: id = '' } = await one.post(formTo(destination.url));
    const waiting = two.query(`request_id=${id}&wait=30`);
    setClocks((await inState(id, 'waiting')).dueAt!);
    expect(await waiting).toEqual({
      request_id: id,
      code: '500',
      msg: '访问目标路径失败，请重新发送转发请求或联系管理员',
    });
  });

  test('who waits when the service stops is answered', async () => {
    const own = await startRelayService({ database, nodeName: 'stopping', limits: { answerWaitMs: 500, drainMs: 1 } });
    const destination = await heldReceiver();
    const { request_id: id = '' } = await own.post(formTo(destination.url), { prefer: 'respond-async' });
    const answers = [
      own.query(`request_id=${id}&wait=30`),
      own.post(formTo(destination.url), { prefer: 'wait=30' }),
      own.post(formTo(destination.url)),
    ];
    await destination.received(3);
    const stopped = own.stop();
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ code: '202' });
    destination.release();
    await stopped;
  });
});

describe('Prefer: wait=SECONDS', () => {
  test('holds the answer over retries until the delivery has ended', async () => {
    const destination = await receiver((_receipt, nth) => (nth <= 2 ? { status: 500 } : ACKNOWLEDGED));
    const answering = one.post(formTo(destination.url), { prefer: 'wait=30' });
    for (const tries of [1, 2]) {
      await destination.received(tries);
      setClocks((await inState(destination.receipts[0]!.webhookId, 'waiting')).dueAt!);
    }
    expect(await answering).toEqual({ request_id: destination.receipts[0]!.webhookId, code: '000', msg: '成功' });
  });

  test('a delivery that fails for good meanwhile is 500500, as it is without', async () => {
    const destination = await receiver((_receipt, nth) => (nth === 1 ? { status: 500 } : { status: 410 }));
    const answering = one.post(formTo(destination.url), { prefer: 'wait=30' });
    await destination.received(1);
    setClocks((await inState(destination.receipts[0]!.webhookId, 'waiting')).dueAt!);
    expect(await answering).toMatchObject({ code: '500500' });
  });

  test('it outlasts the usual wait, and what is over is 202', async () => {
    const destination = await heldReceiver();
    const answering = one.post(formTo(destination.url), { prefer: 'wait=30' });
    await destination.received(1);
    // The usual wait of half a second is over when this one is answered.
    expect(await one.post(formTo(destination.url))).toMatchObject({ code: '202' });
    expect(await one.post(formTo(destination.url), { prefer: 'wait=0' })).toMatchObject({ code: '202' });
    expect(await one.post(formTo(destination.url), { prefer: 'wait=1' })).toMatchObject({ code: '202' });
    destination.release();
    expect(await answering).toMatchObject({ code: '000' });
  });
});

describe('Idempotency-Key', () => {
  const nodes: readonly RelayService[] = [one, two];

  test('the same key on two nodes at once is one delivery', async () => {
    const destination = await heldReceiver();
    const headers = { 'idempotency-key': 'both', prefer: 'respond-async' };
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, nth) => nodes[nth % 2]!.post(formTo(destination.url), headers)),
    );
    const ids = new Set(answers.map((answer) => answer['request_id']));
    expect(ids.size).toBe(1);
    const [id] = ids;
    destination.release();
    for (const node of nodes) expect(await node.query(`request_id=${id}&wait=30`)).toMatchObject({ code: '000' });
    expect(destination.receipts.length).toBe(1);
    // Another message under it is refused on both.
    for (const node of nodes) {
      expect(await node.post({ ...formTo(destination.url), message_type: 'U' }, headers)).toMatchObject({
        code: '409',
      });
    }
  });

  test('two messages under one key on two nodes at once: one is delivered, the other is 409', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    for (let round = 0; round < 10; round += 1) {
      const headers = { 'idempotency-key': `clash-${round}` };
      const answers = await Promise.all(
        nodes.map((node, nth) => node.post({ ...formTo(destination.url), request_message: { round, nth } }, headers)),
      );
      expect(new Set(answers.map((answer) => answer['code']))).toEqual(new Set(['000', '409']));
    }
    expect(destination.receipts.length).toBe(10);
  });

  test('after 72 hours a key is free again', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const headers = { 'idempotency-key': 'expiring' };
    const first = await one.post(formTo(destination.url), headers);
    const kept = new Date(one.clock.now().getTime() + 72 * 3_600_000 - 1);
    setClocks(kept);
    await two.relay.maintain();
    expect(await one.post(formTo(destination.url), headers)).toEqual(first);
    setClocks(new Date(kept.getTime() + 2));
    await two.relay.maintain();
    const other = { ...formTo(destination.url), message_type: 'another' };
    const second = await one.post(other, headers);
    expect(second).toMatchObject({ code: '000' });
    expect(second['request_id']).not.toBe(first['request_id']);
    expect(await two.post(other, { ...headers, prefer: 'wait=30' })).toEqual(second);
    // The first delivery is there as before.
    expect(await one.query(`request_id=${first['request_id']}`)).toEqual(first);
  });

  test('it tells of a delivery that is sent again', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async (_receipt, nth) => {
      if (nth === 2) await held.promise;
      return ACKNOWLEDGED;
    });
    const headers = { 'idempotency-key': 'replayed' };
    const first = await one.post(formTo(destination.url), headers);
    const id = first['request_id']!;
    await inState(id, 'delivered');
    await one.relay.replay(id, 'operator');
    await destination.received(2);
    expect(await two.post(formTo(destination.url), headers)).toMatchObject({ request_id: id, code: '202' });
    held.resolve();
    expect(await two.query(`request_id=${id}&wait=30`)).toMatchObject({ code: '000' });
    expect(await two.post(formTo(destination.url), headers)).toEqual(first);
    expect(destination.receipts.length).toBe(2);
  });

  test('it tells of a delivery that is held by an operator', async () => {
    const destination = await receiver((_receipt, nth) => (nth === 1 ? { status: 500 } : ACKNOWLEDGED));
    const headers = { 'idempotency-key': 'parked' };
    const { request_id: id = '' } = await one.post(formTo(destination.url), headers);
    await inState(id, 'waiting');
    await one.relay.park(id, 'operator');
    expect(await two.post(formTo(destination.url), headers)).toMatchObject({ request_id: id, code: '202' });
    await one.relay.release(id, 'operator');
    expect(await two.query(`request_id=${id}&wait=30`)).toMatchObject({ code: '000' });
    expect(await two.post(formTo(destination.url), headers)).toMatchObject({ request_id: id, code: '000' });
  });

  test('it tells of a delivery that is queued behind another', async () => {
    const destination = await heldReceiver();
    await one.relay.setCallee({
      appId: APP_ID,
      calleeNo: 'ordered',
      url: destination.url,
      orderingKeyPath: 'flow',
      actor: 'operator',
    });
    const form = { app_id: APP_ID, callee_no: 'ordered', message_type: '', request_message: { flow: 'F' } };
    await one.post(form, { prefer: 'respond-async' });
    const headers = { 'idempotency-key': 'queued', prefer: 'respond-async' };
    const { request_id: id = '' } = await one.post(form, headers);
    expect(await one.relay.showDelivery(id)).toMatchObject({ state: 'queued' });
    expect(await two.post(form, headers)).toMatchObject({ request_id: id, code: '202' });
    destination.release();
    expect(await two.query(`request_id=${id}&wait=30`)).toMatchObject({ code: '000' });
    expect(await two.post(form, headers)).toMatchObject({ request_id: id, code: '000' });
    expect(destination.receipts.length).toBe(2);
  });

  test('of two applications the same key is two keys', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const headers = { 'idempotency-key': 'shared' };
    const first = await one.post(formTo(destination.url), headers);
    const other = 'OIG0AF4DMOK2VC2N';
    const second = await two.post(
      { ...formTo(destination.url), app_id: other },
      { ...headers, authorization: `Bearer ${APP_SECRET}-${other}` },
    );
    expect([first['code'], second['code']]).toEqual(['000', '000']);
    expect(second['request_id']).not.toBe(first['request_id']);
  });
});

import { createPublicKey, verify } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import type { Delivery } from '../../src/relay/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver, type Behaviour, type Receiver } from '../support/receiver.ts';
import {
  APP_ID,
  applications,
  eventually,
  OTHER_APP_ID,
  relayKeys,
  startRelayService,
} from '../support/relay-service.ts';

const database = await createTestDatabase({ poolSizeMax: 12 });
const service = await startRelayService({ database });
const { relay, clock } = service;
const receivers: Receiver[] = [];
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
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

const MESSAGE = { appId: APP_ID, callerNo: 'EO001', messageType: 'T', content: '{"n":1}' };

function inState(requestId: string, state: Delivery['state'], on = relay): Promise<Delivery> {
  return eventually(async () => {
    const delivery = await on.showDelivery(requestId);
    return delivery?.state === state && delivery;
  });
}

describe('the schedule', () => {
  test('20 tries at 1 s 3 s 7 s 30 s 60 s 300 s and then every hour, then it has failed; each try is a row', async () => {
    const destination = await receiver(() => ({ status: 500, body: 'broken' }));
    const { requestId } = await relay.accept({ ...MESSAGE, destination: { url: destination.url } });
    const waits: number[] = [];
    for (let tries = 1; tries < 20; tries += 1) {
      const { dueAt } = await inState(requestId, 'waiting');
      waits.push((dueAt!.getTime() - clock.now().getTime()) / 1_000);
      clock.set(dueAt!);
      await destination.received(tries + 1);
    }
    await inState(requestId, 'failed');
    expect(waits).toEqual([1, 3, 7, 30, 60, 300, ...Array.from({ length: 13 }, () => 3_600)]);
    const shown = await relay.showDelivery(requestId);
    expect(shown).toMatchObject({ attempts: 20, reason: 'status_500', dueAt: null, content: '{"n":1}' });
    expect(shown!.attemptList.map((attempt) => attempt.number)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(shown!.attemptList[0]).toMatchObject({
      outcome: 'unacknowledged',
      status: 500,
      reason: 'status_500',
      answer: Buffer.from('broken'),
      url: destination.url,
      remoteAddress: '127.0.0.1',
      node: 'node-1',
    });
    const lines = service.log.filter((line) => line['msg'] === 'delivery attempt' && line['requestId'] === requestId);
    expect(lines.length).toBe(20);
  });

  test('Retry-After of a destination that is busy is honoured', async () => {
    const destination = await receiver(() => ({ status: 429, headers: { 'retry-after': '600' } }));
    const { requestId } = await relay.accept({ ...MESSAGE, destination: { url: destination.url } });
    const { dueAt } = await inState(requestId, 'waiting');
    expect(dueAt!.getTime() - clock.now().getTime()).toBe(600_000);
  });

  test('of an answer the first 4 KB are kept', async () => {
    const destination = await receiver(() => ({ status: 500, body: 'x'.repeat(10_000) }));
    const { requestId } = await relay.accept({ ...MESSAGE, destination: { url: destination.url } });
    await inState(requestId, 'waiting');
    expect((await relay.showDelivery(requestId))!.attemptList[0]!.answer!.length).toBe(4_096);
  });
});

describe('enqueue', () => {
  const EVENT = { appId: APP_ID, profile: 'etc-notify', content: '{"api_callback_code":"sign_process"}' } as const;

  test('a transaction that rolls back sends nothing; one that commits wakes the dispatcher by NOTIFY', async () => {
    const destination = await receiver(() => ({ body: '{"response_code":"000"}' }));
    const own = await createTestDatabase();
    // Its poll comes too late for any test: only NOTIFY can wake it.
    const node = await startRelayService({ database: own, limits: { pollMs: 2_000_000_000 } });
    closing.push(async () => {
      await node.stop();
      await own.drop();
    });
    const event = { ...EVENT, url: destination.url, occurredAt: clock.now() };
    const failing = own.db.transaction().execute(async (tx) => {
      await node.relay.enqueue(tx, event);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    const id = await own.db.transaction().execute((tx) => node.relay.enqueue(tx, event));
    await destination.received(1);
    expect(await node.relay.outcome(id, 30_000)).toMatchObject({ state: 'delivered', appId: APP_ID });
    expect(destination.receipts.map((receipt) => receipt.webhookId)).toEqual([id]);
    expect(destination.receipts[0]!.body.toString()).toBe(EVENT.content);
  });

  test('attemptsMax 3 makes 3 tries; a forbidden address has failed from the start', async () => {
    const destination = await receiver(() => ({ body: '{"code":"000"}' }));
    const event = { ...EVENT, url: destination.url, occurredAt: clock.now(), attemptsMax: 3 };
    const enqueue = (url: string) => database.db.transaction().execute((tx) => relay.enqueue(tx, { ...event, url }));
    const id = await enqueue(destination.url);
    for (let tries = 1; tries < 3; tries += 1) {
      await destination.received(tries);
      clock.set((await inState(id, 'waiting')).dueAt!);
    }
    expect(await inState(id, 'failed')).toMatchObject({ attempts: 3, reason: 'not_acknowledged' });
    expect(await relay.showDelivery(await enqueue('http://10.0.0.1/'))).toMatchObject({ state: 'failed', attempts: 0 });
  });
});

describe('registered destinations', () => {
  const OWN_SECRET = `whsec_${Buffer.alloc(24, 9).toString('base64')}`;

  test('an application’s own comes before the operator’s; others see only the operator’s', async () => {
    const shared = await receiver(() => ACKNOWLEDGED);
    const own = await receiver(() => ACKNOWLEDGED);
    await relay.setCallee({ appId: '*', calleeNo: 'b42652fe', url: shared.url, actor: 'operator' });
    await relay.setCallee({ appId: APP_ID, calleeNo: 'b42652fe', url: own.url, actor: 'operator' });
    const destination = { calleeNo: 'b42652fe' };
    await relay.accept({ ...MESSAGE, destination });
    await relay.accept({ ...MESSAGE, appId: OTHER_APP_ID, destination });
    expect([own.receipts.length, shared.receipts.length]).toEqual([1, 1]);
    expect((await relay.listCallees()).map((callee) => callee.appId)).toEqual(['*', APP_ID]);
    const audited = await listAudit(database.db, { appId: APP_ID, subject: 'callee:b42652fe', limit: 10 });
    expect(audited).toMatchObject([{ actor: 'operator', action: 'callee.set' }]);
  });

  test('RSA2, an own webhook secret, own delays: each is used, and the secret shows nowhere', async () => {
    // The reference library refuses timestamps that are not of now, and the clock of the other tests is hours ahead: set
    // back, it would let a claim that has just read it take the lease of what comes after for ended.
    const own = await createTestDatabase();
    const node = await startRelayService({ database: own });
    closing.push(async () => {
      await node.stop();
      await own.drop();
    });
    const destination = await receiver((_receipt, nth) => (nth === 1 ? {} : ACKNOWLEDGED));
    const settings = { signType: 'RSA2', webhookSecret: OWN_SECRET, delaysMs: [250] };
    const callee = { appId: APP_ID, calleeNo: 'special', url: destination.url, actor: 'operator', ...settings };
    expect(JSON.stringify(await node.relay.setCallee(callee))).not.toContain(OWN_SECRET);
    const { requestId } = await node.relay.accept({ ...MESSAGE, destination: { calleeNo: 'special' } });
    const { dueAt } = await inState(requestId, 'waiting', node.relay);
    expect(dueAt!.getTime() - node.clock.now().getTime()).toBe(250);
    node.clock.set(dueAt!);
    await inState(requestId, 'delivered', node.relay);
    for (const receipt of destination.receipts) {
      new Webhook(OWN_SECRET).verify(receipt.body, receipt.headers as Record<string, string>);
      const { sign, request_content, timestamp, nonce } = receipt.json as Record<string, string>;
      const text = `nonce=${nonce}&request_content=${request_content}&timestamp=${timestamp}`;
      const key = createPublicKey(relayKeys.publicKey.export({ format: 'pem', type: 'spki' }));
      expect(verify('sha256', Buffer.from(text), key, Buffer.from(sign!, 'base64'))).toBe(true);
    }
    expect(JSON.stringify(node.log)).not.toContain(OWN_SECRET.slice(6));
  });

  test('profile plain sends the message as it is and judges by the destination’s own rule', async () => {
    const destination = await receiver(() => ({ status: 202, body: 'success' }));
    const rule = { kind: 'text', text: 'success', statuses: [202] } as const;
    const callee = { appId: APP_ID, calleeNo: 'plain', url: destination.url, profile: 'plain', acknowledge: rule };
    await relay.setCallee({ ...callee, actor: 'operator' });
    const content = '{"n":1.10}';
    const result = await relay.accept({ ...MESSAGE, content, destination: { calleeNo: 'plain' } });
    expect(result.outcome).toBe('delivered');
    expect(destination.receipts[0]!.body.toString()).toBe(content);
  });

  test('switched off it parks what waits, switched on it gets it, with no try lost; a new URL counts at once', async () => {
    const old = await receiver(() => ({ status: 503 }));
    const fresh = await receiver(() => ACKNOWLEDGED);
    const callee = { appId: APP_ID, calleeNo: 'switch', actor: 'operator' };
    await relay.setCallee({ ...callee, url: old.url });
    const { requestId } = await relay.accept({ ...MESSAGE, destination: { calleeNo: 'switch' } });
    await relay.setCallee({ ...callee, enabled: false });
    clock.advance(1_000);
    expect(await inState(requestId, 'parked')).toMatchObject({ attempts: 1, dueAt: null });
    expect(await relay.outcome(requestId)).toMatchObject({ state: 'parked' });
    await relay.setCallee({ ...callee, enabled: true, url: fresh.url });
    expect(await inState(requestId, 'delivered')).toMatchObject({ attempts: 2 });
    expect([old.receipts.length, fresh.receipts.length]).toEqual([1, 1]);
  });

  test('one that cannot be reached by the rules is not registered', async () => {
    const callee = { appId: APP_ID, calleeNo: 'bad', url: 'http://10.0.0.1/', actor: 'operator' };
    await expect(relay.setCallee(callee)).rejects.toMatchObject({ code: 'callee_invalid', params: { field: 'url' } });
    expect(await relay.showCallee(APP_ID, 'bad')).toBeNull();
  });
});

describe('replay', () => {
  test('sends an ended delivery again under the same webhook-id, with a fresh schedule, and is audited', async () => {
    const destination = await receiver((_receipt, nth) =>
      nth === 1 ? { status: 410 } : nth === 2 ? {} : ACKNOWLEDGED,
    );
    const { requestId } = await relay.accept({ ...MESSAGE, destination: { url: destination.url } });
    await inState(requestId, 'failed');
    await relay.replay(requestId, 'operator');
    const waiting = await eventually(async () => {
      const delivery = await relay.showDelivery(requestId);
      return delivery?.attempts === 2 && delivery.state === 'waiting' && delivery;
    });
    expect(waiting.dueAt!.getTime() - clock.now().getTime()).toBe(1_000);
    await expect(relay.replay(requestId, 'operator')).rejects.toMatchObject({ code: 'delivery_not_ended' });
    clock.set(waiting.dueAt!);
    expect(await inState(requestId, 'delivered')).toMatchObject({ attempts: 3 });
    expect(new Set(destination.receipts.map((receipt) => receipt.webhookId))).toEqual(new Set([requestId]));
    const audited = await listAudit(database.db, { appId: APP_ID, subject: `delivery:${requestId}`, limit: 10 });
    expect(audited).toMatchObject([{ action: 'delivery.replay', detail: { from: 'failed' } }]);
    const unknown = '01995a00-0000-7000-8000-000000000000';
    await expect(relay.replay(unknown, 'operator')).rejects.toMatchObject({ code: 'delivery_not_found' });
  });
});

test('deliveries are listed newest first, by page and by filter', async () => {
  const destination = await receiver(() => ACKNOWLEDGED);
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    const sent = await relay.accept({ ...MESSAGE, messageType: 'PAGE', destination: { url: destination.url } });
    ids.unshift(sent.requestId);
    clock.advance(1);
  }
  const filter = { appId: APP_ID, messageType: 'PAGE', limit: 3 };
  const first = await relay.listDeliveries(filter);
  const second = await relay.listDeliveries({ ...filter, before: first.at(-1)!.requestId });
  expect([...first, ...second].map((delivery) => delivery.requestId)).toEqual(ids);
  expect(await relay.listDeliveries({ ...filter, state: 'parked' })).toEqual([]);
  expect(await relay.listDeliveries({ ...filter, appId: OTHER_APP_ID })).toEqual([]);
});

describe('several nodes on one database', () => {
  test('500 messages, three nodes, few slots: every one arrives once', async () => {
    const destination = await receiver(() => ACKNOWLEDGED);
    const limits = { attemptsInFlightMax: 16, firstAttemptsInFlightMax: 4, claimBatchMax: 8 };
    const nodes = await Promise.all(
      ['a', 'b', 'c'].map((nodeName) => startRelayService({ database, limits, nodeName, clock })),
    );
    closing.push(...nodes.map((node) => node.stop));
    const accepted = await Promise.all(
      Array.from({ length: 500 }, (_, n) =>
        nodes[n % 3]!.relay.accept({ ...MESSAGE, destination: { url: destination.url }, respondAsync: n % 2 === 0 }),
      ),
    );
    await Promise.all(accepted.map(({ requestId }) => inState(requestId, 'delivered')));
    const ledger = destination.receipts.map((receipt) => receipt.webhookId);
    expect(ledger.toSorted()).toEqual(accepted.map(({ requestId }) => requestId).toSorted());
  });

  test('a settlement of a lease that has ended changes nothing, yet the attempt is on record', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async (_receipt, nth) => {
      if (nth > 1) return ACKNOWLEDGED;
      await held.promise;
      return { status: 410 };
    });
    const slow = relay.accept({ ...MESSAGE, destination: { url: destination.url } });
    await destination.received(1);
    clock.advance(46_000);
    await destination.received(2);
    const id = destination.receipts[0]!.webhookId;
    await inState(id, 'delivered');
    held.resolve();
    await slow;
    const shown = await eventually(async () => {
      const delivery = await relay.showDelivery(id);
      return delivery?.attemptList.length === 2 && delivery;
    });
    expect(shown.state).toBe('delivered');
    expect(shown.attemptList.map((attempt) => attempt.outcome)).toEqual(['refused', 'acknowledged']);
    expect(destination.receipts[1]!.webhookId).toBe(id);
  });
});

test('a settlement that fails is tried again; the caller was told 000 meanwhile and nothing is sent twice', async () => {
  const own = await createTestDatabase();
  const node = await startRelayService({ database: own });
  closing.push(async () => {
    await node.stop();
    await own.drop();
  });
  const destination = await receiver(async () => {
    await own.pool.query('alter table delivery_attempt rename to delivery_attempt_away');
    return ACKNOWLEDGED;
  });
  const accepted = await node.relay.accept({ ...MESSAGE, destination: { url: destination.url } });
  expect(accepted.outcome).toBe('delivered');
  await eventually(async () => node.log.find((line) => line['msg'] === 'an attempt could not be settled'));
  expect(await node.relay.outcome(accepted.requestId)).toMatchObject({ state: 'delivered' });
  await own.pool.query('alter table delivery_attempt_away rename to delivery_attempt');
  await eventually(async () => (await node.relay.showDelivery(accepted.requestId))?.state === 'delivered');
  expect(destination.receipts.length).toBe(1);
});

describe('stop', () => {
  test('ends a long poll with what is known', async () => {
    const destination = await receiver(() => ({ status: 500 }));
    const node = await startRelayService({ database, nodeName: 'leaving', clock });
    const { requestId } = await node.relay.accept({ ...MESSAGE, destination: { url: destination.url } });
    const { outcome } = node.relay;
    const waiting = Promise.withResolvers<void>();
    node.relay.outcome = (id, waitMs) => {
      if (waitMs !== undefined) waiting.resolve();
      return outcome(id, waitMs);
    };
    const answer = node.query(`request_id=${requestId}&wait=30`);
    await waiting.promise;
    await node.stop();
    expect((await answer)['code']).toBe('202');
  });

  test('lets the attempts under way end and settles them', async () => {
    const held = Promise.withResolvers<void>();
    const destination = await receiver(async () => {
      await held.promise;
      return ACKNOWLEDGED;
    });
    const node = await startRelayService({ database, nodeName: 'leaving', clock });
    const message = { ...MESSAGE, destination: { url: destination.url } };
    const { requestId } = await node.relay.accept({ ...message, respondAsync: true });
    await destination.received(1);
    const stopped = node.stop();
    held.resolve();
    await stopped;
    expect(await relay.showDelivery(requestId)).toMatchObject({ state: 'delivered', attempts: 1 });
    await expect(node.relay.accept(message)).rejects.toMatchObject({ code: 'relay_stopped' });
  });
});

test('keys that cannot be had are our fault: the delivery waits and the log says why', async () => {
  const destination = await receiver(() => ACKNOWLEDGED);
  const { webhookSecret } = applications;
  applications.webhookSecret = async () => {
    throw new Error('the vault is closed');
  };
  const result = await relay.accept({ ...MESSAGE, destination: { url: destination.url } });
  applications.webhookSecret = webhookSecret;
  expect(result).toMatchObject({ outcome: 'retrying', reason: 'internal_error' });
  clock.set((await inState(result.requestId, 'waiting')).dueAt!);
  await inState(result.requestId, 'delivered');
});

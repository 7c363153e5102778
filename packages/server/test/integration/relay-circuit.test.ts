import { afterAll, afterEach, describe, expect, test } from 'vitest';
import type { CalleeChange, Delivery } from '../../src/relay/index.ts';
import { laneOfCallee } from '../../src/relay/lane.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, type ReceiverAnswer } from '../support/receiver.ts';
import {
  PLAIN,
  startCountingReceiver,
  waitingRow,
  writeWaiting,
  type CountingReceiver,
} from '../support/relay-backlog.ts';
import {
  APP_ID,
  applications,
  eventually,
  startRelayService,
  TestClock,
  type RelayService,
} from '../support/relay-service.ts';

const database = await createTestDatabase({ poolSizeMax: 16 });
const clock = new TestClock();
const nodes: Record<'a' | 'b', RelayService> = {
  a: await startRelayService({ database, clock, nodeName: 'a' }),
  b: await startRelayService({ database, clock, nodeName: 'b' }),
};
const receivers: CountingReceiver[] = [];

afterEach(async () => {
  await database.pool.query('truncate delivery, delivery_queue, delivery_attempt, relay_lane');
  await Promise.all(receivers.splice(0).map((receiver) => receiver.close()));
});
afterAll(async () => {
  await Promise.all(Object.values(nodes).map((node) => node.stop()));
  await database.drop();
});

async function receiver(answer: Parameters<typeof startCountingReceiver>[0]): Promise<CountingReceiver> {
  const started = await startCountingReceiver(answer);
  receivers.push(started);
  return started;
}

/** Due again before any probe. */
const DELAYS = Array.from({ length: 20 }, () => 1_000);
const SETTINGS = {
  ...PLAIN,
  circuit: { failures: 3, coolDownMs: 5_000 },
  delaysMs: DELAYS,
  actor: 'operator',
} as const;

let callees = 0;
async function callee(change: Partial<CalleeChange>): Promise<string> {
  callees += 1;
  const calleeNo = `circuit-${callees}`;
  await nodes.a.relay.setCallee({ appId: APP_ID, calleeNo, ...SETTINGS, ...change });
  return calleeNo;
}

async function send(calleeNo: string, n: number, by: RelayService = nodes.a): Promise<string> {
  const message = { appId: APP_ID, callerNo: null, messageType: 'T', content: `{"n":${n}}`, respondAsync: true };
  // Request ids of one millisecond have no order.
  clock.advance(1);
  return (await by.relay.accept({ ...message, destination: { calleeNo } })).requestId;
}

/** Every node has looked at the database since this was called. */
async function looked(): Promise<void> {
  for (let times = 0; times < 2; times += 1) {
    clock.advance(1);
    await eventually(async () => {
      const { rows } = await database.pool.query('select from relay_node where heartbeat_at >= $1', [clock.now()]);
      return rows.length === 2;
    });
  }
}

interface LaneRow {
  readonly circuit: string;
  readonly failures: number;
  readonly reason: string;
  readonly openings: number;
  readonly probe_at: Date;
}

async function laneRow(calleeNo: string): Promise<LaneRow | null> {
  const { rows } = await database.pool.query<LaneRow>('select * from relay_lane where lane = $1', [
    laneOfCallee({ appId: APP_ID, calleeNo }),
  ]);
  return rows[0] ?? null;
}

const opened = (calleeNo: string, openings = 1): Promise<LaneRow> =>
  eventually(async () => {
    const row = await laneRow(calleeNo);
    return row !== null && row.circuit === 'open' && row.openings === openings && row;
  });

const closed = (calleeNo: string): Promise<boolean> => eventually(async () => (await laneRow(calleeNo)) === null);

function inState(requestId: string, state: Delivery['state']): Promise<Delivery> {
  return eventually(async () => {
    const delivery = await nodes.a.relay.showDelivery(requestId);
    return delivery?.state === state && delivery;
  });
}

/** A destination that fails until it is mended, and may hold what it gets. */
function faulty() {
  const state = { answer: { status: 500 } as ReceiverAnswer, held: null as Promise<void> | null };
  return {
    state,
    answer: async (): Promise<ReceiverAnswer> => {
      const { answer, held } = state;
      if (held !== null) await held;
      return answer;
    },
  };
}

/** A circuit that three failures have opened, and both nodes know it. */
async function brokenCallee(change: Partial<CalleeChange> = {}) {
  const { state, answer } = faulty();
  const destination = await receiver(answer);
  const calleeNo = await callee({ url: destination.url, ...change });
  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) {
    ids.push(await send(calleeNo, n));
    await destination.received(n + 1);
    await inState(ids[n]!, n < 2 ? 'waiting' : 'parked');
  }
  const row = await opened(calleeNo);
  await looked();
  return { state, destination, calleeNo, ids, row };
}

describe('a circuit', () => {
  test('opens after so many failures one after the other, says why, and parks: nothing more is sent', async () => {
    const { destination, calleeNo, ids, row } = await brokenCallee();
    expect(row).toMatchObject({ failures: 3, reason: 'status_500', openings: 1 });
    for (const by of [nodes.a, nodes.b]) ids.push(await send(calleeNo, ids.length, by));
    await looked();
    for (const id of ids) {
      expect(await nodes.b.relay.showDelivery(id)).toMatchObject({ state: 'parked', reason: 'circuit_open' });
    }
    const parked = await nodes.a.relay.listDeliveries({ appId: APP_ID, calleeNo, state: 'parked', limit: 10 });
    expect(parked.map(({ requestId }) => requestId).toSorted()).toEqual(ids.toSorted());
    expect(destination.receipts).toHaveLength(3);
    const line = nodes.a.log.find((entry) => entry['lane'] === laneOfCallee({ appId: APP_ID, calleeNo }));
    expect(line).toMatchObject({ failures: 3, reason: 'status_500' });
  });

  test('lets one probe through, from one of two nodes; while it is under way nothing else goes', async () => {
    const { state, destination, calleeNo, ids } = await brokenCallee();
    for (let n = 3; n < 8; n += 1) ids.push(await send(calleeNo, n, n % 2 === 0 ? nodes.a : nodes.b));
    const release = Promise.withResolvers<void>();
    state.held = release.promise;
    clock.advance(5_000);
    await destination.received(4);
    await looked();
    clock.advance(6_000);
    await looked();
    expect(destination.receipts).toHaveLength(4);
    expect((await laneRow(calleeNo))!.circuit).toBe('half-open');
    release.resolve();
    // It failed: open again, for twice as long.
    const row = await opened(calleeNo, 2);
    expect(row.probe_at.getTime() - clock.now().getTime()).toBe(10_000);
    await looked();
    expect(destination.receipts).toHaveLength(4);
  });

  test('closes on a probe that is answered; then everything goes, in the order of acceptance, whatever its schedule said', async () => {
    const { state, destination, calleeNo, ids } = await brokenCallee({ inFlightMax: 1 });
    for (let n = 3; n < 30; n += 1) ids.push(await send(calleeNo, n));
    state.answer = ACKNOWLEDGED;
    const before = destination.receipts.length;
    clock.advance(5_000);
    await Promise.all(ids.map((id) => inState(id, 'delivered')));
    expect(await laneRow(calleeNo)).toBeNull();
    const order = destination.receipts.slice(before).map(({ webhookId }) => webhookId);
    // The probe is whatever was due first; those that had failed before come ahead of what came after them.
    expect(order.filter((id) => id !== order[0])).toEqual(ids.filter((id) => id !== order[0]));
  });

  test('whose prober died is probed by another when the probe’s time is over', async () => {
    const { state, destination, calleeNo, ids } = await brokenCallee();
    await database.pool.query(
      `update relay_lane set circuit = 'half-open', node = 'killed', probe_at = $1 where lane = $2`,
      [new Date(clock.now().getTime() + 20_000), laneOfCallee({ appId: APP_ID, calleeNo })],
    );
    state.answer = ACKNOWLEDGED;
    ids.push(await send(calleeNo, 3));
    clock.advance(19_000);
    await looked();
    expect(destination.receipts).toHaveLength(3);
    clock.advance(1_000);
    await Promise.all(ids.map((id) => inState(id, 'delivered')));
    await closed(calleeNo);
  });

  test('that has nothing to send when its probe is due lets the next message be the probe, at once', async () => {
    const { state, destination, calleeNo, ids } = await brokenCallee();
    for (const id of ids) await nodes.a.relay.skip(id, 'operator');
    clock.advance(5_000);
    const lane = laneOfCallee({ appId: APP_ID, calleeNo });
    await database.pool.query(`select pg_notify('yinxin_relay', $1)`, [lane]);
    await looked();
    expect(await laneRow(calleeNo)).toMatchObject({ circuit: 'open', openings: 1 });
    state.answer = ACKNOWLEDGED;
    await inState(await send(calleeNo, 3), 'delivered');
    await closed(calleeNo);
    expect(destination.receipts).toHaveLength(4);
  });

  test('is probed when there is room for the probe: a destination that holds all it may is not asked', async () => {
    const { state, answer } = faulty();
    const destination = await receiver(answer);
    const calleeNo = await callee({
      url: destination.url,
      inFlightMax: 2,
      circuit: { failures: 1, coolDownMs: 5_000 },
    });
    const hang = Promise.withResolvers<void>();
    state.held = hang.promise;
    await send(calleeNo, 0, nodes.a);
    await send(calleeNo, 1, nodes.b);
    await destination.received(2);
    // A third attempt was refused a moment before those two were answered.
    await database.pool.query(
      `insert into relay_lane (lane, circuit, failures, reason, opened_at, openings, probe_at, node)
       values ($1, 'open', 1, 'status_500', $2, 1, $2, 'a')`,
      [laneOfCallee({ appId: APP_ID, calleeNo }), clock.now()],
    );
    const id = await send(calleeNo, 2);
    await looked();
    expect((await laneRow(calleeNo))!.circuit).toBe('open');
    state.answer = ACKNOWLEDGED;
    state.held = null;
    hang.resolve();
    await inState(id, 'delivered');
  });

  test('does not open by answers that speak of the message alone, nor by our own faults', async () => {
    const destination = await receiver(async () => ({ status: 404 }));
    const calleeNo = await callee({ url: destination.url });
    for (let n = 0; n < 6; n += 1) await inState(await send(calleeNo, n), 'waiting');
    const { webhookSecret } = applications;
    applications.webhookSecret = async () => {
      throw new Error('the vault is closed');
    };
    for (let n = 6; n < 12; n += 1) await inState(await send(calleeNo, n), 'waiting');
    applications.webhookSecret = webhookSecret;
    expect(await laneRow(calleeNo)).toBeNull();
  });

  test('stays as it is when a probe ends by our own fault', async () => {
    const { calleeNo } = await brokenCallee();
    const { webhookSecret } = applications;
    applications.webhookSecret = async () => {
      throw new Error('the vault is closed');
    };
    clock.advance(5_000);
    await eventually(async () => (await laneRow(calleeNo))?.circuit === 'half-open');
    await looked();
    applications.webhookSecret = webhookSecret;
    expect((await laneRow(calleeNo))!.circuit).toBe('half-open');
  });

  test('of a bare URL is its origin’s', async () => {
    const { state, answer } = faulty();
    const destination = await receiver(answer);
    const message = { appId: APP_ID, callerNo: null, messageType: 'T', content: '{}', respondAsync: true };
    for (let n = 0; n < 10; n += 1) {
      await nodes.a.relay.accept({ ...message, destination: { url: `${destination.url}/${n}` } });
      await destination.received(n + 1);
    }
    await eventually(async () => (await database.pool.query('select from relay_lane')).rows.length === 1);
    const { requestId } = await nodes.a.relay.accept({ ...message, destination: { url: `${destination.url}/other` } });
    expect(await inState(requestId, 'parked')).toMatchObject({ reason: 'circuit_open' });
    state.answer = ACKNOWLEDGED;
    clock.advance(5_000);
    await inState(requestId, 'delivered');
  });
});

describe('a destination that is switched off', () => {
  test('parks what waits, and what was about to go; switched on it gets all of it in the order of acceptance', async () => {
    const { state, answer } = faulty();
    state.answer = ACKNOWLEDGED;
    const destination = await receiver(answer);
    const calleeNo = await callee({ url: destination.url, inFlightMax: 1 });
    const setEnabled = (enabled: boolean) =>
      nodes.a.relay.setCallee({ appId: APP_ID, calleeNo, enabled, actor: 'operator' });
    await setEnabled(false);
    const rows = Array.from({ length: 20 }, (_, n) => {
      clock.advance(1);
      return waitingRow(destination.url, clock.now(), { calleeNo, content: `{"n":${n}}` });
    });
    const ids = await writeWaiting(database.db, rows);
    // Half of them had failed before, and have their next try in an hour.
    await database.pool.query(
      `update delivery_queue set due_at = due_at + interval '1 hour', attempts = 1, schedule_attempts = 1
       where request_id = any ($1)`,
      [ids.filter((_, n) => n % 2 === 0)],
    );
    await looked();
    for (const id of ids) {
      expect(await nodes.b.relay.showDelivery(id)).toMatchObject({ state: 'parked', reason: 'destination_disabled' });
    }
    expect(destination.receipts).toEqual([]);
    await setEnabled(true);
    await Promise.all(ids.map((id) => inState(id, 'delivered')));
    expect(destination.receipts.map(({ webhookId }) => webhookId)).toEqual(ids);
    expect(await nodes.a.relay.showDelivery(ids[0]!)).toMatchObject({ attempts: 2 });
  });

  test('under way: off and on at random moments, nothing is lost, sent twice or tried in vain', async () => {
    const destination = await receiver(async () => ACKNOWLEDGED);
    const calleeNo = await callee({ url: destination.url });
    const ids = await writeWaiting(
      database.db,
      Array.from({ length: 400 }, () => waitingRow(destination.url, clock.now(), { calleeNo })),
    );
    for (let times = 0; times < 12; times += 1) {
      const by = times % 4 < 2 ? nodes.a : nodes.b;
      await by.relay.setCallee({ appId: APP_ID, calleeNo, enabled: times % 2 === 1, actor: 'operator' });
    }
    await Promise.all(ids.map((id) => inState(id, 'delivered')));
    expect(destination.receipts.map(({ webhookId }) => webhookId).toSorted()).toEqual(ids.toSorted());
    const { rows } = await database.pool.query('select max(number) as most from delivery_attempt');
    expect(rows).toEqual([{ most: 1 }]);
  });
});

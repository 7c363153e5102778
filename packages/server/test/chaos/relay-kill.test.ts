import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { createTestDatabase } from '../support/database.ts';
import { ACKNOWLEDGED, startReceiver, type Behaviour, type Receiver } from '../support/receiver.ts';
import type { ChildReport } from '../support/relay-child.ts';
import { eventually, SHORT_LIMITS, startRelayService, type RelayService } from '../support/relay-service.ts';

const database = await createTestDatabase({ poolSizeMax: 12 });
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => database.drop());

interface Node {
  readonly name: string;
  readonly reports: ChildReport[];
  send(destination: string): void;
  /** The first report of a kind. */
  reported<Kind extends ChildReport['kind']>(kind: Kind): Promise<Extract<ChildReport, { kind: Kind }>>;
  /** SIGKILL, and its database sessions with it, as when the machine is gone. */
  kill(): Promise<void>;
}

let nodes = 0;

async function startNode(fault?: 'hold'): Promise<Node> {
  nodes += 1;
  const name = `doomed-${nodes}`;
  const script = new URL('../support/relay-child.ts', import.meta.url);
  const child: ChildProcess = fork(script, [database.url, name, ...(fault === undefined ? [] : [fault])]);
  const reports: ChildReport[] = [];
  child.on('message', (report: ChildReport) => reports.push(report));
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    await database.pool.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
      name,
    ]);
  };
  closing.push(kill);
  const reported = <Kind extends ChildReport['kind']>(kind: Kind) =>
    eventually(async () =>
      reports.find((report): report is Extract<ChildReport, { kind: Kind }> => report.kind === kind),
    );
  await reported('ready');
  return { name, reports, send: (destination) => void child.send(destination), reported, kill };
}

/** The node that is left: real time, so that leases end by themselves. */
async function survivor(): Promise<RelayService> {
  const node = await startRelayService({ database, clock: systemClock, limits: SHORT_LIMITS, nodeName: 'survivor' });
  closing.push(node.stop);
  return node;
}

async function receiver(behaviour: Behaviour): Promise<Receiver> {
  const started = await startReceiver(behaviour);
  closing.push(started.close);
  return started;
}

/** Resolves when what dead nodes left in the journal has rows of its own. */
async function takenUp(): Promise<void> {
  await eventually(async () => {
    const { rows } = await database.pool.query('select from delivery_journal');
    return rows.length === 0;
  });
}

async function deliveredBy(node: RelayService, requestId: string) {
  return eventually(async () => {
    const delivery = await node.relay.showDelivery(requestId);
    return delivery?.state === 'delivered' && delivery;
  });
}

test('a callback whose node was killed between commit and attempt is delivered by another', async () => {
  const destination = await receiver(() => ACKNOWLEDGED);
  const doomed = await startNode('hold');
  doomed.send(destination.url);
  await doomed.reported('attempting');
  await doomed.kill();
  const node = await survivor();
  await takenUp();
  const [stored] = await node.relay.listDeliveries({ limit: 1 });
  const delivery = await deliveredBy(node, stored!.requestId);
  expect(destination.receipts.map((receipt) => receipt.webhookId)).toEqual([stored!.requestId]);
  // The first attempt left no record, only its number.
  expect(delivery.attemptList.map(({ number, node: by }) => [number, by])).toEqual([[2, 'survivor']]);
});

test('a callback whose node was killed mid-attempt is delivered by another under the same webhook-id', async () => {
  const node = await survivor();
  const doomed = await startNode();
  const destination = await receiver(async (_receipt, nth) => {
    if (nth === 1) await doomed.kill();
    return nth === 1 ? null : ACKNOWLEDGED;
  });
  doomed.send(destination.url);
  await destination.received(2);
  const [first, second] = destination.receipts;
  expect(second!.webhookId).toBe(first!.webhookId);
  await deliveredBy(node, first!.webhookId);
  expect(destination.receipts.length).toBe(2);
});

test('a callback whose node was killed after the answer and before the settle comes again under the same webhook-id', async () => {
  const node = await survivor();
  const doomed = await startNode();
  const lock = await database.pool.connect();
  const destination = await receiver(async ({ webhookId }, nth) => {
    // The row is locked by us: the settlement cannot pass, and claims skip it.
    if (nth === 1) {
      await lock.query('begin');
      await lock.query('select 1 from delivery_queue where request_id = $1 for update', [webhookId]);
    }
    return ACKNOWLEDGED;
  });
  doomed.send(destination.url);
  const told = await doomed.reported('accepted');
  expect(told.outcome).toBe('delivered');
  await doomed.kill();
  await lock.query('rollback');
  lock.release();
  await destination.received(2);
  await deliveredBy(node, told.requestId);
  expect(destination.receipts.map((receipt) => receipt.webhookId)).toEqual([told.requestId, told.requestId]);
});

test.each([1, 37, 150])(
  'killed under load at message %i: every accepted message arrives, repeats share their id',
  async (at) => {
    const node = await survivor();
    const doomed = await startNode();
    const destination = await receiver((_receipt, nth) => {
      if (nth === at) void doomed.kill();
      return ACKNOWLEDGED;
    });
    for (let n = 0; n < 200; n += 1) doomed.send(destination.url);
    await destination.received(at);
    await doomed.kill();
    await takenUp();
    const stored = (await node.relay.listDeliveries({ limit: 1_000 })).filter(({ url }) => url === destination.url);
    await Promise.all(stored.map(({ requestId }) => deliveredBy(node, requestId)));
    const ledger = new Set(destination.receipts.map((receipt) => receipt.webhookId));
    expect(ledger).toEqual(new Set(stored.map(({ requestId }) => requestId)));
    for (const report of doomed.reports) if (report.kind === 'accepted') expect(ledger).toContain(report.requestId);
  },
);

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import { createSubscriptions, type Subscriptions } from '../../src/subscriptions/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { APP_ID, eventually, SHORT_LIMITS, startRelayService } from '../support/relay-service.ts';
import type { ChildReport } from '../support/subscription-child.ts';

const SUBSCRIPTIONS = 1_000;

const database = await createTestDatabase({ poolSizeMax: 12 });
const closing: (() => Promise<unknown>)[] = [];
let destination: Receiver;

beforeEach(async () => {
  await database.pool.query('truncate event_subscription, event_idempotency_key');
  destination = await startReceiver(() => ({ body: '{"response_code":"000"}' }));
  closing.push(destination.close);
  await database.pool.query(
    `insert into event_subscription
     select $1, gen_random_uuid(), (array['a', 'a.gs', 'a.gs.cert', 'a.gs.cert.1'])[1 + n % 4], $2 || '?n=' || n,
            sha256(n::text::bytea), null, false, now()
     from generate_series(1, $3) n`,
    [APP_ID, destination.url, SUBSCRIPTIONS],
  );
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => database.drop());

let nodes = 0;

/** A node that publishes, and reports when its nth delivery is written; its sessions are ended with it. */
async function startNode(at: number, fault?: 'hold') {
  nodes += 1;
  const name = `publishing-${nodes}`;
  const script = new URL('../support/subscription-child.ts', import.meta.url);
  const child: ChildProcess = fork(script, [database.url, name, String(at), ...(fault === undefined ? [] : [fault])]);
  const reports: ChildReport[] = [];
  child.on('message', (report: ChildReport) => reports.push(report));
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
    await database.pool.query(
      'select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name = $1',
      [name],
    );
  };
  closing.push(kill);
  const reported = <Kind extends ChildReport['kind']>(kind: Kind) =>
    eventually(async () =>
      reports.find((report): report is Extract<ChildReport, { kind: Kind }> => report.kind === kind),
    );
  await reported('ready');
  return { publish: (key: string) => void child.send(key), reported, kill };
}

/** The node that is left: its dispatcher delivers what was committed. */
async function survivor(): Promise<Subscriptions> {
  const { relay, stop } = await startRelayService({
    database,
    clock: systemClock,
    limits: SHORT_LIMITS,
    nodeName: 'survivor',
  });
  closing.push(stop);
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });
  closing.push(() => egress.close());
  return createSubscriptions({ db: database.db, clock: systemClock, egress, relay });
}

async function stored(): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    'select count(*) as count from delivery where url like $1',
    [`${destination.url}?%`],
  );
  return rows[0]!.count;
}

async function publications(): Promise<number> {
  const entries = await listAudit(database.db, { appId: APP_ID, limit: 1_000 });
  return entries.filter(({ action }) => action === 'event.publish').length;
}

/** As the caller does who was not answered: the same event under the same key. */
function publishAgain(node: Subscriptions, idempotencyKey: string) {
  return node.publish({
    appId: APP_ID,
    eventKey: 'a.gs.cert.1',
    levels: ['a', 'gs', 'cert', '1'],
    content: '{"n":1}',
    idempotencyKey,
  });
}

/** Waits until every subscription has it, and answers how many different messages came. */
async function messagesReceived(): Promise<number> {
  await eventually(async () => new Set(destination.receipts.map(({ webhookId }) => webhookId)).size >= SUBSCRIPTIONS);
  return new Set(destination.receipts.map(({ webhookId }) => webhookId)).size;
}

test('an event whose node was killed amid its deliveries is published to nobody, and again to all', async () => {
  const before = await publications();
  const doomed = await startNode(400, 'hold');
  doomed.publish('amid');
  await doomed.reported('writing');
  await doomed.kill();
  expect([await stored(), await publications()]).toEqual([0, before]);
  expect((await publishAgain(await survivor(), 'amid')).deliveries).toBe(SUBSCRIPTIONS);
  expect(await messagesReceived()).toBe(SUBSCRIPTIONS);
  expect([await stored(), await publications()]).toEqual([SUBSCRIPTIONS, before + 1]);
});

test('an event whose node was killed after the commit is not published twice', async () => {
  const before = await publications();
  const doomed = await startNode(0);
  doomed.publish('after');
  const { eventId } = await doomed.reported('published');
  await doomed.kill();
  expect(await publishAgain(await survivor(), 'after')).toEqual({ eventId, deliveries: SUBSCRIPTIONS });
  expect(await messagesReceived()).toBe(SUBSCRIPTIONS);
  expect([await stored(), await publications()]).toEqual([SUBSCRIPTIONS, before + 1]);
});

test.each([1, 500, SUBSCRIPTIONS])(
  'killed while it goes on from delivery %i: all deliveries are there or none, and after a repeat all, once',
  async (at) => {
    const before = await publications();
    const doomed = await startNode(at);
    doomed.publish(`race-${at}`);
    await doomed.reported('writing');
    await doomed.kill();
    const left = await stored();
    expect([0, SUBSCRIPTIONS]).toContain(left);
    expect(await publications()).toBe(before + left / SUBSCRIPTIONS);
    expect((await publishAgain(await survivor(), `race-${at}`)).deliveries).toBe(SUBSCRIPTIONS);
    expect(await messagesReceived()).toBe(SUBSCRIPTIONS);
    expect([await stored(), await publications()]).toEqual([SUBSCRIPTIONS, before + 1]);
  },
);

import type { CompiledQuery } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase, type Database, type Executor, type Transaction } from '../../src/platform/database/index.ts';
import { uuidV7 } from '../../src/platform/ids.ts';
import { claimDue, findDueLanes, giveBack, loadMessages, takeBackEndedLeases } from '../../src/relay/claim-store.ts';
import { findDelivery } from '../../src/relay/delivery-store.ts';
import { RELAY_POOL_SETTINGS } from '../../src/relay/index.ts';
import { insertEnded } from '../../src/relay/ended-store.ts';
import { insertDeliveries, insertOrderedWithin } from '../../src/relay/insert-store.ts';
import { endWaiting, holdDelivery, releaseParked } from '../../src/relay/operator-store.ts';
import { isOutdated, requeueEnded } from '../../src/relay/requeue-store.ts';
import { settleAttempts } from '../../src/relay/settle-store.ts';
import { findState, type NewDelivery, type Settlement } from '../../src/relay/store.ts';
import { createTestDatabase } from '../support/database.ts';
import { APP_ID } from '../support/relay-service.ts';

const NOW = new Date();
const LANES = Array.from({ length: 40 }, (_, n) => `${APP_ID}/callee-${n}`);
const BIG_LANE = LANES[0]!;
const WAITING_ROWS = 200_000;
const KEY = 'F1';
const QUEUED_OF_KEY = 200;

const database = await createTestDatabase();
// One session, set as the relay's own are, whose prepared plans were made while the tables were empty.
const session = await openDatabase({
  url: database.url,
  poolSizeMax: 1,
  applicationName: 'plans',
  settings: RELAY_POOL_SETTINGS.prompt,
  statementTimeoutMs: 0,
});

function row(lane: string, change: Partial<NewDelivery> = {}): NewDelivery {
  return {
    appId: APP_ID,
    requestId: uuidV7(NOW),
    lane,
    state: 'leased',
    orderingKey: null,
    latestOnly: false,
    profile: 'plain',
    url: 'http://127.0.0.1/',
    urlVersion: 1,
    calleeAppId: APP_ID,
    calleeNo: lane.slice(APP_ID.length + 1),
    callerNo: null,
    messageType: 'T',
    content: '{"n":1}',
    contentBytes: 7,
    attemptsMax: null,
    delaysMs: null,
    traceParent: null,
    leaseOwner: 'node-1',
    dueAt: new Date(NOW.getTime() + 60_000),
    reason: null,
    acceptedAt: NOW,
    occurredAt: null,
    idempotency: null,
    ...change,
  };
}

function settlement(delivery: NewDelivery, next: Settlement['next']): Settlement {
  const { appId, requestId, lane, orderingKey } = delivery;
  const attempt = {
    number: 1,
    startedAt: NOW,
    durationMs: 1,
    outcome: 'acknowledged',
    status: 200,
    reason: null,
    answer: null,
    url: 'http://127.0.0.1/',
    remoteAddress: '127.0.0.1',
    tlsFingerprint: null,
    requestSha256: null,
    node: 'node-1',
  } as const;
  const about = { appId, requestId, lane, orderingKey, latestOnly: true, leaseToken: 1 };
  return { ...about, next, endedAt: NOW, attempt, deliverySha256: '00'.repeat(32) };
}

const claim = (lanes: readonly string[], max: number) => ({
  node: 'node-1',
  now: NOW,
  leaseEndsAt: new Date(NOW.getTime() + 45_000),
  quotas: lanes.map((lane) => ({ lane, max })),
  bytesMax: 1e9,
});

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

interface Cost {
  /** Blocks that were looked at, the triggers' and the planner's own aside. */
  readonly blocks: number;
  /** Rows that any scan of a table looked at. */
  readonly rowsScanned: number;
}

function rowsScannedBy(node: PlanNode): number {
  const looked =
    node['Relation Name'] === undefined || !node['Node Type'].includes('Scan')
      ? 0
      : (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)) *
        node['Actual Loops'];
  return (node.Plans ?? []).reduce((sum, inner) => sum + rowsScannedBy(inner), looked);
}

/** Runs a store function in a transaction that is rolled back, and says what each of its statements looked at. */
async function costOf(work: (tx: Transaction) => Promise<unknown>): Promise<Cost> {
  const executor = session.db.getExecutor();
  const statements: CompiledQuery[] = [];
  const recording = new Proxy(executor, {
    get: (target, property) => {
      if (property === 'executeQuery') {
        return (query: CompiledQuery) => {
          statements.push(query);
          return target.executeQuery(query);
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const executeQuery = (query: CompiledQuery) => recording.executeQuery(query);
  const recorder = { getExecutor: () => recording, executeQuery } as unknown as Transaction;
  await session.pool.query('begin');
  try {
    const total = { blocks: 0, rowsScanned: 0 };
    await work(recorder);
    await session.pool.query('rollback');
    for (const statement of statements.filter(({ sql }) => !/^\s*set /.test(sql))) {
      await session.pool.query('begin');
      // What stands before it in the transaction has to stand before it here too.
      for (const before of statements.slice(0, statements.indexOf(statement))) await executor.executeQuery(before);
      const { blocks, rowsScanned } = await explain(statement);
      await session.pool.query('rollback');
      total.blocks += blocks;
      total.rowsScanned += rowsScanned;
    }
    return total;
  } finally {
    await session.pool.query('rollback');
  }
}

/** The transaction that a store function would begin is there already. */
function inTransaction(tx: Transaction): Database {
  const transaction = () => ({ execute: (work: (within: Transaction) => Promise<unknown>) => work(tx) });
  const executeQuery = (query: CompiledQuery) => tx.executeQuery(query);
  return Object.assign(Object.create(tx) as Database, {
    getExecutor: () => tx.getExecutor(),
    executeQuery,
    transaction,
  });
}

async function explain({ sql, parameters }: CompiledQuery): Promise<Cost> {
  let name = /^\s*\/\* prepared (\w+) \*\//.exec(sql)?.[1];
  if (name === undefined) {
    name = 'explained';
    await session.pool.query(`deallocate prepare ${name}`).catch(() => undefined);
    await session.pool.query(`prepare ${name} as ${sql}`);
  }
  const literals = parameters.map((parameter) => literal(parameter));
  const { rows } = await session.pool.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `explain (analyze, buffers, timing off, format json) execute ${name}${literals.length > 0 ? `(${literals.join(', ')})` : ''}`,
  );
  const plan = rows[0]!['QUERY PLAN'][0].Plan;
  return { blocks: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], rowsScanned: rowsScannedBy(plan) };
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) {
    const items = value.map((item) =>
      item === null || item === undefined ? 'null' : `"${text(item).replaceAll(/(["\\])/g, '\\$1')}"`,
    );
    return quoted(`{${items.join(',')}}`);
  }
  return quoted(text(value));
}

function text(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return `\\x${value.toString('hex')}`;
  return String(value);
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

const BATCH = 64;
/** What all nodes together have under way. */
const LEASED_ROWS = 4_096;
const leased = Array.from({ length: LEASED_ROWS }, (_, n) => row(LANES[n % LANES.length]!));
const batch = leased.slice(LEASED_ROWS / 2, LEASED_ROWS / 2 + BATCH);
const ordered = { head: row(BIG_LANE, { orderingKey: KEY }) };

type HeldRow = NonNullable<Awaited<ReturnType<typeof holdDelivery>>>;

/** Every statement once, so that those that are prepared have their plans. */
async function prepareOnEmptyTables(db: Executor): Promise<void> {
  await session.pool.query('begin');
  const [first] = await claimDue(db, claim(LANES, 1));
  expect(first).toBeUndefined();
  const delivery = row(BIG_LANE);
  await insertDeliveries(db, [delivery]);
  await insertDeliveries(db, [row(BIG_LANE, { idempotency: { key: 'k', fingerprint: Buffer.alloc(32) } })]);
  await settleAttempts(session.db, [settlement(delivery, { state: 'delivered' })]);
  const ended = row(BIG_LANE);
  await insertEnded(session.db, [{ row: ended, settlement: settlement(ended, { state: 'delivered' }) }]);
  await session.pool.query('rollback');
}

beforeAll(async () => {
  for (const table of ['delivery_queue', 'delivery_default', 'callee', 'relay_lane']) {
    await session.pool.query(`alter table ${table} set (autovacuum_enabled = off)`);
  }
  await prepareOnEmptyTables(session.db);
  await session.pool.query(
    `with made as (
       select n, case when n % 4 = 0 then $2::text[] else $3::text[] end as lanes, gen_random_uuid() as request_id
       from generate_series(1, $1::integer) as n
     ), message as (
       insert into delivery (app_id, request_id, profile, url, message_type, content, accepted_at)
       select $4, request_id, 'plain', 'http://127.0.0.1/', 'T', '{"n":1}', now() from made
     )
     insert into delivery_queue (app_id, request_id, lane, state, attempts, schedule_attempts, lease_token, due_at,
                                 ordering_key, content_bytes, accepted_at)
     select $4, request_id, lanes[1 + n % cardinality(lanes)],
            case when n % 10 = 1 then 'queued' else 'waiting' end, 0, 0, 0,
            case when n % 10 <> 1 then now() - interval '1 minute' end, case when n % 10 < 2 then 'K' || n % 10000 / 10 end, 7, now()
     from made`,
    [WAITING_ROWS, LANES, [BIG_LANE], APP_ID],
  );
  await insertDeliveries(session.db, leased);
  await insertOrderedWithin(session.db as Transaction, [ordered.head]);
  await insertOrderedWithin(
    session.db as Transaction,
    Array.from({ length: QUEUED_OF_KEY }, () => row(BIG_LANE, { orderingKey: KEY })),
  );
  await session.pool.query(
    `insert into callee (app_id, callee_no, url, profile, sign_type, enabled, created_at, updated_at, latest_only)
     select $1, 'callee-' || n, 'http://127.0.0.1/', 'etc-relay', 'RSA', true, now(), now(), true from generate_series(0, 39) as n`,
    [APP_ID],
  );
});

afterAll(async () => {
  await session.close();
  await database.drop();
});

describe(`with ${WAITING_ROWS} messages waiting, ${LEASED_ROWS} leased, and plans from before`, () => {
  test('a claim costs what it takes', async () => {
    const ofOneLane = await costOf((tx) => claimDue(tx, claim([BIG_LANE], BATCH)));
    expect(ofOneLane.rowsScanned).toBeLessThan(BATCH * 4);
    expect(ofOneLane.blocks).toBeLessThan(BATCH * 24);
    const ofAll = await costOf((tx) => claimDue(tx, claim(LANES, 2)));
    expect(ofAll.rowsScanned).toBeLessThan(LANES.length * 8);
    expect(ofAll.blocks).toBeLessThan(LANES.length * 40);
  });

  test.each([
    ['delivered', { state: 'delivered' }],
    ['to be tried again', { state: 'waiting', reason: 'status_500', nextAttemptAt: NOW }],
    ['failed', { state: 'failed', reason: 'status_410' }],
  ] as const)('settling a batch that is %s costs its rows, not what is leased', async (_name, next) => {
    const cost = await costOf((tx) =>
      settleAttempts(
        inTransaction(tx),
        batch.map((delivery) => settlement(delivery, next)),
      ),
    );
    expect(cost.rowsScanned).toBeLessThan(BATCH * 8);
    expect(cost.blocks).toBeLessThan(BATCH * 40);
  });

  test.each([
    ['delivered', { state: 'delivered' }],
    ['to be tried again', { state: 'waiting', reason: 'timeout', nextAttemptAt: NOW }],
    ['failed', { state: 'failed', reason: 'status_410' }],
  ] as const)('writing a batch out of the journal that is %s costs its rows', async (_name, next) => {
    const cost = await costOf((tx) =>
      insertEnded(
        inTransaction(tx),
        Array.from({ length: BATCH }, () => row(BIG_LANE)).map((fresh) => ({
          row: fresh,
          settlement: settlement(fresh, next),
        })),
      ),
    );
    expect(cost.rowsScanned).toBeLessThan(BATCH * 8);
    expect(cost.blocks).toBeLessThan(BATCH * 40);
  });

  test('settling one of a key lets the next of it go without a look at anything else', async () => {
    const ended = [settlement(ordered.head, { state: 'delivered' })];
    const cost = await costOf((tx) => settleAttempts(inTransaction(tx), ended));
    expect(cost.rowsScanned).toBeLessThan(QUEUED_OF_KEY);
    expect(cost.blocks).toBeLessThan(200);
  });

  const few: Record<string, (tx: Transaction) => Promise<unknown>> = {
    'lanes with something due': (tx) => findDueLanes(tx, NOW),
    'leases that have ended': (tx) => takeBackEndedLeases(tx, NOW),
    'the state of one': (tx) => findState(tx, batch[0]!.requestId),
    'all of one': (tx) => findDelivery(tx, batch[0]!.requestId),
    'one behind others of its key': (tx) => insertOrderedWithin(tx, [row(BIG_LANE, { orderingKey: KEY })]),
    'one that is held by an operator': (tx) => holdDelivery(tx, ordered.head),
    'one that is skipped': (tx) => endWaiting(tx, ordered.head, ordered.head as HeldRow, { reason: 'x', at: NOW }),
    'one that is released': (tx) => releaseParked(tx, ordered.head, ordered.head as HeldRow, NOW),
    'whether a later one took the place of one': (tx) => isOutdated(tx, ordered.head),
    'one that is replayed': (tx) =>
      requeueEnded(tx, [{ ...ordered.head, keptKey: KEY, orderingKeyPath: null }], { at: NOW, evenSuperseded: false }),
  };
  test.each(Object.entries(few))('%s: a few rows and blocks', async (_name, work) => {
    const { rowsScanned, blocks } = await costOf(work);
    expect(rowsScanned).toBeLessThan(100);
    expect(blocks).toBeLessThan(200);
  });

  test('messages of a claim are read, and given back, one by one', async () => {
    const claimed = batch.map((delivery) =>
      Object.assign(delivery, { leaseToken: 1, attempts: 1, scheduleAttempts: 1 }),
    );
    const read = await costOf((tx) => loadMessages(tx, claimed));
    expect(read.rowsScanned).toBeLessThan(BATCH * 4);
    const given = await costOf((tx) => giveBack(tx, claimed, 'destination_disabled'));
    expect(given.rowsScanned).toBeLessThan(BATCH * 4);
  });
});

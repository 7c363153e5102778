import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { APP_ID, NOW, startBank, type BankFixture } from '../support/bank-fixture.ts';

const DAY_MS = 86_400_000;

let fixture: BankFixture;
beforeAll(async () => {
  fixture = await startBank();
});
afterAll(() => fixture.stop());
beforeEach(async () => {
  fixture.time.now = NOW;
  await sql`truncate bank_channel cascade`.execute(fixture.database.db);
});

function inTransaction<T>(
  work: (tx: Parameters<BankFixture['bank']['allocateSubAccount']>[0]) => Promise<T>,
): Promise<T> {
  return fixture.database.db.transaction().execute(work);
}
const allocate = (flowId: string, bank = fixture.bank): Promise<{ subAccountNo: string; channel: string }> =>
  inTransaction((tx) => bank.allocateSubAccount(tx, { appId: APP_ID, flowId }));
const release = (flowId: string): Promise<void> =>
  inTransaction((tx) => fixture.bank.releaseSubAccount(tx, { appId: APP_ID, flowId }));

const STATEMENTS = { format: 'csv', encoding: 'auto', columns: {}, information: 'untrusted' } as const;

test('without a channel there is no number; a channel that is off is none', async () => {
  expect(await fixture.bank.available(fixture.database.db)).toBe(false);
  await expect(allocate('1')).rejects.toMatchObject({ code: 'no_bank_channel' });
  await fixture.setChannel({ enabled: false });
  expect(await fixture.bank.available(fixture.database.db)).toBe(false);
  await expect(allocate('1')).rejects.toMatchObject({ code: 'no_bank_channel' });
  await fixture.setChannel({ enabled: true });
  expect(await fixture.bank.available(fixture.database.db)).toBe(true);
});

test('a rule counts up; a flow that has a number gets it again, with the main account', async () => {
  await fixture.setChannel();
  expect(await allocate('1')).toEqual({
    channel: 'pingan',
    subAccountNo: '30206857000001',
    mainAccountName: '印信示范科技有限公司',
    mainAccountBank: '平安银行杭州西湖支行',
    mainAccountNo: '30206857000000',
  });
  expect((await allocate('1')).subAccountNo).toBe('30206857000001');
  expect((await allocate('2')).subAccountNo).toBe('30206857000002');
  expect(await fixture.bank.subAccountOf(fixture.database.db, { appId: APP_ID, flowId: '2' })).toMatchObject({
    subAccountNo: '30206857000002',
  });
  expect(await fixture.bank.subAccountOf(fixture.database.db, { appId: 'ANOTHER', flowId: '2' })).toBeNull();
});

test('a number is not given out again inside its cool-down, and one that was never used comes first', async () => {
  await fixture.setChannel({ numbers: { kind: 'pool' }, addNumbers: ['7001', '7002'], coolDownDays: 30 });
  const first = await allocate('1');
  await release('1');
  expect((await allocate('2')).subAccountNo).not.toBe(first.subAccountNo);
  await expect(allocate('3')).rejects.toMatchObject({ code: 'sub_accounts_exhausted' });
  fixture.time.now = new Date(NOW.getTime() + 30 * DAY_MS - 1);
  await expect(allocate('3')).rejects.toMatchObject({ code: 'sub_accounts_exhausted' });
  fixture.time.now = new Date(NOW.getTime() + 30 * DAY_MS);
  expect((await allocate('3')).subAccountNo).toBe(first.subAccountNo);
});

test('a rule ends at its width', async () => {
  await fixture.setChannel({ numbers: { kind: 'rule', prefix: '888', width: 1 } });
  const numbers = [];
  for (let flow = 1; flow <= 9; flow += 1) numbers.push((await allocate(String(flow))).subAccountNo);
  expect(numbers).toEqual(['8881', '8882', '8883', '8884', '8885', '8886', '8887', '8888', '8889']);
  await expect(allocate('10')).rejects.toMatchObject({ code: 'sub_accounts_exhausted' });
});

test('two nodes that give out numbers at once never give out the same', async () => {
  await fixture.setChannel();
  const nodes = [fixture.bank, fixture.anotherNode()];
  const given = await Promise.all(Array.from({ length: 450 }, (_, flow) => allocate(String(flow), nodes[flow % 2])));
  expect(new Set(given.map(({ subAccountNo }) => subAccountNo)).size).toBe(450);
  const again = await Promise.all(Array.from({ length: 40 }, () => allocate('same').catch((error: unknown) => error)));
  const numbers = again.filter((one): one is { subAccountNo: string; channel: string } => !(one instanceof Error));
  expect(new Set(numbers.map(({ subAccountNo }) => subAccountNo)).size).toBe(1);
});

test('the last numbers of a pool go to exactly as many flows', async () => {
  const numbers = Array.from({ length: 20 }, (_, index) => `9${String(index).padStart(5, '0')}`);
  await fixture.setChannel({ numbers: { kind: 'pool' }, addNumbers: numbers });
  const given = await Promise.allSettled(Array.from({ length: 30 }, (_, flow) => allocate(String(flow))));
  const got = given.flatMap((one) => (one.status === 'fulfilled' ? [one.value.subAccountNo] : []));
  expect(got.toSorted()).toEqual(numbers);
  for (const one of given) {
    if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'sub_accounts_exhausted' });
  }
});

test('a full channel makes place for the next; the sandbox comes last', async () => {
  await fixture.setChannel({ channel: 'a-sandbox', sandbox: true });
  await fixture.setChannel({ channel: 'small', numbers: { kind: 'pool' }, addNumbers: ['7001'] });
  expect((await allocate('1')).channel).toBe('small');
  expect((await allocate('2')).channel).toBe('a-sandbox');
});

test('after a change of numbering the former numbers are not given out any more', async () => {
  await fixture.setChannel({ coolDownDays: 0 });
  await allocate('1');
  await release('1');
  await fixture.setChannel({ coolDownDays: 0, numbers: { kind: 'rule', prefix: '555', width: 6 } });
  for (let flow = 2; flow < 10; flow += 1) expect((await allocate(String(flow))).subAccountNo).toMatch(/^555\d{6}$/);
});

test('what changes of a channel is audited, its secret neither told nor stored in the clear', async () => {
  const secret = 'a-secret-of-more-than-thirty-two-characters';
  await fixture.setChannel({ secret });
  await fixture.bank.setChannel({ channel: 'pingan', coolDownDays: 10, actor: 'operator' });
  const channel = await fixture.bank.showChannel('pingan');
  expect(channel).toMatchObject({ coolDownDays: 10, hasSecret: true, subAccounts: { unused: 0, inUse: 0 } });
  const { rows } = await sql<{ text: string }>`select c::text as text from bank_channel c`.execute(fixture.database.db);
  const audit = await listAudit(fixture.database.db, { appId: '*', subject: 'bank_channel:pingan', limit: 2 });
  expect(JSON.stringify([channel, rows, audit])).not.toContain(secret);
  expect(audit.map(({ action }) => action)).toEqual(['bank_channel.change', 'bank_channel.create']);
});

test.each([
  [{ channel: 'Ünicode' }, 'channel'],
  [{ mainAccountName: ' ' }, 'mainAccountName'],
  [{ mainAccountNo: '12' }, 'mainAccountNo'],
  [{ numbers: { kind: 'rule', prefix: '1', width: 16 } as const }, 'numbers.width'],
  [{ numbers: { kind: 'rule', prefix: '.*', width: 6 } as const }, 'numbers.prefix'],
  [{ coolDownDays: -1 }, 'coolDownDays'],
  [{ secret: 'short' }, 'secret'],
  [{ watchFolder: 'relative' }, 'watchFolder'],
  [{ addNumbers: ['1234'] }, 'addNumbers'],
  [{ statements: { ...STATEMENTS, columns: { nothing: 'x' } } } as never, 'map'],
  [{ statements: { ...STATEMENTS, information: 'guessed' } } as never, 'information'],
])('a channel of %o is refused', async (change, field) => {
  await expect(fixture.setChannel(change)).rejects.toMatchObject({ code: 'bank_channel_invalid', params: { field } });
});

test('consulted: by a statement read to its end, an empty one too; not by one that broke off', async () => {
  await fixture.setChannel();
  const account = { channel: 'pingan', subAccountNo: '1' };
  const consulted = (since: Date): Promise<boolean> => fixture.bank.consultedSince(fixture.database.db, account, since);
  const { bytes, CAMT054_HEAD, CAMT054_TAIL, camtEntry } = await import('../support/bank-fixture.ts');
  const bring = (text: string): Promise<unknown> =>
    fixture.bank.importStatement({
      channel: 'pingan',
      content: bytes(text),
      fileName: 'x',
      format: 'camt054',
      actor: 'operator',
    });
  expect(await consulted(NOW)).toBe(false);
  await bring(CAMT054_HEAD + camtEntry({ to: '1', reference: 'C1' }));
  await expect(bring('')).rejects.toMatchObject({
    code: 'statement_invalid',
    params: { reason: 'no_camt054_in_file' },
  });
  await bring(CAMT054_HEAD + camtEntry({ to: '1', reference: 'C2', amount: 'x' }) + CAMT054_TAIL);
  expect(await consulted(NOW)).toBe(false);
  await bring(CAMT054_HEAD + CAMT054_TAIL);
  expect(await consulted(NOW)).toBe(true);
  expect(await consulted(new Date(NOW.getTime() + 1))).toBe(false);
});

test('orders: an amount of 1 to 99 fen, confirmed once', async () => {
  const owner = { appId: APP_ID, flowId: '77' };
  const order = {
    ...owner,
    payeeName: '杭州青松软件有限公司',
    payeeAccountNo: '33050161001100000018',
    payeeBank: '中国建设银行',
    payeeSubbranch: '中国建设银行股份有限公司杭州高新支行',
  };
  await expect(inTransaction((tx) => fixture.bank.createOrder(tx, order))).rejects.toMatchObject({
    code: 'no_bank_channel',
  });
  await fixture.setChannel();
  const amounts = new Set<number>();
  for (let index = 0; index < 300; index += 1) {
    const { amountFen } = await inTransaction((tx) =>
      fixture.bank.createOrder(tx, { ...order, flowId: `amount-${index}` }),
    );
    expect(amountFen).toBeGreaterThanOrEqual(1);
    expect(amountFen).toBeLessThanOrEqual(99);
    amounts.add(amountFen);
  }
  expect(amounts.size).toBeGreaterThan(60);
  const ended: string[] = [];
  fixture.identity.paymentOrderEnded = async (_tx, { orderId, state }) => void ended.push(`${orderId} ${state}`);
  const { orderId } = await inTransaction((tx) => fixture.bank.createOrder(tx, order));
  expect(await fixture.bank.orderOf(fixture.database.db, owner)).toMatchObject({ orderId, state: 'created' });
  const paid = { orderId, outcome: { state: 'paid', bizFlowNo: 'P1' }, actor: 'operator' } as const;
  expect(await fixture.bank.confirmOrder(paid)).toMatchObject({ state: 'paid', bizFlowNo: 'P1' });
  expect(await fixture.bank.confirmOrder(paid)).toMatchObject({ state: 'paid' });
  expect(ended).toEqual([`${orderId} paid`]);
  const failed = { ...paid, outcome: { state: 'failed', reason: '户名不符' } } as const;
  await expect(fixture.bank.confirmOrder(failed)).rejects.toMatchObject({ code: 'payment_order_ended' });
  await expect(fixture.bank.confirmOrder({ ...paid, orderId: 'none' })).rejects.toMatchObject({
    code: 'payment_order_not_found',
  });
  expect((await fixture.bank.listOrders({ state: 'paid' })).map((one) => one.orderId)).toEqual([orderId]);
  const { rows } = await sql<{ text: string }>`
    select o::text as text from bank_payment_order o where order_id = ${orderId}
  `.execute(fixture.database.db);
  expect(rows[0]!.text).not.toContain('33050161001100000018');
});

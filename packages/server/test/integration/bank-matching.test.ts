import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ImportResult } from '../../src/bank/index.ts';
import { bytes, camt054, COMPANY, NOW, startBank, type BankFixture, type PaidLine } from '../support/bank-fixture.ts';

let fixture: BankFixture;
beforeAll(async () => {
  fixture = await startBank();
  await fixture.setChannel();
});
afterAll(() => fixture.stop());
beforeEach(() => {
  fixture.identity.told = [];
  fixture.identity.onPayment = () => undefined;
  fixture.time.now = NOW;
});

let references = 0;
const reference = (): string => `REF${(references += 1).toString().padStart(6, '0')}`;

async function bring(...lines: PaidLine[]): Promise<ImportResult> {
  return fixture.bank.importStatement({
    channel: 'pingan',
    content: bytes(camt054(lines)),
    fileName: 'test.xml',
    format: 'camt054',
    actor: 'operator',
  });
}

const told = (): unknown[] => fixture.identity.told.map(({ flowId, verdict }) => [flowId, verdict]);

test('one fen from the company itself is its payment, with all that the bank told', async () => {
  const flow = await fixture.flow();
  const ref = reference();
  const result = await bring({ to: flow.subAccountNo, reference: ref, remittance: '企业认证' });
  expect(result).toMatchObject({ lines: 1, new: 1, known: 0, matched: 1, faults: [], complete: true });
  expect(told()).toEqual([[flow.flowId, { kind: 'paid' }]]);
  expect(fixture.identity.told[0]!.transaction).toMatchObject({
    channel: 'pingan',
    subAccountNo: flow.subAccountNo,
    bizFlowNo: ref,
    amountFen: 1,
    currency: 'CNY',
    creditDebit: 'credit',
    booked: true,
    reversal: false,
    payerName: COMPANY,
    payerAccountNo: '33050161001100000018',
    payerBankName: '中国建设银行股份有限公司杭州高新支行',
    tradedAt: new Date('2026-03-22T10:30:00Z'),
    remittance: '企业认证',
    source: 'camt054',
  });
});

const OTHERS: [string, Partial<PaidLine>, unknown][] = [
  ['0.02 yuan', { amount: '0.02' }, { kind: 'failed', reason: 'wrong_amount' }],
  ['a whole yuan', { amount: '1' }, { kind: 'failed', reason: 'wrong_amount' }],
  ['0.010 yuan, which is one fen', { amount: '0.010' }, { kind: 'paid' }],
  ['another payer', { payer: '北京白云贸易有限公司' }, { kind: 'failed', reason: 'wrong_payer' }],
  ['full-width brackets', { payer: '杭州青松（中国）软件有限公司' }, { kind: 'failed', reason: 'wrong_payer' }],
  ['spaces in the name', { payer: ' 杭州青松 软件　有限公司 ' }, { kind: 'paid' }],
  ['a person', { payer: '张伟' }, { kind: 'failed', reason: 'personal_account' }],
  ['a clearing account', { payer: '支付机构客户备付金' }, { kind: 'failed', reason: 'personal_account' }],
  ['a name cut short', { payer: '杭州青松软件' }, { kind: 'near_miss', reason: 'differs_in_legal_form' }],
  ['US dollars', { currency: 'USD' }, { kind: 'failed', reason: 'wrong_currency' }],
];
test.each(OTHERS)('%s', async (_name, change, verdict) => {
  const flow = await fixture.flow();
  await bring({ to: flow.subAccountNo, reference: reference(), ...change });
  expect(told()).toEqual([[flow.flowId, verdict]]);
});

test('brackets of either width are the same', async () => {
  const flow = await fixture.flow('青松软件（杭州）有限公司');
  await bring({ to: flow.subAccountNo, reference: reference(), payer: '青松软件(杭州)有限公司' });
  expect(told()).toEqual([[flow.flowId, { kind: 'paid' }]]);
});

test('the same line twice, in one file, in overlapping files and by another way, is one transaction', async () => {
  const flow = await fixture.flow();
  const line = { to: flow.subAccountNo, reference: reference() };
  expect(await bring(line, line)).toMatchObject({ lines: 2, new: 1, known: 1, matched: 1 });
  expect(await bring({ to: '30206857999999', reference: reference() }, line)).toMatchObject({ new: 1, known: 1 });
  expect(told()).toEqual([[flow.flowId, { kind: 'paid' }]]);
});

test('another transaction under a known reference is reported and not taken for the known one', async () => {
  const flow = await fixture.flow();
  const line = { to: flow.subAccountNo, reference: reference() };
  await bring({ ...line, amount: '5.00' });
  const result = await bring(line);
  expect(result).toMatchObject({ new: 0, known: 0, faults: [{ line: 1, reason: 'reference_of_another_transaction' }] });
  expect(told()).toEqual([[flow.flowId, { kind: 'failed', reason: 'wrong_amount' }]]);
});

test('a payment to a number that nobody holds is kept and stays nobody’s when the number is given out', async () => {
  const before = await fixture.flow();
  await fixture.endFlow(before.flowId);
  const line = { to: before.subAccountNo, reference: reference() };
  expect(await bring(line)).toMatchObject({ new: 1, unclaimed: 1 });
  // After the cool-down another flow gets the number, since the fresh ones are taken away.
  fixture.time.now = new Date(NOW.getTime() + 91 * 86_400_000);
  await sql`update bank_sub_account set reusable_at = 'infinity' where reusable_at is null and app_id is null`.execute(
    fixture.database.db,
  );
  await sql`update bank_channel set rule_next = 1000000`.execute(fixture.database.db);
  const after = await fixture.flow();
  expect(after.subAccountNo).toBe(before.subAccountNo);
  expect(await bring(line)).toMatchObject({ known: 1 });
  // A line of the former flow's time that comes only now is not the new flow's either.
  expect(await bring({ ...line, reference: reference() })).toMatchObject({ new: 1, unclaimed: 1 });
  expect(told()).toEqual([]);
  await bring({ ...line, reference: reference(), at: '2026-06-21T18:30:00' });
  expect(told()).toEqual([[after.flowId, { kind: 'paid' }]]);
  await sql`update bank_channel set rule_next = 5000`.execute(fixture.database.db);
});

test('a day without a time counts to its end', async () => {
  const flow = await fixture.flow();
  await bring({ to: flow.subAccountNo, reference: reference(), at: '2026-03-21' });
  expect(told()).toEqual([]);
  await bring({ to: flow.subAccountNo, reference: reference(), at: '2026-03-22' });
  expect(told()).toEqual([[flow.flowId, { kind: 'paid' }]]);
});

test('a pending line is not told; the booked one under the same reference is', async () => {
  const flow = await fixture.flow();
  const line = { to: flow.subAccountNo, reference: reference() };
  expect(await bring({ ...line, status: 'PDNG' })).toMatchObject({ new: 1, failed: 1 });
  expect(told()).toEqual([]);
  expect(await bring(line)).toMatchObject({ new: 1, matched: 1 });
  expect(await bring({ ...line, status: 'PDNG' })).toMatchObject({ known: 1 });
  expect(told()).toEqual([[flow.flowId, { kind: 'paid' }]]);
});

test('a debit that reverses nothing is kept and not told', async () => {
  const flow = await fixture.flow();
  await bring({ to: flow.subAccountNo, reference: reference(), direction: 'DBIT' });
  expect(told()).toEqual([]);
});

const REVERSED = { kind: 'failed', reason: 'reversed' };

test.each([
  ['under the same reference', (ref: string) => ({ reference: ref })],
  ['that names it in its text', (ref: string) => ({ reference: `${ref}-R`, remittance: `冲正 ${ref}` })],
  ['that names nothing, of the same amount on the same number', (ref: string) => ({ reference: `${ref}-X` })],
])('a reversal %s takes the payment back, also after the flow let go of its number', async (_name, naming) => {
  const flow = await fixture.flow();
  const ref = reference();
  await bring({ to: flow.subAccountNo, reference: ref });
  await fixture.endFlow(flow.flowId);
  const reversal = { to: flow.subAccountNo, direction: 'DBIT', reversal: true, ...naming(ref) } as const;
  expect(await bring(reversal)).toMatchObject({ new: 1, failed: 1 });
  expect(await bring(reversal)).toMatchObject({ new: 0, known: 1 });
  expect(told()).toEqual([
    [flow.flowId, { kind: 'paid' }],
    [flow.flowId, REVERSED],
  ]);
  const [paid, reversed] = fixture.identity.told;
  expect(reversed!.transaction).toEqual(paid!.transaction);
});

test('a payment and its reversal in one file, in either order, never leave the flow paid', async () => {
  for (const order of [1, -1]) {
    for (const other of ['', 'R']) {
      fixture.identity.told = [];
      const flow = await fixture.flow();
      const line = { to: flow.subAccountNo, reference: reference() };
      const reversal = { ...line, reference: line.reference + other, direction: 'DBIT', reversal: true } as const;
      await bring(...(order > 0 ? [line, reversal] : [reversal, line]));
      expect(told().at(-1)).toEqual([flow.flowId, REVERSED]);
    }
  }
});

test('a reversal that comes in an earlier file than its payment', async () => {
  const flow = await fixture.flow();
  const line = { to: flow.subAccountNo, reference: reference() };
  await bring({ ...line, direction: 'DBIT', reversal: true });
  expect(told()).toEqual([]);
  await bring(line);
  expect(told()).toEqual([[flow.flowId, REVERSED]]);
});

test('two flows of one company: each its own number, one payment verifies one of them', async () => {
  const [first, second] = [await fixture.flow(), await fixture.flow()];
  expect(first.subAccountNo).not.toBe(second.subAccountNo);
  await bring({ to: second.subAccountNo, reference: reference() });
  expect(told()).toEqual([[second.flowId, { kind: 'paid' }]]);
});

test('two nodes that import one file at once store and tell each payment once', async () => {
  const flows = [];
  for (let index = 0; index < 60; index += 1) flows.push(await fixture.flow());
  const lines = flows.map(({ subAccountNo }) => ({ to: subAccountNo, reference: reference() }));
  const [one, two] = [camt054(lines), camt054(lines.toReversed())];
  const nodes = [fixture.bank, fixture.anotherNode()];
  const results = await Promise.all(
    [one, two].map((text, index) =>
      nodes[index]!.importStatement({
        channel: 'pingan',
        content: bytes(text, 2_000),
        fileName: 'x',
        format: 'camt054',
        actor: 'operator',
      }),
    ),
  );
  expect(results.reduce((sum, result) => sum + result.new, 0)).toBe(60);
  expect(results.reduce((sum, result) => sum + result.known, 0)).toBe(60);
  expect(results.flatMap((result) => result.faults)).toEqual([]);
  expect(new Set(fixture.identity.told.map(({ flowId }) => flowId)).size).toBe(60);
  expect(fixture.identity.told).toHaveLength(60);
});

test('a line that the listener cannot take is reported, not stored, and brought again later', async () => {
  const [good, bad] = [await fixture.flow(), await fixture.flow()];
  const lines = [good, bad].map(({ subAccountNo }) => ({ to: subAccountNo, reference: reference() }));
  fixture.identity.onPayment = ({ flowId }) => {
    if (flowId === bad.flowId) throw new Error('no');
  };
  expect(await bring(...lines)).toMatchObject({ new: 1, matched: 1, faults: [{ line: 2, reason: 'not_stored' }] });
  fixture.identity.onPayment = () => undefined;
  expect(await bring(...lines)).toMatchObject({ new: 1, known: 1, matched: 1 });
  expect(new Set(fixture.identity.told.map(({ flowId }) => flowId))).toEqual(new Set([good.flowId, bad.flowId]));
});

test('account numbers and raw lines do not stand in the database in the clear', async () => {
  const flow = await fixture.flow();
  await bring({ to: flow.subAccountNo, reference: reference(), payerAccount: '6222020000111122223' });
  const { rows } = await sql<{ text: string; hash: Buffer }>`
    select t::text as text, raw_sha256 as hash from bank_transaction t order by received_at desc, transaction_id desc limit 1
  `.execute(fixture.database.db);
  expect(rows[0]!.text).not.toContain('6222020000111122223');
  expect(rows[0]!.text).not.toContain(Buffer.from('6222020000111122223').toString('hex'));
  expect(rows[0]!.hash).toHaveLength(32);
});

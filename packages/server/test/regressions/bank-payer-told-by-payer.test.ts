import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ImportResult } from '../../src/bank/index.ts';
import { bytes, camt054, COMPANY, NOW, startBank, type BankFixture, type PaidLine } from '../support/bank-fixture.ts';
import { readText, short } from '../support/statements.ts';

const OTHER = '北京白云贸易有限公司';
const BRANCH = '杭州分公司';
const ACCOUNT = '30206857000001';

const mt940 = (...information: string[]): string =>
  `:20:1\n:25:30206857000000\n:60F:C260322CNY1,00\n:61:2603220322C0,01NTRFNONREF//R1\n:86:${information.join('\n')}\n:62F:C260322CNY1,01\n-\n`;
const payerOf = (information: string): unknown => {
  const { items } = readText({ format: 'mt940' }, [mt940(information)]);
  return items.map((item) => (item.kind === 'entry' ? item.entry.payerName : item.reason));
};

test.each([
  ['labels in the text of a field of code words', `/ORDP/${OTHER}/VACC/${ACCOUNT}/REMI/对方户名:${COMPANY}`, [OTHER]],
  ['code words in the text of a field of labels', `对方户名:${OTHER} 附言:/ORDP/${COMPANY}/`, [OTHER]],
  ['a second payer by label', `对方户名:${OTHER} 附言:认证 对方户名:${BRANCH}`, ['']],
  ['a payer after an empty one', `对方户名: 附言:认证 付款人:${COMPANY}`, ['']],
  ['a second payer by code word', `/ORDP/${OTHER}/REMI//NAME/${BRANCH}`, ['']],
  ['a second payer by subfield', `166?20认证?32${COMPANY}?32${OTHER}`, ['']],
  ['one payer over two subfields', '166?20认证?32北京白云贸易?33有限公司', [OTHER]],
])('MT940: %s does not make the payer another one', (_name, information, payer) => {
  expect(payerOf(information)).toEqual(payer);
});

test('MT940: a receiving account beside the number is no part of it', () => {
  const { items } = readText({ format: 'mt940' }, [
    mt940(`对方户名:${OTHER} 收款账号:30206857000000 子账号:${ACCOUNT}`),
  ]);
  expect(items[0]).toMatchObject({ entry: { accounts: ['30206857000000', ACCOUNT] } });
});

test('CSV: a comma in a text without quotes does not put that text under another heading', () => {
  const text = [
    '交易日期,摘要,对方户名,贷方金额,交易流水号',
    `2026-03-22,认证,${COMPANY},0.01,R1,${OTHER},5.00,R1`,
    `2026-03-22,认证,${COMPANY},0.01,R2,,`,
  ].join('\n');
  const { items } = readText({ format: 'csv' }, [text]);
  expect(items.map(short)).toEqual([
    [2, 'more_cells_than_headings'],
    ['R2', 'C', 1, COMPANY, undefined],
  ]);
});

let fixture: BankFixture;
beforeAll(async () => {
  fixture = await startBank();
  await fixture.setChannel();
});
afterAll(() => fixture.stop());
beforeEach(() => {
  fixture.identity.told = [];
  fixture.time.now = NOW;
});

async function bring(...lines: PaidLine[]): Promise<ImportResult> {
  const content = bytes(camt054(lines));
  return fixture.bank.importStatement({
    channel: 'pingan',
    content,
    fileName: 'a.xml',
    format: 'camt054',
    actor: 'operator',
  });
}
const verdicts = (): unknown[] => fixture.identity.told.map(({ verdict }) => verdict);
const REVERSED = { kind: 'failed', reason: 'reversed' };

test('a reversal that is told twice takes back the payment that it names, and no other', async () => {
  const { subAccountNo: to } = await fixture.flow();
  const reversal = { to, direction: 'DBIT', reversal: true, remittance: '冲正 TWICE0001' } as const;
  await bring({ to, reference: 'TWICE0001', payer: OTHER }, { ...reversal, reference: 'TWICE0002' });
  await bring({ to, reference: 'TWICE0003' });
  await bring({ ...reversal, reference: 'TWICE0004' });
  expect(verdicts()).toEqual([{ kind: 'failed', reason: 'wrong_payer' }, { kind: 'paid' }]);
});

test('a reversal that is not booked takes nothing back until it is', async () => {
  const { subAccountNo: to } = await fixture.flow();
  const reversal = { to, reference: 'PENDING001', direction: 'DBIT', reversal: true } as const;
  await bring({ to, reference: 'PENDING001' });
  await bring({ ...reversal, status: 'PDNG' });
  expect(verdicts()).toEqual([{ kind: 'paid' }]);
  await bring(reversal);
  await bring(reversal);
  expect(verdicts()).toEqual([{ kind: 'paid' }, REVERSED]);
  expect(fixture.identity.told[1]!.transaction.transactionId).toBe(fixture.identity.told[0]!.transaction.transactionId);
});

test('the payer’s right payment under a number of the statement that was used before is reported', async () => {
  const { subAccountNo: to } = await fixture.flow();
  await bring({ to, reference: '1', payer: OTHER, payerAccount: '' });
  const again = await bring({ to, reference: '1', payerAccount: '' });
  expect(again).toMatchObject({ known: 0, faults: [{ line: 1, reason: 'reference_of_another_transaction' }] });
});

test('a person who pays for a company that is called like the person is looked at by an operator', async () => {
  const { subAccountNo: to } = await fixture.flow('张伟');
  await bring({ to, reference: 'PERSON0001', payer: '张伟' });
  expect(verdicts()).toEqual([{ kind: 'near_miss', reason: 'payer_may_be_a_person' }]);
});

import * as fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { STATEMENT_INFORMATION, type ImportResult, type StatementInformation } from '../../src/bank/index.ts';
import { bytes, camt054, COMPANY, NOW, startBank, type BankFixture, type PaidLine } from '../support/bank-fixture.ts';
import { readText, short } from '../support/statements.ts';

const OTHER = '北京白云贸易有限公司';
const BRANCH = '杭州分公司';
const ACCOUNT = '30206857000001';

const mt940 = (...information: string[]): string =>
  `:20:1\n:25:30206857000000\n:60F:C260322CNY1,00\n:61:2603220322C0,01NTRFNONREF//R1\n:86:${information.join('\n')}\n:62F:C260322CNY1,01\n-\n`;
const payerOf = (shape: StatementInformation, text: string): unknown => {
  const { items } = readText({ format: 'mt940', information: shape }, [mt940(text)]);
  return items.map((item) => (item.kind === 'entry' ? item.entry.payerName : item.reason));
};

test.each<[string, StatementInformation, string, string[]]>([
  [
    'labels in the text of a field of code words',
    'codewords',
    `/ORDP/${OTHER}/VACC/${ACCOUNT}/REMI/对方户名:${COMPANY}`,
    [OTHER],
  ],
  ['code words in the text of a field of labels', 'labels', `对方户名:${OTHER} 附言:/ORDP/${COMPANY}/`, [OTHER]],
  ['a second payer by label', 'labels', `对方户名:${OTHER} 附言:认证 对方户名:${BRANCH}`, ['']],
  ['a payer after an empty one', 'labels', `对方户名: 附言:认证 付款人:${COMPANY}`, ['']],
  ['a payer in the text alone', 'labels', `交易时间:20260322182000 附言:认证 对方户名:${COMPANY}`, ['']],
  ['a label after text without one', 'labels', `转账 对方户名:${COMPANY}`, ['']],
  ['a second payer by code word', 'codewords', `/ORDP/${OTHER}/REMI//NAME/${BRANCH}`, ['']],
  ['a payer by code word in the text alone', 'codewords', `/REMI/认证/ORDP/${COMPANY}`, ['']],
  ['a code word after text without one', 'codewords', `认证/ORDP/${COMPANY}`, ['']],
  ['a second payer by subfield', 'subfields', `166?20认证?32${COMPANY}?32${OTHER}`, ['']],
  ['a subfield of the payer’s before others of the bank', 'subfields', `166?20认证?32${COMPANY}?30308290003020`, ['']],
  ['a subfield after text without one', 'subfields', `认证?32${COMPANY}`, ['']],
  ['one payer over two subfields', 'subfields', '166?20认证?32北京白云贸易?33有限公司', [OTHER]],
])('MT940: %s does not make the payer another one', (_name, shape, information, payer) => {
  expect(payerOf(shape, information)).toEqual(payer);
});

test.each([`对方户名:${COMPANY}`, `/ORDP/${COMPANY}/REMI/`, `166?20认证?32${COMPANY}`])(
  'MT940: %s names nobody where the operator has not said that the bank writes so',
  (text) => {
    expect(payerOf('untrusted', text)).toEqual(['']);
    const told = STATEMENT_INFORMATION.filter((shape) => payerOf(shape, text)?.toString() === COMPANY);
    expect(told).toHaveLength(1);
  },
);

test('MT940: a line of the payer’s that reads as a tag verifies nobody and takes nothing back', () => {
  const label = `附言:${'a'.repeat(62)}`;
  expect(label).toHaveLength(65);
  const read = (...lines: string[]): unknown => {
    const { items } = readText({ format: 'mt940', information: 'labels' }, [
      mt940(`对方户名:${OTHER}`, label, ...lines),
    ]);
    return items.map((item) => (item.kind === 'entry' ? [item.entry.bizFlowNo, item.entry.payerName] : item.reason));
  };
  const forged = ':61:2603220322C0,01NTRFNONREF//FORGED';
  expect(read(forged, `:86:对方户名:${COMPANY}`)).toEqual([
    ['R1', OTHER],
    ['FORGED', ''],
  ]);
  expect(read(forged.replace('C0', 'RC0'))).toEqual([['R1', OTHER], 'field_61_doubtful']);
  // No field of the grammar, or not well-formed: text.
  for (const text of [':25:88010078000001', ':20:X', ':61:not one', ':60F:C260322USD1,00', `:86:对方户名:${COMPANY}`]) {
    expect([text, read(text)]).toEqual([text, [['R1', OTHER]]]);
  }
});

test('MT940: where the bank does not break lines at 65 characters, a line of that length ends nothing by chance', () => {
  const text = mt940('a'.repeat(66)).replace(
    ':62F:',
    `:61:2603220322C0,01NTRFNONREF//R2\n:86:${'b'.repeat(65)}\n:61:2603220322RC0,01NTRFNONREF//R3\n:62F:`,
  );
  const { items } = readText({ format: 'mt940' }, [text]);
  expect(items.map((item) => item.kind === 'entry' && item.entry.bizFlowNo)).toEqual(['R1', 'R2', 'R3']);
});

test('MT940: the tags of the bank are read after lines of any other length', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 120 }), (length) => {
      fc.pre(length !== 65 && length + 4 !== 65);
      const text = mt940('a'.repeat(length)).replace(':62F:', `:61:2603220322RC0,01NTRFNONREF//R2\n:86:X\n:62F:`);
      const { items } = readText({ format: 'mt940' }, [text]);
      expect(items.map((item) => item.kind === 'entry' && item.entry.bizFlowNo)).toEqual(['R1', 'R2']);
    }),
  );
});

test('MT940: a receiving account beside the number is no part of it', () => {
  const { items } = readText({ format: 'mt940', information: 'labels' }, [
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

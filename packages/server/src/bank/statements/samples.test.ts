import { expect, test } from 'vitest';
import { readBytes, sample, short } from '../../../test/support/statements.ts';
import type { StatementFormat, StatementInformation } from '../statement-settings.ts';

const PINE = '杭州青松软件有限公司';
const SHU = '成都蜀锦商贸（集团）有限公司';
const STONE = '上海𬭚石材料科技有限公司';
const MAIN = '8801007880100000';

async function shortly(
  name: string,
  format: StatementFormat,
  columns = {},
  information: StatementInformation = 'labels',
): Promise<unknown> {
  const { items, error } = await readBytes({ format, columns, information }, await sample(name));
  return error === null ? items.map(short) : [...items.map(short), error];
}

test('camt.054: payments, a person, a reversal', async () => {
  expect(await shortly('camt054.xml', 'camt054')).toEqual([
    ['218560323091245000017', 'C', 1, PINE, '88010078000001'],
    ['218560323091301000018', 'C', 1, SHU, '88010078000002'],
    ['218560323091410000019', 'C', 1, '王小明', '88010078000003'],
    ['218560323101500000031', 'RD', 1, PINE, '88010078000001'],
  ]);
});

test('camt.053 in GB18030, as its declaration says, with days alone', async () => {
  expect(await shortly('camt053-gb18030.xml', 'camt053')).toEqual([
    ['218560323091245000017', 'C', 1, PINE, '88010078000001'],
    ['218560323111111000044', 'C', 1, STONE, '88010078000004'],
  ]);
});

test('camt.052 of an older version: two transactions in an entry, a pending one', async () => {
  expect(await shortly('camt052.xml', 'camt052')).toEqual([
    ['218560323120000000050/1', 'C', 1, PINE, '88010078000005'],
    ['218560323120000000050/2', 'C', 2, SHU, '88010078000006'],
    ['218560323121500000061', 'C?', 1, STONE, '88010078000007'],
  ]);
});

test('a broken camt.054: the entries between are read, the end is told', async () => {
  expect(await shortly('camt054-broken.xml', 'camt054')).toEqual([
    ['218560323091245000017', 'C', 1, PINE, '88010078000001'],
    [2, 'xml_malformed'],
    [3, 'amount_not_understood'],
    [4, 'xml_malformed'],
    ['218560323091304000018', 'C', 1, SHU, '88010078000002'],
    'file_ends_too_early',
  ]);
});

test('MT940 in GB18030, labels as Chinese banks write them', async () => {
  expect(await shortly('mt940-gb18030.sta', 'mt940')).toEqual([
    ['218560323091245000017', 'C', 1, PINE, '88010078000001'],
    ['218560323091301000018', 'C', 1, SHU, '88010078000002'],
    ['218560323101500000031', 'RD', 1, PINE, '88010078000001'],
    ['218560323180000000099', 'D', 12_000, '', MAIN],
  ]);
});

test('MT940 in UTF-8: subfields or code words, as the bank writes them, two statements in a file', async () => {
  const read = async (information: StatementInformation): Promise<unknown> =>
    shortly('mt940-utf8.sta', 'mt940', {}, information);
  const lines = (first: string, second: string): unknown[] => [
    ['218560323111111000044', 'C', 1, first, '88010078000004'],
    ['218560323111112000045', 'C', 1, second, '88010078000008'],
  ];
  expect(await read('subfields')).toEqual(lines(STONE, ''));
  expect(await read('codewords')).toEqual(lines('', PINE));
  expect(await read('labels')).toEqual(lines('', ''));
  expect(await read('untrusted')).toEqual(lines('', ''));
  const { items } = await readBytes({ format: 'mt940', information: 'subfields' }, await sample('mt940-utf8.sta'));
  expect(items[0]).toMatchObject({ entry: { remittance: '企业认证', payerAccountNo: '310066001018170012345' } });
});

test('a broken MT940: a point for the comma, no field, no such day, no reference', async () => {
  expect(await shortly('mt940-broken.sta', 'mt940')).toEqual([
    [6, 'amount_not_understood'],
    [8, 'field_61_not_understood'],
    [9, 'date_not_understood'],
    [10, 'reference_missing'],
    ['218560323091246000020', 'C', 1, PINE, '88010078000001'],
  ]);
});

test('CSV in GB18030: rows before the headings, thousands, quoted line ends, a sum, a negative credit', async () => {
  expect(await shortly('statement-gb18030.csv', 'csv')).toEqual([
    ['218560323091245000017', 'C', 1, PINE, '88010078000001'],
    ['218560323091301000088', 'C', 123_450, SHU, '88010078000002'],
    ['218560323111111000044', 'C', 1, STONE, '88010078000004'],
    ['218560323180000000099', 'D', 12_000, '', undefined],
    ['218560323101500000031', 'RD', 1, PINE, '88010078000001'],
  ]);
  const { items } = await readBytes({ format: 'csv' }, await sample('statement-gb18030.csv'));
  expect(items[1]).toMatchObject({
    line: 7,
    entry: {
      payerBankName: '中国工商银行股份有限公司\n成都盐市口支行',
      remittance: '货款, 三月 "首付"',
      payerAccountNo: '4402233009100012345',
      tradedAt: new Date('2026-03-23T01:13:01Z'),
      dateOnly: false,
    },
  });
});

test('CSV in UTF-8 with a byte order mark and columns that the operator names', async () => {
  const columns = { payer: '付款方名称', remittance: '留言', date: '入账时间' };
  expect(await shortly('statement-utf8.csv', 'csv', columns)).toEqual([
    ['218560323091245000017', 'C', 1, PINE, '88010078000001'],
    ['218560323091301000018', 'C', 1, SHU, '88010078000002'],
    ['218560323101500000040', 'D', 500, '杭州某某物业有限公司', undefined],
  ]);
  expect(await shortly('statement-utf8.csv', 'csv', { payer: '没有这一列' })).toEqual(['csv_headings_not_found']);
});

test('a broken CSV: each bad line is told, the others are read', async () => {
  expect(await shortly('statement-broken.csv', 'csv')).toEqual([
    ['218560323091245000017', 'C', 1, PINE, '88010078000001'],
    [3, 'quote_not_closed'],
    [4, 'amount_not_whole_fen'],
    [5, 'amount_not_understood'],
    [6, 'date_not_understood'],
    [7, 'reference_missing'],
    ['218560323091301000018', 'C', 1, SHU, '88010078000002'],
  ]);
});

test('a file of another format is refused whole', async () => {
  expect(await shortly('camt053-gb18030.xml', 'camt054')).toEqual(['file_is_camt053']);
  expect(await shortly('statement-utf8.csv', 'camt054')).toEqual(['not_xml']);
  expect(await shortly('camt054.xml', 'mt940')).toEqual(['not_mt940']);
  expect(await shortly('camt054.xml', 'csv')).toEqual(['csv_headings_not_found']);
});

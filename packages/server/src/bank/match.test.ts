import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BankTransaction, Claim, Verdict } from './bank.ts';
import { matchTransaction } from './match.ts';
import { comparePayer, editDistanceAtMostOne, foldName, maskedPayerName } from './payer-name.ts';

const COMPANY = '杭州青松软件（中国）有限公司';
const claim: Claim = {
  appId: 'A',
  flowId: '1',
  companyName: COMPANY,
  openedAt: new Date('2026-03-22T10:00:00Z'),
};
const NOW = new Date('2026-03-22T11:00:00Z');
const payment: BankTransaction = {
  channel: 'pingan',
  subAccountNo: '30206857000001',
  bizFlowNo: 'R1',
  amountFen: 1,
  currency: 'CNY',
  creditDebit: 'credit',
  booked: true,
  reversal: false,
  payerName: COMPANY,
  payerAccountNo: null,
  payerBankName: null,
  tradedAt: new Date('2026-03-22T10:30:00Z'),
  remittance: null,
  source: 'camt054',
  transactionId: '0',
};

test.each<[string, Partial<BankTransaction>, Verdict]>([
  ['the payment', {}, { kind: 'paid' }],
  ['nothing', { amountFen: 0 }, { kind: 'failed', reason: 'wrong_amount' }],
  ['two fen', { amountFen: 2 }, { kind: 'failed', reason: 'wrong_amount' }],
  ['a debit', { creditDebit: 'debit' }, { kind: 'failed', reason: 'debit' }],
  ['not booked', { booked: false }, { kind: 'failed', reason: 'not_booked' }],
  ['a reversal', { reversal: true, creditDebit: 'debit' }, { kind: 'failed', reason: 'reversed' }],
  ['another currency', { currency: 'HKD' }, { kind: 'failed', reason: 'wrong_currency' }],
  ['before the flow', { tradedAt: new Date('2026-03-22T09:54:59Z') }, { kind: 'unclaimed' }],
  ['by a clock that is behind', { tradedAt: new Date('2026-03-22T09:55:00Z') }, { kind: 'paid' }],
  ['on the day of the flow', { tradedAt: new Date('2026-03-21T16:00:00Z'), dateOnly: true }, { kind: 'paid' }],
  ['dated a day ahead', { tradedAt: new Date('2026-03-23T11:00:00Z') }, { kind: 'paid' }],
  [
    'dated more than a day ahead',
    { tradedAt: new Date('2026-03-23T11:00:00.001Z') },
    { kind: 'near_miss', reason: 'dated_ahead' },
  ],
  [
    'dated ahead, of another payer',
    { tradedAt: new Date('2126-03-23T11:00:00Z'), payerName: '北京白云贸易有限公司' },
    { kind: 'failed', reason: 'wrong_payer' },
  ],
  ['on the day before', { tradedAt: new Date('2026-03-20T16:00:00Z'), dateOnly: true }, { kind: 'unclaimed' }],
])('%s', (_name, change, verdict) => {
  expect(matchTransaction({ ...payment, ...change }, claim, NOW)).toEqual(verdict);
  expect(matchTransaction({ ...payment, ...change }, null, NOW)).toEqual({ kind: 'unclaimed' });
});

test.each([
  ['杭州青松软件(中国)有限公司', 'same'],
  ['杭州青松软件﹙中国﹚有限公司', 'same'],
  ['杭州青松软件【中国】有限公司', 'same'],
  [' 杭州青松　软件（中国） 有限公司\u200b', 'same'],
  ['杭州青松软件中国有限公司', 'differs_in_punctuation_or_case'],
  ['杭州青松软件（中国）有限责任公司', 'differs_in_legal_form'],
  ['杭州青松软件（中国）', 'differs_in_legal_form'],
  ['杭州青松软件（中国）有限公司上海分公司', 'company_name_is_part'],
  ['杭州青松软件', 'payer_name_is_part'],
  ['杭州青松软体（中国）有限公司', 'differs_in_one_character'],
  ['', 'payer_name_missing'],
  ['　', 'payer_name_missing'],
  ['有限公司', 'other'],
  ['杭州', 'not_own_account'],
  ['北京白云贸易有限公司', 'other'],
  ['王小明', 'not_own_account'],
  ['欧阳娜娜', 'not_own_account'],
  ['阿依古丽·买买提', 'not_own_account'],
  ['待清算商户资金', 'not_own_account'],
  ['示例支付有限公司客户备付金', 'not_own_account'],
  ['待报解预算收入', 'not_own_account'],
  ['某清算中心', 'not_own_account'],
  ['新华书店', 'other'],
  ['杭州青松', 'payer_name_is_part'],
])('%s is %s', (payer, expected) => {
  const compared = comparePayer(payer, COMPANY);
  expect(compared.kind === 'near' ? compared.reason : compared.kind).toBe(expected);
});

test('a company whose own name has a word of clearing may pay; money that passes through never', () => {
  expect(comparePayer('北京企业清算事务所有限公司', '北京企业清算事务所有限公司').kind).toBe('same');
  expect(comparePayer('甲公司备付金', '甲公司备付金').kind).toBe('not_own_account');
  // Of a sole trader's account and a person's own the name is the same: an operator looks.
  expect(comparePayer('张三', '张三')).toEqual({ kind: 'near', reason: 'payer_may_be_a_person' });
});

const han = fc.string({
  unit: fc.constantFrom(...Array.from('杭州青松软件科技有限公司上海北京（）() 甲乙丙A1')),
  maxLength: 12,
});

test('only what folds to the same name passes by itself', () => {
  fc.assert(
    fc.property(han, han, (payer, company) => {
      const passes = comparePayer(payer, company).kind === 'same';
      expect(passes).toBe(foldName(payer) !== '' && foldName(payer) === foldName(company));
    }),
    { numRuns: 500 },
  );
});

test('folding twice is folding once, and spaces and the width of brackets make no difference', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (name) => {
      expect(foldName(foldName(name))).toBe(foldName(name));
      expect(foldName(` ${name}\u3000`)).toBe(foldName(name));
    }),
  );
});

test('one edit away is one edit away', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 8 });
  const distance = (a: readonly string[], b: readonly string[]): number => {
    const row = Array.from({ length: b.length + 1 }, (_, index) => index);
    for (const [i, x] of a.entries()) {
      let diagonal = row[0]!;
      row[0] = i + 1;
      for (const [j, y] of b.entries()) {
        const above = row[j + 1]!;
        row[j + 1] = Math.min(above + 1, row[j]! + 1, diagonal + (x === y ? 0 : 1));
        diagonal = above;
      }
    }
    return row.at(-1)!;
  };
  fc.assert(
    fc.property(letters, letters, (a, b) => {
      expect(editDistanceAtMostOne(a, b)).toBe(distance(a, b) <= 1);
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['王小明', '王**'],
  // As a bank may write it: spaces and full-width marks do not make it another kind of name.
  ['王 小明', '王***'],
  ['阿卜杜拉．买买提', '阿*******'],
  ['𠮷田', '𠮷*'],
  ['杭州青松软件有限公司', '杭州青松软件有限公司'],
  ['青松商行', '青松商行'],
  ['', ''],
])('of the payer %j a list shows %j', (payerName, shown) => {
  expect(maskedPayerName(payerName)).toBe(shown);
});

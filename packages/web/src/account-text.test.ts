import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { accountText, groupInFours } from './account-text.ts';

test.each([
  ['30206857000001', '3020 6857 0000 01'],
  ['1234', '1234'],
  ['12345', '1234 5'],
  ['3020 6857', '3020 6857'],
  ['', ''],
])('%s is shown as %s', (digits, shown) => {
  expect(groupInFours(digits)).toBe(shown);
});

test('grouping changes nothing but spaces', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^\d{0,32}$/), (digits) => {
      const shown = groupInFours(digits);
      expect(shown.replaceAll(' ', '')).toBe(digits);
      expect(shown.split(' ').every((group) => group.length <= 4)).toBe(true);
    }),
  );
});

test('the text to paste has the number without spaces', () => {
  const payTo = { accountName: '甲公司', accountNo: '30206857000001', bankName: '乙银行', amount: '0.01' };
  const labels = {
    accountName: '户名',
    accountNo: '账号',
    bankName: '开户行',
    amount: '金额',
    yuan: (amount: string) => `${amount} 元`,
  };
  expect(accountText(payTo, labels)).toBe('户名：甲公司\n账号：30206857000001\n开户行：乙银行\n金额：0.01 元');
});

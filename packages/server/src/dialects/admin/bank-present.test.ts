import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { maskedAccount } from './bank-present.ts';

test.each([
  ['1105011111111000018', '****0018'],
  ['1234567', '****4567'],
  ['123456', '****'],
  ['6222', '****'],
  ['1', '****'],
  ['', '****'],
  [null, null],
])('of the account %j an operator sees %j', (accountNo, shown) => {
  expect(maskedAccount(accountNo)).toBe(shown);
});

test('at least three digits of every number stay hidden, and short ones do not tell their length', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^\d{1,34}$/), (number) => {
      const shown = maskedAccount(number)!.replaceAll('*', '');
      expect(shown === '' || number.length - shown.length >= 3).toBe(true);
      expect(maskedAccount(number)).toMatch(/^\*{4}(\d{4})?$/);
    }),
  );
});

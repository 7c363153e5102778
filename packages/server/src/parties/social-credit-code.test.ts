import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isSocialCreditCode, socialCreditCheckCharacter } from './social-credit-code.ts';

const ALPHABET = Array.from('0123456789ABCDEFGHJKLMNPQRTUWXY');
const body = fc.array(fc.constantFrom(...ALPHABET), { minLength: 17, maxLength: 17 }).map((parts) => parts.join(''));

test.each(['91350100M000100Y43', '9144030071526726XG', '91330106673959654P'])('%s is one', (code) =>
  expect(isSocialCreditCode(code)).toBe(true),
);

test.each([
  '',
  '91350100M000100Y44',
  '91350100m000100y43',
  '91350100M000100Y4',
  '91350100M000100Y433',
  '91350100O000100Y43',
])('%j is none', (code) => expect(isSocialCreditCode(code)).toBe(false));

test('each body has exactly one check character', () => {
  fc.assert(
    fc.property(body, (first17) => {
      const right = ALPHABET.filter((character) => isSocialCreditCode(first17 + character));
      expect(right).toEqual([socialCreditCheckCharacter(first17)]);
    }),
  );
});

test('a wrong character, or two neighbours exchanged, is noticed', () => {
  fc.assert(
    fc.property(body, fc.nat(16), fc.constantFrom(...ALPHABET), (first17, at, other) => {
      const code = first17 + socialCreditCheckCharacter(first17)!;
      fc.pre(code[at] !== other);
      expect(isSocialCreditCode(code.slice(0, at) + other + code.slice(at + 1))).toBe(false);
      fc.pre(code[at] !== code[at + 1]);
      const exchanged = code.slice(0, at) + code[at + 1]! + code[at]! + code.slice(at + 2);
      expect(isSocialCreditCode(exchanged)).toBe(false);
    }),
  );
});

import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressMatches, canonicalCidr } from './cidr.ts';

describe('canonicalCidr', () => {
  test.each([
    ['10.1.2.3/8', '10.0.0.0/8'],
    ['10.1.2.3', '10.1.2.3/32'],
    ['::1', '::1/128'],
    ['2001:DB8::5/32', '2001:db8::/32'],
    ['::ffff:10.0.0.1', '10.0.0.1/32'],
    ['::ffff:10.0.0.1/104', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
  ])('%s is %s', (text, canonical) => expect(canonicalCidr(text)).toBe(canonical));

  test.each([
    '',
    'example.com',
    '10.1',
    '010.0.0.1',
    '0x7f.0.0.1',
    '2130706433',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/8/8',
    '::1/129',
    '::ffff:10.0.0.1/64',
    '10.0.0.0/-1',
    '10.0.0.256',
  ])('%j is refused', (text) => expect(canonicalCidr(text)).toBeUndefined());
});

describe('addressMatches', () => {
  test('an IPv4 client seen through an IPv6 socket is its IPv4 self', () => {
    expect(addressMatches('::ffff:127.0.0.1', ['127.0.0.0/8'])).toBe(true);
    expect(addressMatches('::ffff:7f00:1', ['127.0.0.0/8'])).toBe(true);
  });
  test('nothing matches an empty list, and families do not mix', () => {
    expect(addressMatches('10.0.0.1', [])).toBe(false);
    expect(addressMatches('10.0.0.1', ['::/0'])).toBe(false);
    expect(addressMatches('2001:db8::1', ['0.0.0.0/0'])).toBe(false);
  });
  test('an address that cannot be read matches nothing', () => {
    expect(addressMatches('unknown', ['0.0.0.0/0', '::/0'])).toBe(false);
  });
  test('an IPv4 range holds exactly the addresses that share its prefix', () => {
    const address = fc.integer({ min: 0, max: 0xffff_ffff });
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), (a, b, prefix) => {
        const shift = 2 ** (32 - prefix);
        const same = Math.floor(a / shift) === Math.floor(b / shift);
        expect(addressMatches(dotted(a), [canonicalCidr(`${dotted(b)}/${prefix}`)!])).toBe(same);
      }),
    );
  });
});

function dotted(value: number): string {
  return [24, 16, 8, 0].map((bits) => (value >>> bits) & 255).join('.');
}

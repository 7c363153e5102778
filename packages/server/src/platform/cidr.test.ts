import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressKey, addressMatches, canonicalCidr } from './cidr.ts';

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

describe('addressKey', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['64:ff9b::192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['::1', '::/64'],
    ['not an address:', 'not an address:'],
  ])('the address %s counts as %s', (ip, key) => {
    expect(addressKey(ip)).toBe(key);
  });

  const part = fc.integer({ min: 0, max: 0xffff });
  const half = fc.tuple(part, part, part, part).filter(([first]) => first >= 0x2000);
  const written = (parts: readonly number[]): string[] => {
    const text = parts.map((each) => each.toString(16));
    const padded = text.map((each) => each.padStart(4, '0'));
    // Compressed as every program writes it, with zeros, in capitals, and with a zone.
    return [
      new URL(`http://[${text.join(':')}]`).hostname.slice(1, -1),
      padded.join(':').toUpperCase(),
      `${text.join(':')}%2`,
    ];
  };

  test('two IPv6 addresses count as one exactly when they share 64 bits, however they are written', () => {
    fc.assert(
      fc.property(half, half, half, half, fc.boolean(), (network, other, low, high, isSame) => {
        const second = isSame ? network : other;
        const keys = [...written([...network, ...low]), ...written([...network, ...high])].map(addressKey);
        expect(new Set(keys).size).toBe(1);
        const shares = network.every((each, index) => each === second[index]);
        expect(addressKey(written([...second, ...high])[0]!) === keys[0]).toBe(shares);
      }),
    );
  });

  test('an IPv4 address counts alone, whichever way it comes', () => {
    const address = fc.integer({ min: 0, max: 0xffff_ffff }).map(dotted);
    fc.assert(
      fc.property(address, address, (a, b) => {
        for (const way of ['', '::ffff:', '64:ff9b::']) expect(addressKey(`${way}${a}`)).toBe(a);
        expect(addressKey(a) === addressKey(`::ffff:${b}`)).toBe(a === b);
      }),
    );
  });

  test('whatever else it is given is itself', () => {
    const words = fc.string().filter((text) => isIP(text) === 0);
    fc.assert(
      fc.property(words, (text) => {
        expect(addressKey(text)).toBe(text);
      }),
    );
  });
});

function dotted(value: number): string {
  return [24, 16, 8, 0].map((bits) => (value >>> bits) & 255).join('.');
}

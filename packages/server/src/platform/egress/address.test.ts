import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAddressPolicy } from './address.ts';
import { checkUrl } from './url.ts';

const closed = createAddressPolicy([]);

/** Written by hand from the IANA registries, apart from the tables that are under test. */
const FORBIDDEN_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '168.63.129.16/32',
  // Global, but of the network's own machinery: AS112 and AMT relays.
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.175.48.0/24',
].map((cidr) => {
  const [base = '', bits = ''] = cidr.split('/');
  const start = base.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  return { start, end: start + 2 ** (32 - Number(bits)) - 1 };
});

const forbiddenV4 = fc
  .constantFrom(...FORBIDDEN_V4)
  .chain(({ start, end }) => fc.oneof(fc.integer({ min: start, max: end }), fc.constantFrom(start, end)));
const publicV4 = fc
  .integer({ min: 0, max: 0xff_ff_ff_ff })
  .filter((value) => FORBIDDEN_V4.every(({ start, end }) => value < start || value > end));

const octets = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value / 2 ** shift) & 255);
const dotted = (value: number): string => octets(value).join('.');
const groups = (value: number): string => {
  const hex = value.toString(16).padStart(8, '0');
  return `${hex.slice(0, 4)}:${hex.slice(4)}`;
};
const fullWidth = (text: string): string =>
  text.replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff_10 + Number(digit)));

/** Every way in which a URL can name an IPv4 host by number. */
const HOST_FORMS: Record<string, (value: number) => string> = {
  dotted,
  'trailing dot': (value) => `${dotted(value)}.`,
  decimal: String,
  hexadecimal: (value) => `0x${value.toString(16)}`,
  octal: (value) => `0${value.toString(8)}`,
  'octal octets': (value) =>
    octets(value)
      .map((octet) => `0${octet.toString(8)}`)
      .join('.'),
  'hexadecimal octets': (value) =>
    octets(value)
      .map((octet) => `0X${octet.toString(16)}`)
      .join('.'),
  'two parts': (value) => `${value >>> 24}.${value % 2 ** 24}`,
  'three parts': (value) => `${value >>> 24}.${(value >>> 16) & 255}.${value % 2 ** 16}`,
  'full-width digits': (value) => fullWidth(dotted(value)),
  'ideographic full stops': (value) => dotted(value).replaceAll('.', '。'),
  'percent-encoded': (value) => dotted(value).replaceAll('.', '%2e').replaceAll('1', '%31'),
  'IPv4-mapped': (value) => `[::ffff:${dotted(value)}]`,
  'IPv4-mapped in hexadecimal': (value) => `[::FFFF:${groups(value)}]`,
  'IPv4-mapped, written out': (value) => `[0000:0000:0000:0000:0000:ffff:${groups(value)}]`,
  NAT64: (value) => `[64:ff9b::${dotted(value)}]`,
  'NAT64 in hexadecimal': (value) => `[64:ff9b:0:0:0:0:${groups(value)}]`,
  '6to4': (value) => `[2002:${groups(value)}::1]`,
};

/** Forms that are refused whatever IPv4 address they carry. */
const HOST_FORMS_NEVER: Record<string, (value: number) => string> = {
  'IPv4-compatible': (value) => `[::${groups(value)}]`,
  'IPv4-translated': (value) => `[::ffff:0:${groups(value)}]`,
  Teredo: (value) => `[2001:0:4136:e378:8000:63bf:${groups(0xff_ff_ff_ff - value)}]`,
  'NAT64 for local use': (value) => `[64:ff9b:1::${groups(value)}]`,
};

test.each(Object.entries(HOST_FORMS))('forbidden IPv4 is refused and public IPv4 allowed: %s', (_form, write) => {
  fc.assert(
    fc.property(forbiddenV4, (value) => {
      expect(checkUrl(`http://${write(value)}/x`, closed)).toMatchObject({ code: 'address_forbidden' });
    }),
  );
  fc.assert(
    fc.property(publicV4, (value) => {
      expect(checkUrl(`https://${write(value)}:8443/x`, closed)).toMatchObject({ ok: true });
    }),
  );
});

test.each(Object.entries(HOST_FORMS_NEVER))('IPv6 of no public use is refused: %s', (_form, write) => {
  fc.assert(
    fc.property(fc.oneof(forbiddenV4, publicV4), (value) => {
      expect(checkUrl(`http://${write(value)}/x`, closed)).toMatchObject({ code: 'address_forbidden' });
    }),
  );
});

test('IPv6 outside global unicast is refused, whatever it is', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      fc.pre((bytes[0] ?? 0) >> 5 !== 1);
      const text = Array.from({ length: 8 }, (_, at) =>
        Buffer.from(bytes)
          .readUInt16BE(at * 2)
          .toString(16),
      ).join(':');
      fc.pre(!/^(0:0:0:0:0:ffff:|64:ff9b:0:0:0:0:)/.test(text));
      expect(closed.judge(text)).toMatchObject({ allowed: false });
    }),
  );
});

test.each([
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::8.8.8.8', 'unassigned'],
  ['fe80::1', 'linkLocal'],
  ['fe80::1%eth0', 'linkLocal'],
  ['fec0::1', 'deprecatedSiteLocal'],
  ['fc00::1', 'uniqueLocal'],
  ['fd00:ec2::254', 'uniqueLocal'],
  ['ff02::1', 'multicast'],
  ['100::1', 'discard'],
  ['2001:db8::1', 'documentation'],
  ['3fff:abc::1', 'documentation'],
  ['2001:2::1', 'ietf-protocol'],
  ['4000::1', 'unassigned'],
  ['169.254.169.254', 'linkLocal'],
  ['100.100.100.200', 'carrierGradeNat'],
  ['168.63.129.16', 'metadata'],
  ['255.255.255.255', 'broadcast'],
  ['not an address', 'not-an-address'],
  ['127.1', 'not-an-address'],
  ['', 'not-an-address'],
])('%s is refused as %s', (address, rule) => {
  expect(closed.judge(address)).toEqual({ allowed: false, rule });
});

test.each(['1.1.1.1', '223.5.5.5', '2606:4700:4700::1111', '2400:3200::1', '64:ff9b::101:101', '2002:101:101::1'])(
  '%s is public',
  (address) => {
    expect(closed.judge(address)).toEqual({ allowed: true });
  },
);

test('a range for IPv4 opens that range alone, in its IPv6 forms too', () => {
  const { judge } = createAddressPolicy(['10.1.0.0/16', '127.0.0.1']);
  for (const open of ['10.1.0.0', '10.1.255.255', '::ffff:10.1.2.3', '64:ff9b::10.1.2.3', '127.0.0.1']) {
    expect(judge(open)).toEqual({ allowed: true });
  }
  for (const shut of ['10.0.255.255', '10.2.0.0', '::ffff:10.2.0.0', '127.0.0.2', '::1', '::10.1.2.3']) {
    expect(judge(shut)).toMatchObject({ allowed: false });
  }
});

test('a range for IPv6 opens IPv6; a mapped one is the IPv4 range it stands for', () => {
  const { judge } = createAddressPolicy(['fd12::/16', '::ffff:10.0.0.0/104', '64:ff9b:1::/48']);
  for (const open of ['fd12::1', '10.2.3.4', '64:ff9b:1::a00:1']) expect(judge(open)).toEqual({ allowed: true });
  for (const shut of ['fd13::1', '11.0.0.0/8', '192.168.0.1', '::1'])
    expect(judge(shut)).toMatchObject({ allowed: false });
});

test.each([
  '10.0.0.0/33',
  '10.0.0/8',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.0/-1',
  'fe80::1%eth0/64',
  '010.0.0.0/8',
  '',
  'x',
])('the range %j is refused by name', (text) => {
  expect(() => createAddressPolicy([text])).toThrow(`"${text}" is not a range`);
});

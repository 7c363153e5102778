import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

export type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** A range of addresses of one family. */
export interface Cidr {
  readonly base: Address;
  readonly prefixBits: number;
}

/**
 * Reads an address in its usual text form; undefined for anything else, the octal, hexadecimal and short forms of IPv4
 * among it: people mean different things by those. A zone id plays no part.
 *
 * ipaddr.js takes `::10.0.0.1` (IPv4-compatible, as getaddrinfo writes it) for `::ffff:10.0.0.1`, so IPv6 goes through
 * the URL parser, which writes it in hexadecimal.
 */
export function parseAddress(text: string): Address | undefined {
  const family = isIP(text);
  if (family === 4) return ipaddr.IPv4.parse(text);
  if (family === 0) return undefined;
  const [withoutZone = ''] = text.split('%');
  return ipaddr.IPv6.parse(new URL(`http://[${withoutZone}]`).hostname.slice(1, -1));
}

/**
 * Reads `address/bits`, or a bare address as the range of that one host. Ranges of IPv4 written inside IPv6
 * (`::ffff:10.0.0.0/104`) are those IPv4 ranges. Undefined for anything else.
 */
export function parseCidr(text: string): Cidr | undefined {
  const [addressText = '', bitsText, ...rest] = text.trim().split('/');
  const address = parseAddress(addressText);
  if (address === undefined || rest.length > 0 || addressText.includes('%')) return undefined;
  const bitsMax = address instanceof ipaddr.IPv4 ? 32 : 128;
  if (bitsText !== undefined && !/^(0|[1-9]\d{0,2})$/.test(bitsText)) return undefined;
  const bits = bitsText === undefined ? bitsMax : Number(bitsText);
  if (bits > bitsMax) return undefined;
  const base = unmapped(address);
  // Of an IPv4 address written inside IPv6, 96 bits of the prefix are the wrapping.
  const prefixBits = base === address ? bits : bits - 96;
  return prefixBits < 0 ? undefined : { base, prefixBits };
}

/** An IPv4 address inside IPv6 (`::ffff:10.0.0.1`) as that IPv4 address; any other as it is. */
export function unmapped(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

/** Whether the address lies in the range. Families do not mix. */
export function covers({ base, prefixBits }: Cidr, address: Address): boolean {
  if (base instanceof ipaddr.IPv4) return address instanceof ipaddr.IPv4 && address.match(base, prefixBits);
  return address instanceof ipaddr.IPv6 && address.match(base, prefixBits);
}

/**
 * The canonical text of a range: bits beyond the prefix are zero. Undefined where it is no range.
 *
 * @example canonicalCidr('10.1.2.3/8') // '10.0.0.0/8'
 */
export function canonicalCidr(text: string): string | undefined {
  const range = parseCidr(text);
  if (range === undefined) return undefined;
  const cidr = `${range.base.toString()}/${range.prefixBits}`;
  const family = range.base instanceof ipaddr.IPv4 ? ipaddr.IPv4 : ipaddr.IPv6;
  return `${family.networkAddressFromCIDR(cidr).toString()}/${range.prefixBits}`;
}

/** Whether `ip` lies in one of the ranges; a caller seen as `::ffff:a.b.c.d` counts as a.b.c.d. */
export function addressMatches(ip: string, cidrs: readonly string[]): boolean {
  const address = parseAddress(ip);
  if (address === undefined) return false;
  return cidrs.some((text) => {
    const range = parseCidr(text);
    return range !== undefined && covers(range, unmapped(address));
  });
}

/** Where IPv4 callers seem to come from to a host that has IPv6 alone (RFC 6052, 2.1; RFC 7755). */
const TRANSLATED = parseCidr('64:ff9b::/96');

/**
 * What counts as one address wherever attempts are counted by it: an IPv4 address, or an IPv6 network of 64 bits, which is
 * what one subscriber has. A text that is no address is itself.
 *
 * @example addressKey('2001:db8::1') // '2001:db8::/64'
 */
export function addressKey(ip: string): string {
  const address = parseAddress(ip);
  if (address === undefined) return ip;
  const inner = unmapped(address);
  if (inner instanceof ipaddr.IPv4) return inner.toString();
  if (TRANSLATED && covers(TRANSLATED, inner)) return new ipaddr.IPv4(inner.toByteArray().slice(12)).toString();
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${inner.toString()}/64`).toString()}/64`;
}

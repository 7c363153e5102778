import ipaddr from 'ipaddr.js';
import { covers, parseAddress, parseCidr, type Address, type Cidr } from '../cidr.ts';

/** Whether connections to an address are permitted, and if not, which rule says so. */
export type Judgement = { readonly allowed: true } | { readonly allowed: false; readonly rule: string };

export interface AddressPolicy {
  /** `address` is an IPv4 or IPv6 address in its usual text form. Anything else is refused. */
  judge(address: string): Judgement;
}

/** IPv6 that leads to an IPv4 host: the IPv4 address inside decides. Offsets are in bytes. */
const EMBEDDING_RANGES: readonly { range: Cidr; offset: number }[] = [
  { range: v6('::ffff:0:0', 96), offset: 12 }, // IPv4-mapped (RFC 4291, 2.5.5.2)
  { range: v6('64:ff9b::', 96), offset: 12 }, // NAT64's well-known prefix (RFC 6052)
  { range: v6('2002::', 16), offset: 2 }, // 6to4 (RFC 3056)
];

/** The one block that IANA has given out for global unicast: what lies outside it is special or not yet assigned. */
const GLOBAL_UNICAST = v6('2000::', 3);

/** Special purposes inside global unicast (IANA IPv6 Special-Purpose Address Registry). */
const FORBIDDEN_V6: readonly { range: Cidr; rule: string }[] = [
  { range: v6('2001::', 23), rule: 'ietf-protocol' }, // Teredo 2001::/32, benchmarking and ORCHID among them
  { range: v6('2001:db8::', 32), rule: 'documentation' },
  { range: v6('3fff::', 20), rule: 'documentation' },
];

/** Public by number, but answered by the cloud's own host: Azure's wire server. */
const AZURE_WIRE_SERVER = '168.63.129.16';

/**
 * Refuses every address that is not publicly routable, unless a range of `allowCidrs` covers it. What the registries do
 * not call global is refused, so a range they reserve later was never open. A range for IPv4 also covers the IPv6
 * forms that lead to it. 64:ff9b:1::/48 (NAT64 for local use, RFC 8215) does not say where its IPv4 address stands and
 * is refused whole.
 *
 * @throws Error naming the entry of `allowCidrs` that is not a range.
 */
export function createAddressPolicy(allowCidrs: readonly string[]): AddressPolicy {
  const allowed = allowCidrs.map(parseRange);
  return {
    judge(text) {
      const parsed = parseAddress(text);
      if (parsed === undefined) return { allowed: false, rule: 'not-an-address' };
      const address = withoutEmbedding(parsed);
      if (allowed.some((range) => covers(range, address))) return { allowed: true };
      const rule = forbiddenBy(address);
      return rule === undefined ? { allowed: true } : { allowed: false, rule };
    },
  };
}

/** The rule by which an address that no operator allowed is refused; undefined for a public one. */
function forbiddenBy(address: Address): string | undefined {
  if (address instanceof ipaddr.IPv4) {
    if (address.toString() === AZURE_WIRE_SERVER) return 'metadata';
    const range = address.range();
    return range === 'unicast' ? undefined : range;
  }
  if (!covers(GLOBAL_UNICAST, address)) return address.range() === 'unicast' ? 'unassigned' : address.range();
  return FORBIDDEN_V6.find(({ range }) => covers(range, address))?.rule;
}

function withoutEmbedding(address: Address): Address {
  if (address instanceof ipaddr.IPv4) return address;
  const embedding = EMBEDDING_RANGES.find(({ range }) => covers(range, address));
  if (embedding === undefined) return address;
  return new ipaddr.IPv4(address.toByteArray().slice(embedding.offset, embedding.offset + 4));
}

function parseRange(text: string): Cidr {
  const range = parseCidr(text);
  if (range === undefined) throw new Error(`"${text}" is not a range such as 10.0.0.0/8 or fd00::/8`);
  return range;
}

function v6(base: string, prefixBits: number): Cidr {
  return { base: ipaddr.IPv6.parse(base), prefixBits };
}

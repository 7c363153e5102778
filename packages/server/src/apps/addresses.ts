import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** An address as its own family; an IPv4 address inside IPv6 (`::ffff:10.0.0.1`) is that IPv4 address. */
function readAddress(text: string): Address | undefined {
  // ipaddr.js also reads `0x7f.1`, `010.0.0.1` and `10.1`; people mean different things by those.
  if (!ipaddr.IPv4.isValidFourPartDecimal(text) && !ipaddr.IPv6.isValid(text)) return undefined;
  return ipaddr.process(text);
}

/**
 * The canonical form of one entry of an allowlist: an address becomes a range of one, bits beyond the prefix become
 * zero, IPv4 ranges written inside IPv6 become IPv4. Undefined where it is neither an address nor a CIDR.
 *
 * @example canonicalCidr('10.1.2.3/8') // '10.0.0.0/8'
 */
export function canonicalCidr(text: string): string | undefined {
  const [addressText = '', prefixText, ...rest] = text.trim().split('/');
  const address = readAddress(addressText);
  if (address === undefined || rest.length > 0) return undefined;
  const bits = address.kind() === 'ipv4' ? 32 : 128;
  if (prefixText === undefined) return `${address.toString()}/${bits}`;
  if (!/^(0|[1-9]\d{0,2})$/.test(prefixText)) return undefined;
  // Of an IPv4 address written inside IPv6, 96 bits of the prefix are the wrapping.
  const wrapped = address.kind() === 'ipv4' && addressText.includes(':');
  const prefix = Number(prefixText) - (wrapped ? 96 : 0);
  if (prefix < 0 || prefix > bits) return undefined;
  const cidr = `${address.toString()}/${prefix}`;
  const network =
    address.kind() === 'ipv4' ? ipaddr.IPv4.networkAddressFromCIDR(cidr) : ipaddr.IPv6.networkAddressFromCIDR(cidr);
  return `${network.toString()}/${prefix}`;
}

/** Whether `ip` lies in one of the CIDRs. An address that cannot be read lies in none. */
export function addressMatches(ip: string, cidrs: readonly string[]): boolean {
  const address = readAddress(ip);
  if (address === undefined) return false;
  return cidrs.some((cidr) => {
    const [range, prefix] = ipaddr.parseCIDR(cidr);
    return range.kind() === address.kind() && address.match(range, prefix);
  });
}

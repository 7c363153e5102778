import { isIP } from 'node:net';
import type { AddressPolicy } from './address.ts';
import type { UrlCheck } from './egress.ts';

const URL_CHARACTERS_MAX = 8192;

/** White space, controls and the backslash, which other parsers read in other ways than WHATWG's. */
const AMBIGUOUS_CHARACTERS = /[\p{Cc}\p{White_Space}\\\ufeff]/u;

/**
 * Ports whose services can be talked to in the guise of HTTP: the "bad ports" of the Fetch standard, 2.9, and port 0.
 * Mail relays are the ones that matter: a POST body can hold an SMTP dialogue.
 */
const FORBIDDEN_PORTS = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

/**
 * Judges a URL by its text. WHATWG parsing has by then turned decimal, octal, hexadecimal, short and full-width forms of
 * an IPv4 address into the dotted one, and refused zone ids. A name passes here: its addresses are judged at connect
 * time. Names that mean this machine by definition (RFC 6761, 6.3) are told here already.
 */
export function checkUrl(text: string, policy: AddressPolicy): UrlCheck {
  if (text.length > URL_CHARACTERS_MAX) return invalid('the URL is too long');
  if (AMBIGUOUS_CHARACTERS.test(text)) return invalid('the URL has white space, control characters or backslashes');
  const url = URL.parse(text);
  if (url === null) return invalid('the URL is not valid');
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return invalid('the URL is neither http nor https');
  if (url.username !== '' || url.password !== '') return invalid('the URL holds credentials');
  if (url.hostname === '') return invalid('the URL has no host');
  if (url.port !== '' && FORBIDDEN_PORTS.has(Number(url.port))) return forbidden('the port is not permitted');
  if (!hostMayPass(url.hostname, policy)) return forbidden('the address is not permitted');
  return { ok: true, url };
}

function hostMayPass(hostname: string, policy: AddressPolicy): boolean {
  const address = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  if (isIP(address) !== 0) return policy.judge(address).allowed;
  const name = hostname.replace(/\.$/, '');
  if (name !== 'localhost' && !name.endsWith('.localhost')) return true;
  return policy.judge('127.0.0.1').allowed || policy.judge('::1').allowed;
}

function invalid(reason: string): UrlCheck {
  return { ok: false, code: 'url_invalid', reason };
}

function forbidden(reason: string): UrlCheck {
  return { ok: false, code: 'address_forbidden', reason };
}

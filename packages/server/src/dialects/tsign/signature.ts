import { createHash, createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';

/** A parameter as a form encodes it, decoded (application/x-www-form-urlencoded, in query and body alike). */
export type Parameter = readonly [key: string, value: string];

/** What of a request its signature covers. */
export interface SignedRequest {
  /** In capitals. */
  readonly method: string;
  /** As the request line has it, up to the `?`: nothing decoded. */
  readonly path: string;
  /** Of the query and then of a form, in the order in which they came. */
  readonly parameters: readonly Parameter[];
  /** The headers' texts by their names in lower case (`headerText`). */
  readonly headers: Readonly<Record<string, string | undefined>>;
}

const SIGNATURE = 'x-tsign-open-ca-signature';
const SIGNATURE_HEADERS = 'x-tsign-open-ca-signature-headers';
const SIGNATURE_ALGORITHM = 'x-tsign-open-ca-signature-algorithm';
const CONTENT_HASH = 'x-tsign-content-hash';
const CONTENT_HASH_ALGORITHM = 'x-tsign-content-hash-algorithm';
const CONTENT_MD5 = 'content-md5';

/** They have lines of their own, or cannot be signed. */
const NEVER_IN_BLOCK = new Set([SIGNATURE, SIGNATURE_HEADERS, 'accept', CONTENT_MD5, 'content-type', 'date']);
/** RFC 9110, 5.1. A "name" with a slash could pass for the line of the path. */
const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const BLOCK_HEADERS_MAX = 64;

/** How a request is signed: which HMAC, and which header holds which digest of the body. */
interface Scheme {
  readonly hmac: 'sha256' | 'sm3';
  readonly digest: 'md5' | 'sm3';
  readonly digestHeader: typeof CONTENT_MD5 | typeof CONTENT_HASH;
}

const SHA256: Scheme = { hmac: 'sha256', digest: 'md5', digestHeader: CONTENT_MD5 };
/** 国密: SM3 (GB/T 32905) in place of both SHA-256 and MD5. */
const SM3: Scheme = { hmac: 'sm3', digest: 'sm3', digestHeader: CONTENT_HASH };
/** Names in lower case; a request that names none means the first. */
const SCHEMES: ReadonlyMap<string, Scheme> = new Map([
  ['hmacsha256', SHA256],
  ['hmacsm3', SM3],
]);

function schemeOf({ headers }: SignedRequest): Scheme | undefined {
  const scheme = SCHEMES.get((headers[SIGNATURE_ALGORITHM] ?? 'HmacSHA256').toLowerCase());
  // Another algorithm for the body's hash than the one that the signature's implies is nobody's.
  const digestNamed = headers[CONTENT_HASH_ALGORITHM]?.toLowerCase() ?? 'sm3';
  return scheme === SM3 && digestNamed !== 'sm3' ? undefined : scheme;
}

/** A header's value as its sender wrote it: UTF-8, where the bytes are that. HTTP hands it out byte by byte. */
export function headerText(value: string): string {
  if (/^[ -~\t]*$/.test(value)) return value;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'latin1'));
  } catch {
    return value;
  }
}

/** The parameters of a query (without its `?`) or of a form. */
export function parseParameters(text: string): Parameter[] {
  // The class takes one leading `?` away, and only that of ours must be it.
  return text === '' ? [] : [...new URLSearchParams(`?${text}`)];
}

/** Each key with its first value, which is the one that counts and the only one that is signed. */
export function firstValues(parameters: readonly Parameter[]): Map<string, string> {
  const first = new Map<string, string>();
  for (const [key, value] of parameters) if (!first.has(key)) first.set(key, value);
  return first;
}

/**
 * The text that a request's signature covers (contracts/tsign-auth.md, Signature mode). Undefined where the request names
 * an algorithm or a header that nobody can mean.
 */
export function stringToSign(request: SignedRequest): string | undefined {
  const scheme = schemeOf(request);
  const block = headersBlock(request);
  if (scheme === undefined || block === undefined) return undefined;
  const { method, headers } = request;
  const values = ['accept', scheme.digestHeader, 'content-type', 'date'].map((name) => headers[name] ?? '');
  return [method, ...values, ...block, pathAndParameters(request)].join('\n');
}

/** A line `Key:Value` for each header that the list names, in the list's spelling and in ASCII order. */
function headersBlock({ headers }: SignedRequest): string[] | undefined {
  const list = headers[SIGNATURE_HEADERS] ?? '';
  if (list === '') return [];
  const listed = list.split(',').map((name) => name.trim());
  const names = [...new Set(listed.filter((name) => name !== '' && !NEVER_IN_BLOCK.has(name.toLowerCase())))];
  if (names.length > BLOCK_HEADERS_MAX || !names.every((name) => HEADER_NAME.test(name))) return undefined;
  return names.sort().map((name) => {
    const key = name.toLowerCase();
    return `${name}:${Object.hasOwn(headers, key) ? headers[key] : ''}`;
  });
}

function pathAndParameters({ path, parameters }: SignedRequest): string {
  if (parameters.length === 0) return path;
  const first = firstValues(parameters);
  const pairs = [...first.keys()].sort().map((key) => {
    const value = first.get(key) ?? '';
    return value === '' ? key : `${key}=${value}`;
  });
  return `${path}?${pairs.join('&')}`;
}

/** Base64 of a body's digest, as Content-MD5 and X-Tsign-Content-Hash carry it. */
function contentDigest(algorithm: Scheme['digest'], body: Uint8Array): string {
  return createHash(algorithm).update(body).digest('base64');
}

/**
 * Whether the digest header is that of the body: `missing` where there is none. To be asked only where a body came: on
 * bodiless requests clients send all sorts of values, and the header is text like any other.
 */
export function checkContent(request: SignedRequest, body: Uint8Array): 'right' | 'wrong' | 'missing' {
  const scheme = schemeOf(request);
  if (scheme === undefined) return 'wrong';
  const claimed = request.headers[scheme.digestHeader] ?? '';
  if (claimed === '') return 'missing';
  return claimed === contentDigest(scheme.digest, body) ? 'right' : 'wrong';
}

/** Whether the request carries the signature that this key makes of it. Compared in constant time. */
export function signatureHolds(request: SignedRequest, secret: KeyObject): boolean {
  const scheme = schemeOf(request);
  const text = stringToSign(request);
  if (scheme === undefined || text === undefined) return false;
  const right = Buffer.from(createHmac(scheme.hmac, secret).update(text, 'utf8').digest('base64'));
  const claimed = Buffer.from(request.headers[SIGNATURE] ?? '');
  // The length of every right signature is known to all; the texts are compared, so each has one spelling.
  return claimed.length === right.length && timingSafeEqual(claimed, right);
}

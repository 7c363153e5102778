/**
 * The part of DER (ITU-T X.690) that certificates, their status and CMS signatures need: an encoder by tag, and a reader
 * of one element. An element is its bytes; composing them is concatenation.
 */

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Tag, length in the fewest bytes (10.1), contents. */
export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const length = contents.reduce((sum, each) => sum + each.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...contents]);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

export function sequence(...items: readonly Uint8Array[]): Buffer {
  return element(TAG.sequence, ...items);
}

/** SET OF: the encodings in ascending order (11.6). */
export function setOf(...items: readonly Uint8Array[]): Buffer {
  return element(TAG.set, ...inDerOrder(items));
}

/** `[n] IMPLICIT SET OF`. */
export function implicitSetOf(number: number, ...items: readonly Uint8Array[]): Buffer {
  return element(0xa0 | number, ...inDerOrder(items));
}

/** `[n] EXPLICIT`, or `[n] IMPLICIT` of a type that is made of others. */
export function explicit(number: number, ...items: readonly Uint8Array[]): Buffer {
  return element(0xa0 | number, ...items);
}

/** `[n] IMPLICIT` of a type that is not made of others. */
export function implicit(number: number, contents: Uint8Array): Buffer {
  return element(0x80 | number, contents);
}

function inDerOrder(items: readonly Uint8Array[]): Uint8Array[] {
  return [...items].sort((a, b) => Buffer.compare(a, b));
}

export function nullValue(): Buffer {
  return element(TAG.null);
}

export function octetString(bytes: Uint8Array): Buffer {
  return element(TAG.octetString, bytes);
}

/** A small non-negative integer. */
export function integer(value: number): Buffer {
  if (!Number.isInteger(value) || value < 0 || value > 0x7f) throw new RangeError('only 0 to 127 are needed here');
  return element(TAG.integer, Buffer.from([value]));
}

/** A non-negative integer of any size, given by its bytes, the highest first (8.3). */
export function unsignedInteger(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const significant = first < 0 ? Buffer.of(0) : Buffer.from(bytes.subarray(first));
  const isNegative = ((significant[0] ?? 0) & 0x80) !== 0;
  return element(TAG.integer, ...(isNegative ? [Buffer.of(0)] : []), significant);
}

/** Only what is true: DER leaves a default out, and false is one wherever it stands here. */
export function trueValue(): Buffer {
  return element(TAG.boolean, Buffer.of(0xff));
}

export function bitString(bytes: Uint8Array): Buffer {
  return element(TAG.bitString, Buffer.of(0), bytes);
}

/** A BIT STRING of named bits, counted from the highest of the first byte, without trailing zeros (11.2.2). */
export function namedBits(...bits: readonly number[]): Buffer {
  const last = Math.max(...bits);
  const bytes = Buffer.alloc((last >> 3) + 1);
  for (const bit of bits) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
  return element(TAG.bitString, Buffer.of(7 - (last & 7)), bytes);
}

export function enumerated(value: number): Buffer {
  return element(TAG.enumerated, Buffer.of(value));
}

export function utf8String(text: string): Buffer {
  return element(TAG.utf8String, Buffer.from(text, 'utf8'));
}

/** The caller sees to it that the text has no other characters (8.23.9). */
export function printableString(text: string): Buffer {
  return element(TAG.printableString, Buffer.from(text, 'latin1'));
}

/** A time in whole seconds: UTCTime until 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). */
export function time(at: Date): Buffer {
  return at.getUTCFullYear() < 2050
    ? element(TAG.utcTime, Buffer.from(timeText(at).slice(2), 'latin1'))
    : generalizedTime(at);
}

export function generalizedTime(at: Date): Buffer {
  return element(TAG.generalizedTime, Buffer.from(timeText(at), 'latin1'));
}

/** `20260102030405Z` */
function timeText(at: Date): string {
  return at
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(/[-:T]/g, '');
}

/** `1.2.840.113549` (8.19). */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap(base128);
  return element(TAG.oid, Buffer.from(bytes));
}

function base128(arc: number): number[] {
  const bytes = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift((rest % 128) | 0x80);
  return bytes;
}

/** One element as it stands in a buffer: its tag, its contents, and all its bytes, header included. */
export type DerElement = { tag: number; contents: Buffer; bytes: Buffer };

/** The elements that follow one another in `bytes`. Throws a RangeError for what is not DER with definite lengths. */
export function readElements(bytes: Buffer): DerElement[] {
  const elements: DerElement[] = [];
  let at = 0;
  while (at < bytes.length) {
    const next = readElement(bytes, at);
    elements.push(next);
    at += next.bytes.length;
  }
  return elements;
}

function readElement(bytes: Buffer, at: number): DerElement {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new RangeError('not a DER element');
  let header = 2;
  let length = first;
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4 || at + 2 + count > bytes.length) throw new RangeError('not a DER length');
    length = bytes.readUIntBE(at + 2, count);
    header += count;
    if (lengthBytes(length).length !== count + 1) throw new RangeError('a length in more bytes than it needs');
  }
  const end = at + header + length;
  if (end > bytes.length) throw new RangeError('a DER element is cut short');
  return { tag, contents: bytes.subarray(at + header, end), bytes: bytes.subarray(at, end) };
}

/** The dotted form of an object identifier (8.19). Throws a RangeError where the element is none. */
export function readOid({ tag, contents }: DerElement): string {
  const last = contents.at(-1);
  if (tag !== TAG.oid || last === undefined || last >= 0x80) throw new RangeError('not an object identifier');
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of contents) {
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    if (byte >= 0x80) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [head = 0n, ...rest] = arcs;
  const first = head < 80n ? head / 40n : 2n;
  return [first, head - first * 40n, ...rest].join('.');
}

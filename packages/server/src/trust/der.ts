/**
 * The small part of DER (ITU-T X.690) that a CMS signature needs: an encoder by tag, and a reader of one element.
 * An element is its bytes; composing them is concatenation.
 */

const TAG = { integer: 0x02, octetString: 0x04, null: 0x05, oid: 0x06, sequence: 0x30, set: 0x31 } as const;

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

/** `[n] EXPLICIT`. */
export function explicit(number: number, item: Uint8Array): Buffer {
  return element(0xa0 | number, item);
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

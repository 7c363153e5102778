import { element, readElements, TAG } from '../der.ts';
import type { DerElement } from '../der.ts';

/** Values of ASN.1 (X.680, X.690) that time-stamping needs beyond what a signature does. */

/** An object identifier whose arcs may be of any length, such as those of UUIDs (X.667). */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0n, second = 0n, ...rest] = dotted.split('.').map(BigInt);
  return element(TAG.oid, Buffer.from([first * 40n + second, ...rest].flatMap(base128)));
}

function base128(arc: bigint): number[] {
  const bytes = [Number(arc & 0x7fn)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) bytes.unshift(Number(rest & 0x7fn) | 0x80);
  return bytes;
}

/** Seconds may have a fraction (RFC 3161, 2.4.2); the zone is always Z. */
export function readGeneralizedTime({ tag, contents }: DerElement): Date {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\.\d{1,9})?Z$/.exec(contents.toString('latin1'));
  if (tag !== TAG.generalizedTime || !match) throw new RangeError('not a GeneralizedTime');
  const [, year, month, day, hour, minute, second, fraction = ''] = match;
  const at = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}Z`);
  if (Number.isNaN(at.getTime())) throw new RangeError('not a time');
  return at;
}

/** The elements inside of one that is constructed and has this tag. */
export function childrenOf(outer: DerElement | undefined, tag: number): DerElement[] {
  if (outer?.tag !== tag) throw new RangeError(`an element of tag ${tag.toString(16)} is missing`);
  return readElements(outer.contents);
}

/** The one element that these bytes are, nothing behind it. */
export function onlyElement(bytes: Buffer): DerElement {
  const [first, ...others] = readElements(bytes);
  if (!first || others.length > 0) throw new RangeError('not one element');
  return first;
}

const NESTING_MAX = 32;

/**
 * BER as DER, as far as CMS needs it: indefinite lengths become definite, OCTET STRINGs in pieces become one. Services
 * that are built on older libraries answer so. What is signed inside of a token is DER already and stays as it is.
 *
 * @throws RangeError where it is no BER
 */
export function definiteLengths(bytes: Buffer): Buffer {
  const { encoded, end } = definiteElement(bytes, 0, 0);
  if (end !== bytes.length) throw new RangeError('bytes behind the element');
  return encoded;
}

function definiteElement(bytes: Buffer, at: number, depth: number): { encoded: Buffer; end: number } {
  if (depth > NESTING_MAX) throw new RangeError('nested too deep');
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new RangeError('not a BER element');
  const isIndefinite = first === 0x80;
  const lengthBytes = first > 0x80 ? first & 0x7f : 0;
  if (lengthBytes > 4 || at + 2 + lengthBytes > bytes.length) throw new RangeError('not a BER length');
  const length = lengthBytes > 0 ? bytes.readUIntBE(at + 2, lengthBytes) : first;
  const contentsAt = at + 2 + lengthBytes;
  const end = isIndefinite ? bytes.length : contentsAt + length;
  if (end > bytes.length) throw new RangeError('a BER element is cut short');
  if ((tag & 0x20) === 0) {
    if (isIndefinite) throw new RangeError('a primitive element without a length');
    return { encoded: element(tag, bytes.subarray(contentsAt, end)), end };
  }
  const children: Buffer[] = [];
  let next = contentsAt;
  const isOver = (): boolean => (isIndefinite ? bytes[next] === 0 && bytes[next + 1] === 0 : next >= end);
  while (!isOver()) {
    const child = definiteElement(bytes, next, depth + 1);
    children.push(child.encoded);
    next = child.end;
  }
  if (!isIndefinite && next !== end) throw new RangeError('an element reaches beyond the one around it');
  const pieces = tag === (TAG.octetString | 0x20) ? children.map((child) => onlyElement(child).contents) : undefined;
  const encoded = pieces ? element(TAG.octetString, ...pieces) : element(tag, ...children);
  return { encoded, end: isIndefinite ? next + 2 : end };
}

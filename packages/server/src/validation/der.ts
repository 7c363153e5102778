/**
 * Reads the DER, and the BER that older signers write, of what a stranger signed. A signature does not cover all of its own
 * envelope: what stands there and means nothing is refused, so that no byte of it can be changed unseen.
 */

export type Element = {
  tag: number;
  contents: Buffer;
  /** With tag and length. */
  bytes: Buffer;
};

const DEPTH_MAX = 32;

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Not what its type says it is. */
export class MalformedAsn1 extends Error {
  override readonly name = 'MalformedAsn1';
}

/** The element that begins at `at`; `end` is where it ends. */
export function readElement(bytes: Buffer, at = 0, depth = 0): { element: Element; end: number } {
  if (depth > DEPTH_MAX) throw new MalformedAsn1('nested too deep');
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new MalformedAsn1('no element');
  if (first === 0x80) return readIndefinite(bytes, at, tag, depth);
  let length = first;
  let start = at + 2;
  if (first > 0x80) {
    const count = first & 0x7f;
    if (count > 4 || start + count > bytes.length) throw new MalformedAsn1('length');
    length = bytes.readUIntBE(start, count);
    // Always in the fewest bytes, also of writers of BER.
    if (length < 0x80 || bytes[start] === 0) throw new MalformedAsn1('a length in more bytes than it takes');
    start += count;
  }
  const end = start + length;
  if (end > bytes.length) throw new MalformedAsn1('longer than its bytes');
  return { element: { tag, contents: bytes.subarray(start, end), bytes: bytes.subarray(at, end) }, end };
}

function readIndefinite(bytes: Buffer, at: number, tag: number, depth: number): { element: Element; end: number } {
  if ((tag & 0x20) === 0) throw new MalformedAsn1('an indefinite length of a primitive');
  let position = at + 2;
  while (!(bytes[position] === 0 && bytes[position + 1] === 0)) position = readElement(bytes, position, depth + 1).end;
  const contents = bytes.subarray(at + 2, position);
  return { element: { tag, contents, bytes: bytes.subarray(at, position + 2) }, end: position + 2 };
}

/** The elements that fill these bytes. */
export function readElements(bytes: Buffer): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const { element, end } = readElement(bytes, at);
    elements.push(element);
    at = end;
  }
  return elements;
}

/** The elements inside of one that has this tag. */
export function childrenOf(element: Element | undefined, tag: number): Element[] {
  return readElements(expected(element, tag).contents);
}

export function expected(element: Element | undefined, tag: number): Element {
  if (element?.tag !== tag) throw new MalformedAsn1(`tag ${element?.tag} where ${tag} should be`);
  return element;
}

/** Octets, also where BER writes them in pieces. */
export function octetsOf(element: Element | undefined, tag: number = TAG.octetString): Buffer {
  if (element?.tag === tag) return element.contents;
  if (element?.tag !== (tag | 0x20)) throw new MalformedAsn1('no octet string');
  return Buffer.concat(readElements(element.contents).map((piece) => octetsOf(piece)));
}

/** Dotted. */
export function oidOf(element: Element | undefined): string {
  const { contents } = expected(element, TAG.oid);
  const parts: number[] = [];
  let value = 0;
  for (const byte of contents) {
    value = value * 128 + (byte & 0x7f);
    if (value > Number.MAX_SAFE_INTEGER / 128) throw new MalformedAsn1('object identifier');
    if ((byte & 0x80) !== 0) continue;
    parts.push(value);
    value = 0;
  }
  const [first] = parts;
  if (first === undefined || ((contents.at(-1) ?? 0x80) & 0x80) !== 0) throw new MalformedAsn1('object identifier');
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...parts.slice(1)].join('.');
}

/** A small number such as a version. */
export function smallIntegerOf(element: Element | undefined): number {
  const { contents } = expected(element, TAG.integer);
  if (contents.length !== 1) throw new MalformedAsn1('no small integer');
  return contents.readInt8(0);
}

/** The objects of ISO 32000-1, 7.3, as plain values. A dictionary is a `Map` so that its order survives a rewrite. */

export class PdfName {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export class PdfRef {
  readonly objectNumber: number;
  readonly generation: number;
  constructor(objectNumber: number, generation = 0) {
    this.objectNumber = objectNumber;
    this.generation = generation;
  }
}

export class PdfString {
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

export type PdfDict = Map<string, PdfValue>;

/** `encoded` are the bytes as they stand in the file, filters not undone. */
export class PdfStream {
  readonly dict: PdfDict;
  readonly encoded: Buffer;
  constructor(dict: PdfDict, encoded: Buffer) {
    this.dict = dict;
    this.encoded = encoded;
  }
}

export type PdfValue = null | boolean | number | PdfName | PdfRef | PdfString | PdfStream | PdfDict | PdfValue[];

export function isDict(value: PdfValue | undefined): value is PdfDict {
  return value instanceof Map;
}

/** `dict({ Type: name('Annot'), Rect: [0, 0, 1, 1] })`; entries that are undefined are left out. */
export function dict(entries: Readonly<Record<string, PdfValue | undefined>>): PdfDict {
  const result: PdfDict = new Map();
  for (const [key, value] of Object.entries(entries)) if (value !== undefined) result.set(key, value);
  return result;
}

export function name(value: string): PdfName {
  return new PdfName(value);
}

/** A text string (7.9.2.2): PDFDocEncoding where ASCII suffices, UTF-16BE with its byte order mark elsewhere. */
export function textString(text: string): PdfString {
  if (/^[\x20-\x7e]*$/.test(text)) return new PdfString(Buffer.from(text, 'latin1'));
  return new PdfString(Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(text, 'utf16le').swap16()]));
}

/** The text of a text string, near enough to compare field names: UTF-16BE, UTF-8 with its mark, or Latin-1. */
export function textOf(value: PdfString): string {
  const { bytes } = value;
  if (bytes[0] === 0xfe && bytes[1] === 0xff) {
    const even = bytes.length - (bytes.length % 2);
    return Buffer.from(bytes.subarray(2, even)).swap16().toString('utf16le');
  }
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return bytes.subarray(3).toString('utf8');
  return bytes.toString('latin1');
}

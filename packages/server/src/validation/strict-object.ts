import { DamagedPdf, PdfName, PdfParser, PdfRef } from '../documents/index.ts';
import type { ParseBudget, PdfDict, PdfValue } from '../documents/index.ts';
import type { Span } from './history.ts';
import { OBJECT_NUMBER_MAX } from './mentions.ts';

const NESTING_MAX = 64;

/** A value, and what readers may take otherwise. */
export type StrictValue = {
  value: PdfValue;
  /** A dictionary in it has a key twice: of the two, some readers take the first and some the last. */
  hasDoubleKeys: boolean;
  /** Which numbers outside of dictionaries are whole and written with a point: some readers take `8.0` for no integer. */
  pointedIntegers: string;
};

/** Keys whose numbers may be real ones: every reader takes them as they come. */
const MEASURES: ReadonlySet<string> = new Set(
  'MediaBox CropBox BleedBox TrimBox ArtBox UserUnit Rect BBox Matrix Border C CA ca QuadPoints Dest D'.split(' '),
);

/**
 * Reads the value that stands here. As the parser does, but noticing double keys: the values that the last one hides are
 * kept, each under a key that no document has, so that what they lead to is found. So is which whole numbers are written
 * with a point, where that is no matter of measures: `8.0` is not the same as `8`.
 *
 * @throws DamagedPdf
 */
export function parseStrictly(parser: PdfParser): StrictValue {
  const scan = new Scan(parser);
  const value = scan.value(0);
  return { value, hasDoubleKeys: scan.hasDoubleKeys, pointedIntegers: parser.pointedIntegers.join(' ') };
}

/**
 * Where in the file the values of a dictionary stand: of the object at `offset`, or of the dictionary under one of its keys.
 *
 * @throws DamagedPdf
 */
export function dictionarySpans(
  bytes: Buffer,
  offset: number,
  budget: ParseBudget,
  under?: string,
): { spans: ReadonlyMap<string, Span>; hasDoubleKeys: boolean } {
  const parser = new PdfParser(bytes, offset, budget);
  parser.takeInteger();
  parser.takeInteger();
  if (!parser.takeKeyword('obj')) throw new DamagedPdf('no object here');
  const scan = new Scan(parser);
  parser.skipSpace();
  const outer = scan.spans();
  const inner = under === undefined ? undefined : outer.get(under);
  if (under === undefined) return { spans: outer, hasDoubleKeys: scan.hasDoubleKeys };
  if (!inner) throw new DamagedPdf('no such key');
  parser.position = inner[0];
  return { spans: scan.spans(), hasDoubleKeys: scan.hasDoubleKeys };
}

class Scan {
  readonly #parser: PdfParser;
  hasDoubleKeys = false;

  constructor(parser: PdfParser) {
    this.#parser = parser;
  }

  value(depth: number): PdfValue {
    if (depth > NESTING_MAX) throw new DamagedPdf('nested too deep');
    const parser = this.#parser;
    parser.skipSpace();
    if (this.#isDictionary()) return this.#dictionary(depth);
    if (parser.bytes[parser.position] !== 0x5b) {
      const value = parser.parseValue();
      const isAbsurd = value instanceof PdfRef && value.objectNumber > OBJECT_NUMBER_MAX;
      if (isAbsurd) throw new DamagedPdf('a reference that readers take for different ones');
      return value;
    }
    const items: PdfValue[] = [];
    parser.position += 1;
    for (;;) {
      parser.skipSpace();
      if (parser.bytes[parser.position] === 0x5d) break;
      items.push(this.value(depth + 1));
    }
    parser.position += 1;
    return items;
  }

  /** The places of a dictionary's values, which begins here. */
  spans(): ReadonlyMap<string, Span> {
    if (!this.#isDictionary()) throw new DamagedPdf('no dictionary here');
    const spans = new Map<string, Span>();
    this.#dictionary(0, spans);
    return spans;
  }

  #isDictionary(): boolean {
    const { bytes, position } = this.#parser;
    return bytes[position] === 0x3c && bytes[position + 1] === 0x3c;
  }

  #dictionary(depth: number, spans?: Map<string, Span>): PdfDict {
    const parser = this.#parser;
    const result: PdfDict = new Map();
    parser.position += 2;
    for (;;) {
      parser.skipSpace();
      const { bytes, position } = parser;
      if (bytes[position] === 0x3e && bytes[position + 1] === 0x3e) break;
      const key = parser.parseValue();
      if (!(key instanceof PdfName)) throw new DamagedPdf('a key that is no name');
      parser.skipSpace();
      const start = parser.position;
      const { numbers } = parser;
      const above = parser.pointedIntegers;
      parser.pointedIntegers = [];
      const value = this.value(depth + 1);
      const pointed = parser.pointedIntegers.map((each) => each - numbers);
      parser.pointedIntegers = above;
      if (pointed.length > 0 && !MEASURES.has(key.name)) result.set(`${key.name}\0.`, pointed);
      const hidden = result.get(key.name);
      if (hidden !== undefined) {
        this.hasDoubleKeys = true;
        result.set(`${key.name}\0${result.size}`, hidden);
      }
      result.set(key.name, value);
      spans?.set(key.name, [start, parser.position]);
    }
    parser.position += 2;
    return result;
  }
}

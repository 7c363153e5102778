import { DamagedPdf, PdfName, PdfParser } from '../documents/index.ts';
import type { ParseBudget, PdfDict, PdfValue } from '../documents/index.ts';
import type { Span } from './history.ts';

const NESTING_MAX = 64;

/** A value, and whether any dictionary in it has a key twice: of the two, some readers take the first and some the last. */
export type StrictValue = { value: PdfValue; hasDoubleKeys: boolean };

/**
 * Reads the value that stands here. As the parser does, but noticing double keys.
 *
 * @throws DamagedPdf
 */
export function parseStrictly(parser: PdfParser): StrictValue {
  const scan = new Scan(parser);
  const value = scan.value(0);
  return { value, hasDoubleKeys: scan.hasDoubleKeys };
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
    if (parser.bytes[parser.position] !== 0x5b) return parser.parseValue();
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
      const value = this.value(depth + 1);
      if (result.has(key.name)) this.hasDoubleKeys = true;
      result.set(key.name, value);
      spans?.set(key.name, [start, parser.position]);
    }
    parser.position += 2;
    return result;
  }
}

import { DamagedPdf, PdfName, PdfParser } from '../documents/index.ts';
import type { ParseBudget } from '../documents/index.ts';
import type { Span } from './history.ts';

const NESTING_MAX = 64;

/** Where the value of each key of a dictionary stands in the file. */
export type DictionarySpans = ReadonlyMap<string, Span>;

/**
 * Reads the object at `offset` again, for what a parsed value does not tell: where in the file the values of its
 * dictionary stand, with `path` leading to one inside of it, and whether any dictionary in it has a key twice. Of two values
 * under one key some readers take the first and some the last, so such an object means different things to them.
 *
 * @throws DamagedPdf
 */
export function dictionarySpans(
  bytes: Buffer,
  offset: number,
  budget: ParseBudget,
  path: readonly string[] = [],
): { spans: DictionarySpans | undefined; hasDoubleKeys: boolean } {
  const parser = new PdfParser(bytes, offset, budget);
  parser.takeInteger();
  parser.takeInteger();
  if (!parser.takeKeyword('obj')) throw new DamagedPdf('no object here');
  const scan = new Scan(parser, path);
  parser.charged(() => scan.value([], 0));
  return { spans: scan.found, hasDoubleKeys: scan.hasDoubleKeys };
}

class Scan {
  readonly #parser: PdfParser;
  readonly #path: readonly string[];
  found: DictionarySpans | undefined;
  hasDoubleKeys = false;

  constructor(parser: PdfParser, path: readonly string[]) {
    this.#parser = parser;
    this.#path = path;
  }

  value(path: readonly string[], depth: number): void {
    if (depth > NESTING_MAX) throw new DamagedPdf('nested too deep');
    const parser = this.#parser;
    parser.skipSpace();
    const { bytes, position } = parser;
    if (bytes[position] === 0x3c && bytes[position + 1] === 0x3c) this.#dictionary(path, depth);
    else if (bytes[position] === 0x5b) this.#array(path, depth);
    else parser.parseValue();
  }

  #array(path: readonly string[], depth: number): void {
    const parser = this.#parser;
    parser.position += 1;
    for (let index = 0; ; index += 1) {
      parser.skipSpace();
      if (parser.bytes[parser.position] === 0x5d) break;
      this.value([...path, String(index)], depth + 1);
    }
    parser.position += 1;
  }

  #dictionary(path: readonly string[], depth: number): void {
    const parser = this.#parser;
    const spans = new Map<string, Span>();
    parser.position += 2;
    for (;;) {
      parser.skipSpace();
      if (parser.bytes.toString('latin1', parser.position, parser.position + 2) === '>>') break;
      const key = parser.parseValue();
      if (!(key instanceof PdfName)) throw new DamagedPdf('a key that is no name');
      parser.skipSpace();
      const start = parser.position;
      this.value([...path, key.name], depth + 1);
      if (spans.has(key.name)) this.hasDoubleKeys = true;
      spans.set(key.name, [start, parser.position]);
    }
    parser.position += 2;
    if (path.length === this.#path.length && path.every((part, index) => part === this.#path[index]))
      this.found = spans;
  }
}

import { DamagedPdf, ParseBudget } from './budget.ts';
import { decodeStructureStream } from './filters.ts';
import { readStreamAfter } from './indirect.ts';
import { PdfParser } from './parser.ts';
import { isDict, PdfName, PdfRef, PdfStream } from './values.ts';
import type { PdfDict, PdfValue } from './values.ts';
import { readXref } from './xref.ts';
import type { Xref } from './xref.ts';

/** What a revision changes: its objects, `value` absent where only their bytes are known, and its cross-reference. */
export type AppendedRevision = Pick<Xref, 'trailer' | 'size' | 'startXref'> & {
  objects: readonly { objectNumber: number; generation: number; offset: number; value: PdfValue | undefined }[];
};

const HEADER_WITHIN_BYTES = 1024;
const REFERENCE_HOPS_MAX = 16;

/**
 * A PDF read through its cross-reference, one object at a time as they are asked for.
 *
 * Why not a library: the ones at hand scan the whole file and let the last object of a number win. A file can hold
 * objects that its cross-reference does not name, so a scan may see another catalog or page than every viewer shows,
 * and an update built on it would put that other page under a signature. Reading by the cross-reference sees what the
 * viewer sees, costs little however long the file is, and keeps within `PDF_LIMITS` however hostile it is.
 *
 * Every method throws `DamagedPdf` for what does not hold together.
 */
export class PdfDocument {
  /** The file as it was read. */
  readonly bytes: Buffer;
  readonly #sections: Buffer[] = [];
  #byteLength: number;
  #xref: Xref;
  readonly #budget: ParseBudget;
  readonly #loaded = new Map<number, PdfValue>();
  readonly #objectStreams = new Map<number, { data: Buffer; offsets: readonly (readonly [number, number])[] }>();

  private constructor(bytes: Buffer, xref: Xref, budget: ParseBudget) {
    this.bytes = bytes;
    this.#byteLength = bytes.length;
    this.#xref = xref;
    this.#budget = budget;
  }

  static parse(bytes: Buffer): PdfDocument {
    const budget = new ParseBudget();
    return new PdfDocument(bytes, readXref(bytes, budget), budget);
  }

  get xref(): Xref {
    return this.#xref;
  }

  /** The file with every revision that was taken in, as pieces that follow one another. */
  get pieces(): readonly Buffer[] {
    return [this.bytes, ...this.#sections];
  }

  /** Of all pieces. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /**
   * Takes in a revision that stands behind the file now, without reading or copying anything: a signature on each of
   * 200 pages must not parse 40 MB 200 times.
   */
  append(section: Buffer, revision: AppendedRevision): void {
    for (const { objectNumber, generation, offset, value } of revision.objects) {
      this.#xref.entries.set(objectNumber, { kind: 'offset', offset, generation });
      if (value !== undefined) this.#loaded.set(objectNumber, value);
    }
    const { trailer, size, startXref } = revision;
    this.#xref = { ...this.#xref, trailer, size, startXref };
    this.#sections.push(section);
    this.#byteLength += section.length;
  }

  get encrypted(): boolean {
    const encrypt = this.xref.trailer.get('Encrypt');
    return encrypt !== undefined && encrypt !== null;
  }

  get catalogRef(): PdfRef {
    const root = this.xref.trailer.get('Root');
    if (!(root instanceof PdfRef)) throw new DamagedPdf('the trailer has no Root');
    return root;
  }

  get catalog(): PdfDict {
    return this.dictOf(this.catalogRef, 'catalog');
  }

  /** What a value is once its reference, if it is one, is followed. A missing object is null (7.3.10). */
  resolve(value: PdfValue | undefined): PdfValue | undefined {
    let current = value;
    for (let hop = 0; current instanceof PdfRef; hop += 1) {
      if (hop >= REFERENCE_HOPS_MAX) throw new DamagedPdf('references loop');
      current = this.#load(current);
    }
    return current;
  }

  /** The dictionary that `value` is or refers to; `what` names it in the private detail of the error. */
  dictOf(value: PdfValue | undefined, what: string): PdfDict {
    const resolved = this.resolve(value);
    if (!isDict(resolved)) throw new DamagedPdf(`the ${what} is no dictionary`);
    return resolved;
  }

  /** The generation an update of this object has to carry. */
  generationOf(objectNumber: number): number {
    const entry = this.xref.entries.get(objectNumber);
    return entry?.kind === 'offset' ? entry.generation : 0;
  }

  #load(reference: PdfRef): PdfValue {
    const { objectNumber } = reference;
    const known = this.#loaded.get(objectNumber);
    if (known !== undefined) return known;
    const entry = this.xref.entries.get(objectNumber);
    if (!entry || entry.kind === 'free') return null;
    // Set before reading: an object whose own /Length refers to itself finds null and not a loop.
    this.#loaded.set(objectNumber, null);
    const value =
      entry.kind === 'offset'
        ? this.#readAt(entry.offset, objectNumber)
        : this.#readCompressed(entry.stream, entry.index, objectNumber);
    this.#loaded.set(objectNumber, value);
    return value;
  }

  #readAt(offset: number, objectNumber: number): PdfValue {
    const parser = new PdfParser(this.bytes, offset, this.#budget);
    return parser.charged(() => {
      const found = parser.takeInteger();
      const ok = found === objectNumber && parser.takeInteger() !== undefined && parser.takeKeyword('obj');
      if (!ok) throw new DamagedPdf(`object ${objectNumber} is not where the cross-reference says`);
      const value = parser.parseValue();
      if (!isDict(value)) return value;
      return readStreamAfter(parser, value, (length) => this.resolve(length), this.#budget) ?? value;
    });
  }

  #readCompressed(streamNumber: number, index: number, objectNumber: number): PdfValue {
    const { data, offsets } = this.#objectStream(streamNumber);
    const place = offsets[index];
    if (place?.[0] !== objectNumber) throw new DamagedPdf(`object ${objectNumber} is not in its object stream`);
    const parser = new PdfParser(data, place[1], this.#budget);
    return parser.charged(() => parser.parseValue());
  }

  /** An object stream's bytes and, by index, each object's number and place (7.5.7). */
  #objectStream(streamNumber: number): { data: Buffer; offsets: readonly (readonly [number, number])[] } {
    const known = this.#objectStreams.get(streamNumber);
    if (known) return known;
    if (this.xref.entries.get(streamNumber)?.kind !== 'offset') throw new DamagedPdf('an object stream inside another');
    const stream = this.#load(new PdfRef(streamNumber));
    if (!(stream instanceof PdfStream)) throw new DamagedPdf('an object stream is missing');
    const count = this.resolve(stream.dict.get('N'));
    const first = this.resolve(stream.dict.get('First'));
    if (typeof count !== 'number' || typeof first !== 'number') throw new DamagedPdf('header of an object stream');
    const data = decodeStructureStream(stream, this.#budget);
    const parser = new PdfParser(data, 0, this.#budget);
    const offsets = parser.charged(() => {
      const result: [number, number][] = [];
      while (result.length < count) {
        this.#budget.spendValue();
        const objectNumber = parser.takeInteger();
        const offset = parser.takeInteger();
        if (objectNumber === undefined || offset === undefined) throw new DamagedPdf('index of an object stream');
        result.push([objectNumber, first + offset]);
      }
      return result;
    });
    const result = { data, offsets };
    this.#objectStreams.set(streamNumber, result);
    return result;
  }
}

/** Where `%PDF-` stands within the first 1024 bytes, or -1. Readers allow junk before it. */
export function headerOffset(bytes: Buffer): number {
  return bytes.subarray(0, HEADER_WITHIN_BYTES).indexOf('%PDF-');
}

/** Whether a value is this name. */
export function isName(value: PdfValue | undefined, expected: string): boolean {
  return value instanceof PdfName && value.name === expected;
}

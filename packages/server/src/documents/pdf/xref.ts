import { DamagedPdf, PDF_LIMITS, TooComplexPdf } from './budget.ts';
import type { ParseBudget } from './budget.ts';
import { decodeStructureStream } from './filters.ts';
import { readStreamAfter } from './indirect.ts';
import { PdfParser } from './parser.ts';
import { PdfName } from './values.ts';
import type { PdfDict } from './values.ts';

/** Where an object lies: in the file at a byte offset, in an object stream, or nowhere (deleted). */
export type XrefEntry =
  | { kind: 'offset'; offset: number; generation: number }
  | { kind: 'compressed'; stream: number; index: number }
  | { kind: 'free' };

/** The cross-reference of a file, all its revisions merged, the newest first (7.5.4 to 7.5.8). */
export type Xref = {
  entries: Map<number, XrefEntry>;
  /** The newest trailer, completed by older ones where it lacks Root, Info, ID or Encrypt. */
  trailer: PdfDict;
  /** Largest object number in use or reserved by any /Size, plus one. */
  size: number;
  /** Byte offset of the newest section, as `startxref` says it. */
  startXref: number;
  /** How the newest section is written; an update follows its manner (7.5.8.4 allows no mixing but hybrids). */
  manner: 'table' | 'stream';
};

/** One section as it stands in the file, older ones not looked at. */
export type XrefSection = {
  used: [number, XrefEntry][];
  free: number[];
  /** The trailer, or the stream's dictionary. */
  dict: PdfDict;
  manner: 'table' | 'stream';
  /** Readers may not agree on its trailer: a key stands there twice, or an integer is written as a real number. */
  isDoubtful: boolean;
};

type Section = XrefSection;

export function readXref(bytes: Buffer, budget: ParseBudget): Xref {
  const keyword = bytes.lastIndexOf('startxref');
  if (keyword === -1) throw new DamagedPdf('no startxref');
  const startXref = new PdfParser(bytes, keyword + 'startxref'.length, budget).takeInteger();
  if (startXref === undefined) throw new DamagedPdf('startxref names no offset');
  return new XrefReader(bytes, budget).read(startXref);
}

/**
 * The section at this offset, and where it ends: behind a table's trailer, or where the data of a stream ends.
 *
 * @throws DamagedPdf
 */
export function readXrefSection(
  bytes: Buffer,
  offset: number,
  budget: ParseBudget,
): { section: XrefSection; endsAt: number } {
  return new XrefReader(bytes, budget).sectionAt(offset);
}

class XrefReader {
  readonly #bytes: Buffer;
  readonly #budget: ParseBudget;
  readonly #entries = new Map<number, XrefEntry>();
  readonly #trailer: PdfDict = new Map();
  #size = 0;

  constructor(bytes: Buffer, budget: ParseBudget) {
    this.#bytes = bytes;
    this.#budget = budget;
  }

  read(startXref: number): Xref {
    const seen = new Set<number>();
    let manner: Section['manner'] | undefined;
    let next: number | undefined = startXref;
    while (next !== undefined) {
      if (seen.has(next) || seen.size >= PDF_LIMITS.xrefSectionsMax) throw new DamagedPdf('cross-references loop');
      seen.add(next);
      const section = this.#readSection(next);
      manner ??= section.manner;
      this.#merge(section);
      next = integerOf(section.dict, 'Prev');
    }
    return {
      entries: this.#entries,
      trailer: this.#trailer,
      size: this.#size,
      startXref,
      manner: manner ?? 'table',
    };
  }

  /**
   * A section hides all older ones. In a hybrid file the table marks the objects of its /XRefStm as free for old
   * readers, so the stream comes after the table's used entries and before its free ones (7.5.8.4).
   */
  #merge(section: Section): void {
    for (const [objectNumber, entry] of section.used) this.#add(objectNumber, entry);
    const hybrid = section.manner === 'table' ? integerOf(section.dict, 'XRefStm') : undefined;
    if (hybrid !== undefined) {
      const stream = this.#readSection(hybrid);
      if (stream.manner !== 'stream') throw new DamagedPdf('XRefStm is no stream');
      for (const [objectNumber, entry] of stream.used) this.#add(objectNumber, entry);
      for (const objectNumber of stream.free) this.#add(objectNumber, { kind: 'free' });
      this.#size = Math.max(this.#size, integerOf(stream.dict, 'Size') ?? 0);
    }
    for (const objectNumber of section.free) this.#add(objectNumber, { kind: 'free' });
    for (const key of ['Root', 'Info', 'ID', 'Encrypt']) {
      const value = section.dict.get(key);
      if (value !== undefined && !this.#trailer.has(key)) this.#trailer.set(key, value);
    }
    const size = integerOf(section.dict, 'Size') ?? 0;
    if (size > 8_388_608) throw new DamagedPdf('an absurd Size');
    this.#size = Math.max(this.#size, size);
  }

  #add(objectNumber: number, entry: XrefEntry): void {
    if (this.#entries.has(objectNumber)) return;
    if (this.#entries.size >= PDF_LIMITS.xrefEntriesMax || objectNumber > 8_388_607) {
      throw new TooComplexPdf('too many objects');
    }
    if (entry.kind === 'offset' && entry.generation > 65_535) throw new DamagedPdf('an absurd generation');
    this.#entries.set(objectNumber, entry);
    this.#size = Math.max(this.#size, objectNumber + 1);
  }

  #readSection(offset: number): Section {
    return this.sectionAt(offset).section;
  }

  sectionAt(offset: number): { section: Section; endsAt: number } {
    const parser = new PdfParser(this.#bytes, offset, this.#budget);
    return parser.charged(() => {
      if (parser.takeKeyword('xref')) return { section: this.#readTable(parser), endsAt: parser.position };
      const { section, data } = this.#readStream(parser);
      return { section, endsAt: data.byteOffset - this.#bytes.byteOffset + data.length };
    });
  }

  #readTable(parser: PdfParser): Section {
    const used: Section['used'] = [];
    const free: number[] = [];
    while (!parser.takeKeyword('trailer')) {
      let first = parser.takeInteger();
      const count = parser.takeInteger();
      if (first === undefined || count === undefined) throw new DamagedPdf('cross-reference table');
      for (let index = 0; index < count; index += 1) {
        const offset = parser.takeInteger();
        const generation = parser.takeInteger();
        const inUse = parser.takeKeyword('n');
        if (offset === undefined || generation === undefined || (!inUse && !parser.takeKeyword('f'))) {
          throw new DamagedPdf('cross-reference entry');
        }
        // Some writers number the table from 1 although it begins with the head of the free list, object 0.
        if (index === 0 && first === 1 && !inUse && generation === 65_535) first = 0;
        if (used.length + free.length > PDF_LIMITS.xrefEntriesMax) throw new TooComplexPdf('too many objects');
        this.#budget.spendXrefEntries(1);
        if (inUse && offset > 0) used.push([first + index, { kind: 'offset', offset, generation }]);
        else free.push(first + index);
      }
    }
    const dict = parser.parseDict();
    return { used, free, dict, manner: 'table', isDoubtful: isDoubtful(parser) };
  }

  #readStream(parser: PdfParser): { section: Section; data: Buffer } {
    const ok = parser.takeInteger() !== undefined && parser.takeInteger() !== undefined && parser.takeKeyword('obj');
    if (!ok) throw new DamagedPdf('no cross-reference where one should be');
    const dictionary = parser.parseDict();
    const stream = readStreamAfter(parser, dictionary, (length) => length, this.#budget);
    const type = dictionary.get('Type');
    if (!stream || !(type instanceof PdfName) || type.name !== 'XRef')
      throw new DamagedPdf('no cross-reference stream');
    const data = decodeStructureStream(stream, this.#budget);
    const section = { ...streamSection(dictionary, data, this.#budget), isDoubtful: isDoubtful(parser) };
    return { section, data: stream.encoded };
  }
}

function isDoubtful({ doubleKeys, pointedIntegers }: PdfParser): boolean {
  return doubleKeys > 0 || pointedIntegers.length > 0;
}

function streamSection(dictionary: PdfDict, data: Buffer, budget: ParseBudget): Omit<Section, 'isDoubtful'> {
  const [typeWidth = -1, secondWidth = -1, thirdWidth = -1] = integersOf(dictionary, 'W') ?? [];
  const width = typeWidth + secondWidth + thirdWidth;
  if ([typeWidth, secondWidth, thirdWidth].some((each) => each < 0 || each > 8) || width < 1) {
    throw new DamagedPdf('widths of a cross-reference stream');
  }
  const index = integersOf(dictionary, 'Index') ?? [0, integerOf(dictionary, 'Size') ?? 0];
  const used: Section['used'] = [];
  const free: number[] = [];
  let at = 0;
  for (let pair = 0; pair + 1 < index.length; pair += 2) {
    const [first = 0, count = 0] = index.slice(pair, pair + 2);
    if (at + count * width > data.length) throw new DamagedPdf('a cross-reference stream is too short');
    if (used.length + free.length + count > PDF_LIMITS.xrefEntriesMax) throw new TooComplexPdf('too many objects');
    budget.spendXrefEntries(count);
    for (let offset = 0; offset < count; offset += 1, at += width) {
      const type = typeWidth === 0 ? 1 : unsigned(data, at, typeWidth);
      const second = unsigned(data, at + typeWidth, secondWidth);
      const third = unsigned(data, at + typeWidth + secondWidth, thirdWidth);
      if (type === 1) used.push([first + offset, { kind: 'offset', offset: second, generation: third }]);
      else if (type === 2) used.push([first + offset, { kind: 'compressed', stream: second, index: third }]);
      else free.push(first + offset);
    }
  }
  return { used, free, dict: dictionary, manner: 'stream' };
}

/** A big-endian number of up to 8 bytes, 0 of none. Writers that fear 4 GB give offsets 8; no file here is so long. */
function unsigned(data: Buffer, at: number, width: number): number {
  if (width === 0) return 0;
  if (width <= 6) return data.readUIntBE(at, width);
  if (data.readUIntBE(at, width - 6) !== 0) throw new DamagedPdf('an absurd number in a cross-reference stream');
  return data.readUIntBE(at + width - 6, 6);
}

function integerOf(dictionary: PdfDict, key: string): number | undefined {
  const value = dictionary.get(key);
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function integersOf(dictionary: PdfDict, key: string): number[] | undefined {
  const value = dictionary.get(key);
  if (!Array.isArray(value)) return undefined;
  const integers = value.filter((item): item is number => Number.isSafeInteger(item) && (item as number) >= 0);
  if (integers.length !== value.length) throw new DamagedPdf(`${key} of a cross-reference stream`);
  return integers;
}

import {
  DamagedPdf,
  decodeStructureStream,
  isDict,
  PdfParser,
  PdfRef,
  PdfStream,
  readStreamAfter,
  TooComplexPdf,
} from '../documents/index.ts';
import type { PdfDict, PdfValue, XrefEntry } from '../documents/index.ts';
import type { History, Span } from './history.ts';
import { mentionedIn } from './mentions.ts';
import { parseStrictly } from './strict-object.ts';
import type { StrictValue } from './strict-object.ts';

/** An object in a place of its own in the file. */
type PlacedObject = StrictValue & {
  /** Up to behind `endobj`. */
  span: Span;
  /** All readers find the same end of it. */
  isExact: boolean;
  /** As it states it itself. */
  generation: number;
};
type Version = { revision: number; entry: XrefEntry };
/** An object in an object stream. */
type MemberObject = StrictValue & {
  /** It ends before the next one begins, and no other has its number. */
  isExact: boolean;
};
type ObjectStream = {
  data: Buffer;
  places: readonly (readonly [objectNumber: number, offset: number])[];
  /** The offsets in their order. */
  starts: readonly number[];
  /** Of two objects of one number, some readers take the first and some the one that the cross-reference names. */
  hasNumberTwice: boolean;
};

const REFERENCE_HOPS_MAX = 16;
const OBJECT_STREAM_ITEMS_MAX = 200_000;

/** The objects of a file as they were in each of its saves. What several saves share is read once. */
export class ObjectHistory {
  readonly history: History;
  readonly #versions = new Map<number, Version[]>();
  readonly #atOffset = new Map<number, PlacedObject>();
  readonly #inStream = new Map<string, MemberObject>();
  readonly #mentions = new Map<string, PdfValue>();
  readonly #objectStreams = new Map<number, ObjectStream>();
  /** By the number of an object stream, all numbers that any save placed in it. */
  readonly #members = new Map<number, Set<number>>();

  constructor(history: History) {
    this.history = history;
    for (const [revision, { entries }] of history.revisions.entries()) {
      for (const [objectNumber, entry] of entries) {
        const versions = this.#versions.get(objectNumber);
        if (versions) versions.push({ revision, entry });
        else this.#versions.set(objectNumber, [{ revision, entry }]);
        if (entry.kind === 'compressed') this.#addMember(entry.stream, objectNumber);
      }
    }
  }

  #addMember(stream: number, objectNumber: number): void {
    const members = this.#members.get(stream);
    if (members) members.add(objectNumber);
    else this.#members.set(stream, new Set([objectNumber]));
  }

  at(revision: number): RevisionView {
    return new RevisionView(this, revision);
  }

  /** Whether readers agree on what an object says, and where it ends. */
  isAmbiguous(objectNumber: number, entry: XrefEntry, revision: number): boolean {
    try {
      if (entry.kind === 'free') return false;
      if (entry.kind === 'compressed') {
        const member = this.#readCompressed(entry, objectNumber, revision);
        return !member.isExact || member.hasDoubleKeys;
      }
      const { isExact, hasDoubleKeys, generation } = this.#placedAt(entry.offset, objectNumber, revision);
      return !isExact || hasDoubleKeys || generation !== entry.generation;
    } catch (error) {
      if (!(error instanceof DamagedPdf) || error instanceof TooComplexPdf) throw error;
      return true;
    }
  }

  /** Which numbers of an object are written with a point, as it stands there; undefined where there is none. */
  pointedIntegersOf(objectNumber: number, revision: number): string | undefined {
    const entry = this.entryAt(objectNumber, revision);
    if (!entry || entry.kind === 'free') return undefined;
    this.valueAt(objectNumber, revision);
    if (entry.kind === 'offset') return this.#atOffset.get(entry.offset)?.pointedIntegers;
    const container = this.entryAt(entry.stream, revision);
    const key = container?.kind === 'offset' ? `${container.offset}/${entry.index}` : '';
    return this.#inStream.get(key)?.pointedIntegers;
  }

  /** The bytes of the object at an offset; none where it cannot be read. */
  spanAt(offset: number, objectNumber: number, revision: number): Span {
    this.valueAt(objectNumber, revision);
    return this.#atOffset.get(offset)?.span ?? [offset, offset];
  }

  membersOf(stream: number): ReadonlySet<number> {
    return this.#members.get(stream) ?? new Set();
  }

  /** Where an object stood in a save: the newest entry of that save or an older one. */
  entryAt(objectNumber: number, revision: number): XrefEntry | undefined {
    const versions = this.#versions.get(objectNumber);
    if (!versions) return undefined;
    let low = 0;
    let high = versions.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((versions[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return versions[low - 1]?.entry;
  }

  /**
   * An object's value in a save; null where there is none, as for a reader (7.3.10). Of one that cannot be read, what it
   * mentions.
   *
   * @throws DamagedPdf when the work for this file is used up
   */
  valueAt(objectNumber: number, revision: number): PdfValue {
    const entry = this.entryAt(objectNumber, revision);
    if (!entry || entry.kind === 'free') return null;
    try {
      return entry.kind === 'offset'
        ? this.#readAt(entry.offset, objectNumber, revision)
        : this.#readCompressed(entry, objectNumber, revision).value;
    } catch (error) {
      // A file whose work is used up is given up: else all the rest of it would seem empty.
      if (!(error instanceof DamagedPdf) || error instanceof TooComplexPdf) throw error;
      return this.#mentionsOf(entry, revision);
    }
  }

  #mentionsOf(entry: XrefEntry, revision: number): PdfValue {
    const { bytes, budget } = this.history;
    const place = entry.kind === 'compressed' ? this.entryAt(entry.stream, revision) : entry;
    if (place?.kind !== 'offset' || place.offset >= bytes.length) return null;
    const key = `${place.offset}/${entry.kind === 'compressed' ? entry.index : ''}`;
    const known = this.#mentions.get(key);
    if (known !== undefined) return known;
    const raw =
      entry.kind === 'compressed'
        ? this.#memberBytes(entry, place.offset)
        : bytes.subarray(place.offset, this.#endOf(place.offset));
    budget.spendBytes(raw.length);
    const found = mentionedIn(raw);
    const value = found.length > 0 ? found : null;
    this.#mentions.set(key, value);
    return value;
  }

  #endOf(offset: number): number | undefined {
    this.history.budget.spendScan();
    const end = this.history.bytes.indexOf('endobj', offset);
    return end === -1 ? undefined : end;
  }

  #memberBytes({ index }: { index: number }, offset: number): Buffer {
    const container = this.#objectStreams.get(offset);
    const from = container?.places[index]?.[1];
    return container && from !== undefined
      ? container.data.subarray(from, nextPlace(container, from))
      : Buffer.alloc(0);
  }

  /**
   * What object streams hang on, and what they mention besides the objects that the cross-reference places in them.
   *
   * @param among the numbers to look at
   */
  objectStreamsOf(revision: number, among: Iterable<number>): { values: PdfValue[]; areAllRead: boolean } {
    const values: PdfValue[] = [];
    let areAllRead = true;
    for (const number of among) {
      const entry = this.#members.has(number) ? this.entryAt(number, revision) : undefined;
      if (entry?.kind !== 'offset') continue;
      try {
        const container = this.#objectStream(entry.offset, number, revision);
        const stream = this.#readAt(entry.offset, number, revision);
        if (stream instanceof PdfStream) values.push(stream.dict);
        if (container.hasNumberTwice) values.push(mentionedIn(container.data));
      } catch (error) {
        if (!(error instanceof DamagedPdf) || error instanceof TooComplexPdf) throw error;
        areAllRead = false;
      }
    }
    return { values, areAllRead };
  }

  /** Streams in which some save placed an object. */
  get objectStreamNumbers(): Iterable<number> {
    return this.#members.keys();
  }

  #readAt(offset: number, objectNumber: number, revision: number): PdfValue {
    return this.#placedAt(offset, objectNumber, revision).value;
  }

  /**
   * The object that stands at an offset.
   *
   * @throws DamagedPdf
   */
  #placedAt(offset: number, objectNumber: number, revision: number): PlacedObject {
    const known = this.#atOffset.get(offset);
    if (known) return known;
    // An object whose /Length is itself finds null and no loop.
    const nothing = { value: null, hasDoubleKeys: false, pointedIntegers: '', isExact: false, generation: 0 };
    this.#atOffset.set(offset, { ...nothing, span: [offset, offset] });
    const { bytes, budget } = this.history;
    const parser = new PdfParser(bytes, offset, budget);
    try {
      const placed = parser.charged(() => this.#readPlaced(parser, offset, objectNumber, revision));
      this.#atOffset.set(offset, placed);
      return placed;
    } catch (error) {
      if (!(error instanceof DamagedPdf) || error instanceof TooComplexPdf) throw error;
      const value = this.#mentionsOf({ kind: 'offset', offset, generation: 0 }, revision);
      this.#atOffset.set(offset, { ...nothing, value, span: [offset, offset] });
      throw error;
    }
  }

  #readPlaced(parser: PdfParser, offset: number, objectNumber: number, revision: number): PlacedObject {
    const { bytes, budget } = this.history;
    const found = parser.takeInteger();
    const generation = parser.takeInteger();
    const isHere = found === objectNumber && parser.takeKeyword('obj');
    if (!isHere || generation === undefined)
      throw new DamagedPdf(`object ${objectNumber} is not where the cross-reference says`);
    const { value, ...doubts } = parseStrictly(parser);
    const view = this.at(revision);
    const stream = isDict(value) ? readStreamAfter(parser, value, (length) => view.resolve(length), budget) : undefined;
    if (!stream) {
      const isExact = parser.takeKeyword('endobj');
      return { value, ...doubts, isExact, generation, span: [offset, parser.position] };
    }
    const start = stream.encoded.byteOffset - bytes.byteOffset;
    const end = new PdfParser(bytes, start + stream.encoded.length, budget);
    // Without a line feed before them, the data begin in the next line for some readers (7.3.8.1).
    const isExact =
      bytes[start - 1] === 10 &&
      view.resolve(stream.dict.get('Length')) === stream.encoded.length &&
      end.takeKeyword('endstream') &&
      end.takeKeyword('endobj');
    return { value: stream, ...doubts, isExact, generation, span: [offset, end.position] };
  }

  #readCompressed(entry: { stream: number; index: number }, objectNumber: number, revision: number): MemberObject {
    const container = this.entryAt(entry.stream, revision);
    if (container?.kind !== 'offset') throw new DamagedPdf('an object stream is missing');
    const key = `${container.offset}/${entry.index}`;
    const known = this.#inStream.get(key);
    if (known !== undefined) return known;
    const stream = this.#objectStream(container.offset, entry.stream, revision);
    const place = stream.places[entry.index];
    if (place?.[0] !== objectNumber) throw new DamagedPdf(`object ${objectNumber} is not in its object stream`);
    const parser = new PdfParser(stream.data, place[1], this.history.budget);
    const value = parser.charged(() => parseStrictly(parser));
    const isExact = parser.position <= nextPlace(stream, place[1]) && !stream.hasNumberTwice;
    const member = { ...value, isExact };
    this.#inStream.set(key, member);
    return member;
  }

  #objectStream(offset: number, objectNumber: number, revision: number): ObjectStream {
    const known = this.#objectStreams.get(offset);
    if (known) return known;
    const stream = this.#readAt(offset, objectNumber, revision);
    if (!(stream instanceof PdfStream)) throw new DamagedPdf('an object stream is missing');
    const view = this.at(revision);
    const count = view.resolve(stream.dict.get('N'));
    const first = view.resolve(stream.dict.get('First'));
    if (typeof count !== 'number' || typeof first !== 'number' || count > OBJECT_STREAM_ITEMS_MAX) {
      throw new DamagedPdf('header of an object stream');
    }
    const data = decodeStructureStream(stream, this.history.budget);
    const parser = new PdfParser(data, 0, this.history.budget);
    const places: [number, number][] = [];
    while (places.length < count) {
      this.history.budget.spendValue();
      const inner = parser.takeInteger();
      const at = parser.takeInteger();
      if (inner === undefined || at === undefined) throw new DamagedPdf('index of an object stream');
      places.push([inner, first + at]);
    }
    const starts = places.map(([, start]) => start).sort((a, b) => a - b);
    const isTwice = new Set(places.map(([number]) => number)).size < places.length;
    const result = { data, places, starts, hasNumberTwice: isTwice };
    this.#objectStreams.set(offset, result);
    return result;
  }
}

/** Where the object behind this place begins, or the data end. */
function nextPlace({ data, starts }: ObjectStream, from: number): number {
  let low = 0;
  let high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= from) low = middle + 1;
    else high = middle;
  }
  return starts[low] ?? data.length;
}

/** The file as a reader saw it after one of its saves. */
export class RevisionView {
  readonly objects: ObjectHistory;
  readonly revision: number;

  constructor(objects: ObjectHistory, revision: number) {
    this.objects = objects;
    this.revision = revision;
  }

  resolve(value: PdfValue | undefined): PdfValue | undefined {
    let current = value;
    for (let hop = 0; current instanceof PdfRef; hop += 1) {
      if (hop >= REFERENCE_HOPS_MAX) return null;
      current = this.objects.valueAt(current.objectNumber, this.revision);
    }
    return current;
  }

  valueOf(objectNumber: number): PdfValue {
    return this.objects.valueAt(objectNumber, this.revision);
  }

  /** The dictionary that a value is or refers to, a stream's among them. */
  dictOf(value: PdfValue | undefined): PdfDict | undefined {
    const resolved = this.resolve(value);
    if (resolved instanceof PdfStream) return resolved.dict;
    return isDict(resolved) ? resolved : undefined;
  }

  arrayOf(value: PdfValue | undefined): readonly PdfValue[] {
    const resolved = this.resolve(value);
    return Array.isArray(resolved) ? resolved : [];
  }

  /** The newest trailer's value of Root, Info, ID or Encrypt: older ones complete it. */
  trailer(key: string): PdfValue | undefined {
    for (let revision = this.revision; revision >= 0; revision -= 1) {
      const value = this.objects.history.revisions[revision]?.trailer.get(key);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  get catalog(): PdfDict | undefined {
    return this.dictOf(this.trailer('Root'));
  }
}

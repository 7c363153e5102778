import { DamagedPdf, PdfParser, readXrefSection } from '../documents/index.ts';
import type { ParseBudget, PdfDict, XrefEntry, XrefSection } from '../documents/index.ts';
import { WorkBudget } from './work-budget.ts';

/** One save of the file: what it names, and the bytes it appended. */
export type Revision = {
  /** Where its bytes begin: 0 for the first, else where those of the revision before end. */
  start: number;
  /** Right behind its `%%EOF`. */
  end: number;
  /** `end`, and the white space that follows it. */
  endWithSpace: number;
  /** Where its own cross-reference stands, as `startxref` says. */
  startXref: number;
  entries: ReadonlyMap<number, XrefEntry>;
  trailer: PdfDict;
  /** /Size, of the newest section. */
  size: number;
  /** It places one object twice: of the two, some readers take the first and some the last. */
  hasDoubleEntries: boolean;
  /** Its trailer reads differently to different readers, lacks what each save names, or leaves objects out by its Size. */
  isDoubtful: boolean;
  /** False where something else stands between cross-reference and `%%EOF` than its own `startxref`. */
  isRegular: boolean;
  /** Cross-reference and what follows it, up to `end`: bytes that are no object's. */
  xrefSpans: readonly Span[];
};

/** First byte and the byte behind the last one. */
export type Span = readonly [number, number];

/** The saves of a file, the oldest first. */
export type History = {
  bytes: Buffer;
  budget: ParseBudget;
  revisions: readonly Revision[];
};

type Located = { offset: number; endsAt: number; section: XrefSection; hybrid: Located | undefined };

const REVISIONS_MAX = 4_000;
/** Entries of all sections together: a history keeps every one of them. */
const ENTRIES_MAX = 1_000_000;
const EOF_MARK = '%%EOF';
/** `startxref` to `%%EOF`, and what may follow: readers look for it in the last 1024 bytes, and repair the file without. */
export const TAIL_BYTES_MAX = 256;

/**
 * Follows the cross-references of a file from the newest to the oldest. Nothing is repaired: a reader that repairs sees
 * what its maker put where only a repair finds it.
 *
 * @throws DamagedPdf
 */
export function readHistory(bytes: Buffer): History {
  const budget = new WorkBudget();
  const chain = readChain(bytes, budget);
  const revisions: Revision[] = [];
  let start = 0;
  for (const group of revisionGroups(chain)) {
    const revision = revisionOf(bytes, budget, group, start);
    revisions.push(revision);
    start = revision.end;
  }
  return { bytes, budget, revisions };
}

/** What `startxref` says last before `end`: where a reader of these bytes begins. */
export function statedStart(bytes: Buffer, end: number): number | undefined {
  const keyword = bytes.lastIndexOf('startxref', end - 'startxref'.length);
  const [, digits] = /^startxref\s+(\d{1,15})/.exec(bytes.toString('latin1', keyword, keyword + 64)) ?? [];
  return keyword === -1 || digits === undefined ? undefined : Number(digits);
}

/** Newest first, as /Prev links them. */
function readChain(bytes: Buffer, budget: ParseBudget): Located[] {
  const keyword = bytes.lastIndexOf('startxref');
  if (keyword === -1) throw new DamagedPdf('no startxref');
  let next = new PdfParser(bytes, keyword + 'startxref'.length, budget).takeInteger();
  if (next === undefined) throw new DamagedPdf('startxref names no offset');
  const chain: Located[] = [];
  const seen = new Set<number>();
  let entries = 0;
  while (next !== undefined) {
    if (seen.has(next) || chain.length >= REVISIONS_MAX) throw new DamagedPdf('too many revisions, or a loop');
    seen.add(next);
    const located = locate(bytes, next, budget);
    entries += entryCount(located);
    if (entries > ENTRIES_MAX) throw new DamagedPdf('too many cross-reference entries');
    chain.push(located);
    next = integerOf(located.section.dict, 'Prev');
  }
  return chain;
}

function locate(bytes: Buffer, offset: number, budget: ParseBudget): Located {
  const { section, endsAt } = readXrefSection(bytes, offset, budget);
  const stream = section.manner === 'table' ? integerOf(section.dict, 'XRefStm') : undefined;
  if (stream === undefined) return { offset, endsAt, section, hybrid: undefined };
  const inner = readXrefSection(bytes, stream, budget);
  if (inner.section.manner !== 'stream') throw new DamagedPdf('XRefStm is no stream');
  return { offset, endsAt, section, hybrid: { offset: stream, ...inner, hybrid: undefined } };
}

function entryCount({ section, hybrid }: Located): number {
  return section.used.length + section.free.length + (hybrid ? hybrid.section.used.length : 0);
}

/**
 * Sections that make one save, the oldest save first. Each save has one section that lies behind all older ones, but for
 * the oldest: a linearized file has two, the newer of which lies before the other (annex F). So whatever goes back and
 * forth counts as one save together with all that is older, and no boundary within it is believed.
 */
function revisionGroups(chain: readonly Located[]): Located[][] {
  let oldest = chain.length - 1;
  let furthest = chain[oldest]?.offset ?? 0;
  for (let index = oldest - 1; index >= 0; index -= 1) {
    const offset = chain[index]?.offset ?? 0;
    if (offset < furthest) oldest = index;
    furthest = Math.max(furthest, offset);
  }
  const newer = chain.slice(0, oldest).map((section) => [section]);
  return [...newer, chain.slice(oldest)].reverse();
}

function revisionOf(bytes: Buffer, budget: ParseBudget, group: readonly Located[], start: number): Revision {
  const [newest] = group;
  const last = group.reduce((a, b) => (b.offset > a.offset ? b : a));
  if (!newest) throw new DamagedPdf('no cross-reference');
  const end = endOfRevision(bytes, budget, last, newest.offset);
  const entries = new Map<number, XrefEntry>();
  const spans: Span[] = [];
  let hasDoubleEntries = false;
  let isDoubtful = false;
  for (const { offset, endsAt, section, hybrid } of group) {
    const placed = [...section.used, ...(hybrid?.section.used ?? [])];
    const own = [...section.used.map(([number]) => number), ...section.free];
    hasDoubleEntries ||= hasTwice(placed.map(([number]) => number)) || hasTwice(own);
    isDoubtful ||= section.isDoubtful || hybrid?.section.isDoubtful === true || !isComplete(section);
    addEntries(entries, placed);
    if (hybrid) {
      spans.push([hybrid.offset, afterObject(bytes, budget, hybrid.endsAt)]);
    }
    addEntries(
      entries,
      [...(hybrid?.section.free ?? []), ...section.free].map((number) => [number, { kind: 'free' }]),
    );
    spans.push([offset, section.manner === 'table' ? endsAt : afterObject(bytes, budget, endsAt)]);
  }
  const trailer: PdfDict = new Map();
  for (const { section } of group) {
    for (const key of ['Root', 'Info', 'ID', 'Encrypt']) {
      const value = section.dict.get(key);
      if (value !== undefined && !trailer.has(key)) trailer.set(key, value);
    }
  }
  spans.push([end.startXrefAt, end.end]);
  return {
    start,
    end: end.end,
    endWithSpace: skipWhiteSpace(bytes, end.end),
    startXref: newest.offset,
    isRegular: end.isRegular,
    hasDoubleEntries,
    isDoubtful,
    entries,
    trailer,
    size: integerOf(newest.section.dict, 'Size') ?? 0,
    xrefSpans: spans,
  };
}

function hasTwice(numbers: readonly number[]): boolean {
  return new Set(numbers).size < numbers.length;
}

/** Readers begin with the newest trailer, and leave out objects beyond its Size (table 15). */
function isComplete({ used, dict }: XrefSection): boolean {
  const size = integerOf(dict, 'Size') ?? 0;
  return dict.has('Root') && used.every(([number]) => number < size);
}

function addEntries(entries: Map<number, XrefEntry>, added: readonly (readonly [number, XrefEntry])[]): void {
  for (const [objectNumber, entry] of added) if (!entries.has(objectNumber)) entries.set(objectNumber, entry);
}

/**
 * `startxref`, the offset of the save's own section, `%%EOF`: what follows the section that lies last. Where other writers
 * took more freedom, the next mark ends the save.
 */
function endOfRevision(
  bytes: Buffer,
  budget: ParseBudget,
  last: Located,
  startXref: number,
): { startXrefAt: number; end: number; isRegular: boolean } {
  const behind = last.section.manner === 'table' ? last.endsAt : afterObject(bytes, budget, last.endsAt);
  const parser = new PdfParser(bytes, behind, budget);
  parser.skipSpace();
  const startXrefAt = parser.position;
  if (parser.takeKeyword('startxref') && parser.takeInteger() === startXref) {
    const mark = skipWhiteSpace(bytes, parser.position);
    const isMark = bytes.toString('latin1', mark, mark + EOF_MARK.length) === EOF_MARK;
    const isShort = mark + EOF_MARK.length - startXrefAt <= TAIL_BYTES_MAX;
    if (isMark && isShort) return { startXrefAt, end: mark + EOF_MARK.length, isRegular: true };
  }
  const mark = bytes.indexOf(EOF_MARK, last.endsAt);
  if (mark === -1) throw new DamagedPdf('no end of file mark');
  return { startXrefAt: mark, end: mark + EOF_MARK.length, isRegular: false };
}

/** Behind `endstream endobj`, from the end of a stream's data. */
function afterObject(bytes: Buffer, budget: ParseBudget, position: number): number {
  const parser = new PdfParser(bytes, position, budget);
  if (!parser.takeKeyword('endstream')) throw new DamagedPdf('an unended stream');
  // Some writers leave `endobj` out; readers do not miss it.
  parser.takeKeyword('endobj');
  return parser.position;
}

/** The six characters of table 1, no comments. */
export function skipWhiteSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isWhiteSpace(bytes[at] ?? 0xff)) at += 1;
  return at;
}

function isWhiteSpace(byte: number): boolean {
  return byte === 32 || byte === 10 || byte === 13 || byte === 9 || byte === 12 || byte === 0;
}

function integerOf(dictionary: PdfDict, key: string): number | undefined {
  const value = dictionary.get(key);
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

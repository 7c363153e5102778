import { DamagedPdf, headerOffset, PdfParser, readXrefSection, TooComplexPdf } from '../../documents/index.ts';
import type { XrefEntry } from '../../documents/index.ts';
import { isSame } from '../compare.ts';
import { skipWhiteSpace } from '../history.ts';
import type { Span } from '../history.ts';
import type { ObjectHistory } from '../revision-view.ts';
import type { Step } from './step.ts';

/**
 * What a save does to the file rather than to the document: bytes of it that no cross-reference names, which a reader that
 * repairs finds; entries that bring up what lies in older bytes; objects that readers take for different things.
 */
export function fileRule(objects: ObjectHistory, revision: number, note: Step['note']): void {
  const save = objects.history.revisions[revision];
  if (!save) return;
  const spans: Span[] = [...save.xrefSpans];
  for (const [objectNumber, entry] of save.entries) {
    const before = objects.entryAt(objectNumber, revision - 1);
    if (entry.kind === 'free' || isSameEntry(before, entry)) continue;
    // References name a generation too: readers that mind it would find nothing any more.
    if (before && before.kind !== 'free' && generationOf(before) !== generationOf(entry)) {
      note('ambiguous_object', { objectNumber });
    }
    const offset = placeOf(objects, entry, revision);
    if (offset === undefined) note('ambiguous_object', { objectNumber });
    else if (offset < save.start || offset >= save.end) note('object_redirected', { objectNumber });
    const pointed = objects.pointedIntegersOf(objectNumber, revision - 1);
    const isWrittenAnew = pointed !== undefined && pointed !== objects.pointedIntegersOf(objectNumber, revision);
    if (isWrittenAnew || objects.isAmbiguous(objectNumber, entry, revision)) note('ambiguous_object', { objectNumber });
    if (entry.kind === 'offset') spans.push(objects.spanAt(entry.offset, objectNumber, revision));
  }
  if (save.hasDoubleEntries || save.isDoubtful || isSmaller(objects, revision)) note('ambiguous_object');
  if (isReadElsewhere(objects, save.startXref)) note('ambiguous_object');
  if (!save.isRegular || hasOtherBytes(objects, save.start, save.end, spans)) note('hidden_bytes');
  trailerRule(objects, revision, note);
}

function generationOf(entry: XrefEntry): number {
  return entry.kind === 'offset' ? entry.generation : 0;
}

/** Whether it says of fewer objects than the save before that they may be there: some readers leave the others out. */
function isSmaller({ history: { revisions } }: ObjectHistory, revision: number): boolean {
  return (revisions[revision]?.size ?? 0) < (revisions[revision - 1]?.size ?? 0);
}

/** Offsets count from the header for some readers: where it is not the first byte, these may begin in another place. */
function isReadElsewhere({ history: { bytes, budget } }: ObjectHistory, startXref: number): boolean {
  const header = headerOffset(bytes);
  if (header <= 0) return false;
  try {
    readXrefSection(bytes, startXref + header, budget);
    return true;
  } catch (error) {
    if (!(error instanceof DamagedPdf) || error instanceof TooComplexPdf) throw error;
    return false;
  }
}

/** Of an object in an object stream: where the stream stands. */
function placeOf(objects: ObjectHistory, entry: XrefEntry, revision: number): number | undefined {
  if (entry.kind === 'offset') return entry.offset;
  const container = entry.kind === 'compressed' ? objects.entryAt(entry.stream, revision) : undefined;
  return container?.kind === 'offset' ? container.offset : undefined;
}

function isSameEntry(a: XrefEntry | undefined, b: XrefEntry): boolean {
  if (!a || a.kind !== b.kind) return false;
  if (a.kind === 'offset') return b.kind === 'offset' && a.offset === b.offset && a.generation === b.generation;
  return a.kind === 'compressed' && b.kind === 'compressed' && a.stream === b.stream && a.index === b.index;
}

/** Whether anything but white space and comments stands between what is accounted for. */
function hasOtherBytes(
  { history: { bytes, budget } }: ObjectHistory,
  start: number,
  end: number,
  spans: Span[],
): boolean {
  let at = start;
  for (const [from, to] of [...spans, [end, end] as const].sort((a, b) => a[0] - b[0])) {
    if (from > at) {
      const parser = new PdfParser(bytes, at, budget);
      parser.charged(() => parser.skipSpace());
      if (parser.position < from) return true;
    }
    at = Math.max(at, to);
  }
  return false;
}

function trailerRule(objects: ObjectHistory, revision: number, note: Step['note']): void {
  const before = objects.at(revision - 1);
  const after = objects.at(revision);
  if (!isSame(before.trailer('Root'), after.trailer('Root'))) note('catalog_replaced');
  if (!isSame(before.trailer('Info'), after.trailer('Info'))) note('metadata_changed');
  if (!isSame(before.trailer('Encrypt'), after.trailer('Encrypt'))) note('encryption_changed');
}

/** What stands behind the last save. */
export function tailRule({ history: { bytes, revisions } }: ObjectHistory, note: Step['note']): void {
  const last = revisions.at(-1);
  if (!last) return;
  const behind = skipWhiteSpace(bytes, last.end);
  if (behind < bytes.length) note('bytes_appended');
}

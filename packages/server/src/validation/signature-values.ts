import { DamagedPdf, isDict, PdfName, PdfRef, TooComplexPdf } from '../documents/index.ts';
import type { PdfDict, PdfValue } from '../documents/index.ts';
import { formNodes } from './form-walk.ts';
import type { FormNode } from './form-walk.ts';
import type { Span } from './history.ts';
import type { ObjectHistory } from './revision-view.ts';
import { dictionarySpans } from './strict-object.ts';

/** A signature that some save of the file has in its form. */
export type SignatureValue = {
  fieldName: string;
  /** Of the field; undefined where none names the signature any more. */
  fieldObject: number | undefined;
  /** Of the signature's dictionary, or of the field that holds it directly. */
  objectNumber: number;
  /** The save in which it came. */
  revision: number;
  dict: PdfDict;
  /** `<` to `>` of /Contents as it stands in the file; undefined where it stands in no place of its own. */
  contentsSpan: Span | undefined;
  hasDoubleKeys: boolean;
  /** A timestamp of the document, no person's signature. */
  isTimestamp: boolean;
};

const SIGNATURES_MAX = 3_000;
const OCCURRENCES_MAX = 10_000;
/** Forms of older saves that are walked to name the fields of signatures that are gone. */
const OLD_FORMS_MAX = 64;

type Place = { offset: number; objectNumber: number; revision: number };

/**
 * Every signature that any save of the file holds, also those that a later save took away, in the order of their saves.
 * The newest form names most; the others are found by the one thing no signature can hide, its /ByteRange in plain bytes.
 */
export function findSignatureValues(objects: ObjectHistory): SignatureValue[] {
  const found = new Map<string, SignatureValue>();
  const last = objects.history.revisions.length - 1;
  for (const node of formNodes(objects.at(last))) addNode(objects, found, node, last);
  const known = new Set([...found.values()].map(({ objectNumber, revision }) => `${objectNumber}/${revision}`));
  let forms = 0;
  for (const place of placesOfByteRanges(objects)) {
    if (known.has(`${place.objectNumber}/${place.revision}`) || found.size >= SIGNATURES_MAX) continue;
    const value = objects.valueAt(place.objectNumber, place.revision);
    if (!isSignatureDict(value) && !(isDict(value) && isSignatureDict(value.get('V')))) continue;
    forms += 1;
    const nodes = forms <= OLD_FORMS_MAX ? formNodes(objects.at(place.revision)) : [];
    const node = nodes.find((each) => isValueOf(each, place.objectNumber));
    if (node) addNode(objects, found, node, place.revision);
  }
  return [...found.values()].sort((a, b) => a.revision - b.revision || a.objectNumber - b.objectNumber);
}

function isValueOf({ value, objectNumber, type }: FormNode, wanted: number): boolean {
  if (type !== 'Sig') return false;
  return value instanceof PdfRef ? value.objectNumber === wanted : objectNumber === wanted;
}

function isSignatureDict(value: PdfValue | undefined): value is PdfDict {
  return isDict(value) && value.has('ByteRange') && value.has('Contents');
}

function addNode(objects: ObjectHistory, found: Map<string, SignatureValue>, node: FormNode, seenIn: number): void {
  if (node.type !== 'Sig' || !node.isField || found.size >= SIGNATURES_MAX) return;
  const objectNumber = node.value instanceof PdfRef ? node.value.objectNumber : node.objectNumber;
  const dict = objectNumber === undefined ? undefined : dictOf(objects, node.value, seenIn);
  if (!dict || objectNumber === undefined) return;
  const revision = revisionOf(objects, objectNumber, seenIn);
  // A field that two others name, or a signature that two fields name, is one signature.
  const key = `${objectNumber}/${revision}`;
  if (found.has(key)) return;
  const under = node.value instanceof PdfRef ? undefined : 'V';
  found.set(key, {
    fieldName: node.name,
    fieldObject: node.objectNumber,
    objectNumber,
    revision,
    dict,
    ...contentsOf(objects, objectNumber, revision, under),
    isTimestamp: isTimestamp(dict),
  });
}

/** An object that is there and cannot be read as a dictionary is a signature that says nothing; one that is not is none. */
function dictOf(objects: ObjectHistory, value: PdfValue | undefined, revision: number): PdfDict | undefined {
  const dict = objects.at(revision).resolve(value);
  if (isDict(dict)) return dict;
  const entry = value instanceof PdfRef ? objects.entryAt(value.objectNumber, revision) : undefined;
  const isThere = entry !== undefined && entry.kind !== 'free';
  return isThere || (dict !== null && dict !== undefined) ? new Map() : undefined;
}

/** The newest save up to this one that wrote the object. */
function revisionOf(objects: ObjectHistory, objectNumber: number, upTo: number): number {
  for (let revision = upTo; revision > 0; revision -= 1) {
    if (objects.history.revisions[revision]?.entries.has(objectNumber)) return revision;
  }
  return 0;
}

function contentsOf(
  objects: ObjectHistory,
  objectNumber: number,
  revision: number,
  under: string | undefined,
): Pick<SignatureValue, 'contentsSpan' | 'hasDoubleKeys'> {
  const entry = objects.entryAt(objectNumber, revision);
  if (entry?.kind !== 'offset') return { contentsSpan: undefined, hasDoubleKeys: false };
  try {
    const { bytes, budget } = objects.history;
    const { spans, hasDoubleKeys } = dictionarySpans(bytes, entry.offset, budget, under);
    return { contentsSpan: spans.get('Contents'), hasDoubleKeys };
  } catch (error) {
    if (!(error instanceof DamagedPdf) || error instanceof TooComplexPdf) throw error;
    return { contentsSpan: undefined, hasDoubleKeys: false };
  }
}

function isTimestamp(dict: PdfDict): boolean {
  const type = dict.get('Type');
  const format = dict.get('SubFilter');
  return (
    (type instanceof PdfName && type.name === 'DocTimeStamp') ||
    (format instanceof PdfName && format.name === 'ETSI.RFC3161')
  );
}

/** The objects in which `/ByteRange` stands, by what all cross-references together say. */
function placesOfByteRanges(objects: ObjectHistory): Place[] {
  const { bytes, revisions } = objects.history;
  const places: Place[] = [];
  for (const [revision, { entries }] of revisions.entries()) {
    for (const [objectNumber, entry] of entries) {
      if (entry.kind === 'offset') places.push({ offset: entry.offset, objectNumber, revision });
    }
  }
  places.sort((a, b) => a.offset - b.offset);
  const result: Place[] = [];
  let index = 0;
  for (const at of occurrences(bytes, '/ByteRange')) {
    while (index + 1 < places.length && (places[index + 1]?.offset ?? 0) <= at) index += 1;
    const place = places[index];
    if (place && place.offset <= at && result.at(-1) !== place) result.push(place);
  }
  return result;
}

/** Byte ranges as they are written, also where no cross-reference leads: `[a, b]` of the hole and the end of what is covered. */
export function writtenByteRanges(bytes: Buffer): { range: readonly number[] }[] {
  const result: { range: readonly number[] }[] = [];
  for (const at of occurrences(bytes, '/ByteRange')) {
    const match = /^\/ByteRange\s*\[\s*(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s*\]/.exec(
      bytes.toString('latin1', at, at + 120),
    );
    const range = match?.slice(1).map(Number) ?? [];
    const [start, first = 0, second = 0, length = 0] = range;
    const isPlausible = start === 0 && first < second && second + length <= bytes.length && bytes[first] === 0x3c;
    if (isPlausible) result.push({ range });
  }
  return result;
}

function occurrences(bytes: Buffer, word: string): number[] {
  const found: number[] = [];
  for (let at = bytes.indexOf(word); at !== -1 && found.length < OCCURRENCES_MAX; at = bytes.indexOf(word, at + 1)) {
    found.push(at);
  }
  return found;
}

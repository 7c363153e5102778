import { createHash } from 'node:crypto';
import { DamagedPdf, headerOffset, TooComplexPdf } from '../documents/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { Coverage } from './byte-range.ts';
import { readCertificate } from './certificate.ts';
import type { TrustAnchor } from './certificate-path.ts';
import { changesSince } from './changes/index.ts';
import type { Change } from './changes/index.ts';
import { readHistory, statedStart, TAIL_BYTES_MAX } from './history.ts';
import { documentTimestamps, judgeSignature } from './judge.ts';
import { pagesOfSignatures } from './pages.ts';
import { RangeDigests } from './range-digests.ts';
import type { ValidationReport } from './report.ts';
import { reportOf } from './present.ts';
import type { JudgedSignature } from './present.ts';
import { ObjectHistory } from './revision-view.ts';
import { isWhole, signatureFacts } from './signature-facts.ts';
import type { Knowledge, SignatureFacts } from './signature-facts.ts';
import { findSignatureValues, writtenByteRanges } from './signature-values.ts';
import { storedValidationData } from './stored-validation-data.ts';
import type { StoredValidationData } from './stored-validation-data.ts';

/** What is known beside the file. */
export type ExaminationInput = {
  pdf: Buffer;
  anchors: readonly { der: Uint8Array; source: TrustAnchor['source'] }[];
  /** Of the built-in authority and whoever else tells: DER. */
  crls: readonly Uint8Array[];
  now: Date;
};

/** Earlier states of a file that are looked at where its own history does not lead to what was signed. */
const PREFIXES_MAX = 20;

type Opened = {
  objects: ObjectHistory;
  /** The bytes behind the last save that could be followed mean nothing. */ hasBrokenTail: boolean;
};

/**
 * Validates every signature of a file.
 *
 * @throws DomainError `not_a_pdf`, `damaged`, `encrypted`
 */
export function examine({ pdf, anchors, crls, now }: ExaminationInput): ValidationReport {
  if (headerOffset(pdf) === -1) throw new DomainError('not_a_pdf');
  const { objects, hasBrokenTail } = open(pdf);
  const { revisions } = objects.history;
  const last = revisions.length - 1;
  const view = objects.at(last);
  // What a later save declares of what was signed in the clear is a change of it.
  const encrypt = objects.at(0).trailer('Encrypt');
  if (encrypt !== undefined && encrypt !== null) throw new DomainError('encrypted');
  const store = storedValidationData(view);
  const knowledge: Knowledge = {
    anchors: anchors.map(({ der, source }) => ({ certificate: readCertificate(Buffer.from(der)), source })),
    certificates: store.certificates,
    revocation: { crls: [...store.crls, ...crls.map((crl) => Buffer.from(crl))], ocsps: store.ocsps },
    now,
  };
  const facts = [...attached(objects, knowledge), ...detached(pdf, objects, knowledge)];
  const signatures = withoutCopies(facts);
  const signedRevisions = signatures.flatMap(({ coverage, isDetached }) =>
    isDetached ? [] : (coverage.revision ?? []),
  );
  const from = signedRevisions.length === 0 ? undefined : Math.min(...signedRevisions);
  const changes = new Map<number, readonly Change[]>(
    from === undefined ? [] : changesSince(objects, from, intact(signatures)),
  );
  if (hasBrokenTail) changes.set(last + 1, [{ code: 'bytes_appended', revision: last + 1 }]);
  else addSpace(changes, signatures, pdf.length, last, revisions[last]?.end ?? 0);

  const stamps = documentTimestamps(signatures, knowledge);
  const stored = memo((revision) => storedValidationData(objects.at(revision)));
  const pages = pagesOfSignatures(view);
  const judged: JudgedSignature[] = signatures.map((each) => ({
    facts: { ...each, page: pages.pageOf(each.value) },
    judgement: judgeSignature(each, stamps, knowledge, stored, last),
    changes: each.isDetached ? [{ code: 'history_replaced', revision: last }] : changesAfter(changes, each, last),
    coversWholeFile: !each.isDetached && each.coverage.end === pdf.length,
  }));
  const sha256 = createHash('sha256').update(pdf).digest('hex');
  return reportOf(judged, {
    now,
    file: { sha256, bytes: pdf.length, revisions: revisions.length, pages: pages.count },
  });
}

/** The file's history; where its end cannot be read, that of the last signed part that can. */
function open(pdf: Buffer): Opened {
  try {
    return { objects: new ObjectHistory(readHistory(pdf)), hasBrokenTail: false };
  } catch (error) {
    if (!(error instanceof DamagedPdf) || error instanceof TooComplexPdf) throw error;
    const ends = [...new Set(writtenByteRanges(pdf).map(({ range }) => endOf(range)))].sort((a, b) => b - a);
    for (const end of ends.slice(0, PREFIXES_MAX)) {
      const objects = end < pdf.length ? prefixOf(pdf, end) : undefined;
      if (objects) return { objects, hasBrokenTail: true };
    }
    throw error;
  }
}

function endOf([, , second = 0, length = 0]: readonly number[]): number {
  return second + length;
}

function prefixOf(pdf: Buffer, end: number): ObjectHistory | undefined {
  try {
    return new ObjectHistory(readHistory(pdf.subarray(0, end)));
  } catch (error) {
    if (!(error instanceof DamagedPdf) || error instanceof TooComplexPdf) throw error;
    return undefined;
  }
}

/** Signatures to which the file's history leads. */
function attached(objects: ObjectHistory, knowledge: Knowledge): SignatureFacts[] {
  const digests = new RangeDigests(objects.history.bytes);
  return findSignatureValues(objects).map((value) => {
    const facts = signatureFacts(objects, value, digests, knowledge);
    facts.isDetached = isBypassed(objects, facts.coverage);
    return facts;
  });
}

/**
 * Signatures that hold for a part of the file that its history does not lead to: it was rebuilt after they were made, so
 * that what they signed is still in the bytes and no reader shows it.
 */
function detached(pdf: Buffer, objects: ObjectHistory, knowledge: Knowledge): SignatureFacts[] {
  const ends = new Set(objects.history.revisions.flatMap(({ end, endWithSpace }) => [end, endWithSpace]));
  const known = new Set(attachedHoles(objects));
  const found: SignatureFacts[] = [];
  let prefixes = 0;
  for (const { range } of writtenByteRanges(pdf)) {
    const end = endOf(range);
    if (ends.has(end) && known.has(range[1] ?? 0)) continue;
    prefixes += 1;
    if (prefixes > PREFIXES_MAX) break;
    const prefix = prefixOf(pdf, end);
    if (!prefix) continue;
    const isOnMainLine = isSameHistory(prefix, objects);
    const signed = attached(prefix, knowledge).filter((each) => each.coverage.end === end && isWhole(each));
    if (isOnMainLine) continue;
    for (const each of signed) found.push({ ...each, isDetached: true });
  }
  return found;
}

function attachedHoles(objects: ObjectHistory): number[] {
  return findSignatureValues(objects).flatMap(({ contentsSpan }) => (contentsSpan ? [contentsSpan[0]] : []));
}

/**
 * Whether the history goes past what was signed: the save that ends where the signature does has another cross-reference
 * than the signed bytes themselves name at their end. It lay hidden among them, and a later save goes on from it.
 */
function isBypassed({ history: { bytes, revisions } }: ObjectHistory, coverage: Coverage): boolean {
  const save = coverage.revision === undefined ? undefined : revisions[coverage.revision];
  return save !== undefined && save.startXref !== statedStart(bytes, coverage.end);
}

/** Whether the one's saves are the other's first ones. */
function isSameHistory(prefix: ObjectHistory, objects: ObjectHistory): boolean {
  return prefix.history.revisions.every(({ startXref, end }, index) => {
    const other = objects.history.revisions[index];
    return other?.startXref === startXref && other.end === end;
  });
}

/** What was found on the main line and off it is one signature: that it is off it says more. */
function withoutCopies(all: readonly SignatureFacts[]): SignatureFacts[] {
  const detachedHoles = new Set(all.filter(({ isDetached }) => isDetached).map(({ coverage }) => coverage.hole[0]));
  const seen = new Set<number>();
  return all.filter(({ isDetached, coverage }) => {
    if (!isDetached) return !detachedHoles.has(coverage.hole[0]);
    if (seen.has(coverage.hole[0])) return false;
    seen.add(coverage.hole[0]);
    return true;
  });
}

function intact(signatures: readonly SignatureFacts[]): (objectNumber: number, revision: number) => boolean {
  const whole = new Set(
    signatures
      .filter((each) => !each.isDetached && isWhole(each))
      .map(({ value, coverage }) => `${value.objectNumber}/${coverage.revision}`),
  );
  return (objectNumber, revision) => whole.has(`${objectNumber}/${revision}`);
}

/** White space behind what the newest signature covers. */
function addSpace(
  changes: Map<number, readonly Change[]>,
  signatures: readonly SignatureFacts[],
  length: number,
  last: number,
  lastEnd: number,
): void {
  const ends = signatures.filter(({ coverage }) => coverage.revision === last).map(({ coverage }) => coverage.end);
  const behind = changes.get(last + 1) ?? [];
  if (behind.length > 0) return;
  // So much of it that readers do not find the end of the file, and look for objects of their own accord.
  const isMuch = length - Math.max(lastEnd, ...ends) > TAIL_BYTES_MAX;
  if (isMuch) changes.set(last + 1, [{ code: 'bytes_appended', revision: last + 1 }]);
  else if (ends.length > 0 && Math.max(...ends) < length)
    changes.set(last + 1, [{ code: 'space_appended', revision: last + 1 }]);
}

function changesAfter(
  changes: ReadonlyMap<number, readonly Change[]>,
  { coverage }: SignatureFacts,
  last: number,
): Change[] {
  const result: Change[] = [];
  const from = coverage.revision ?? last + 1;
  for (let revision = from + 1; revision <= last + 1; revision += 1) result.push(...(changes.get(revision) ?? []));
  return result;
}

function memo(read: (revision: number) => StoredValidationData): (revision: number) => StoredValidationData {
  const known = new Map<number, StoredValidationData>();
  return (revision) => {
    const found = known.get(revision) ?? read(revision);
    known.set(revision, found);
    return found;
  };
}

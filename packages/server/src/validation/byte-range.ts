import type { PdfDict } from '../documents/index.ts';
import { readElement } from './der.ts';
import type { Revision, Span } from './history.ts';

/** Why the bytes that a signature names are not the bytes it must cover (ISO 32000-2, 12.8.1; PAdES). */
export type ByteRangeFault =
  | 'byte_range_malformed'
  | 'byte_range_not_from_start'
  | 'byte_range_hole'
  | 'byte_range_beyond_file'
  | 'byte_range_not_a_revision'
  | 'contents_malformed'
  | 'contents_padding'
  | 'signature_dictionary_ambiguous';

export type Coverage = {
  faults: readonly ByteRangeFault[];
  /** What is hashed: from 0 to the first, from the second to the third. */
  hole: Span;
  end: number;
  /** The save whose end is the end of what is covered; undefined where there is none. */
  revision: number | undefined;
  /** The CMS or timestamp token, without what fills up its room. */
  der: Buffer;
};

const NOTHING = Buffer.alloc(0);
const CONTENTS_BYTES_MAX = 2 * 1024 * 1024;

/**
 * What a signature covers. Anything but "all of a save, save for the digits of /Contents" is a fault: a hole that is
 * larger hides what was not signed, one elsewhere signs another text, and an end that is none leaves a piece out.
 */
export function coverageOf(
  bytes: Buffer,
  revisions: readonly Revision[],
  signature: { dict: PdfDict; contentsSpan: Span | undefined; hasDoubleKeys: boolean; revision: number },
): Coverage {
  const faults: ByteRangeFault[] = [];
  if (signature.hasDoubleKeys) faults.push('signature_dictionary_ambiguous');
  const range = rangeOf(signature.dict);
  if (!range)
    return { faults: [...faults, 'byte_range_malformed'], hole: [0, 0], end: 0, revision: undefined, der: NOTHING };
  const [start, firstLength, second, secondLength] = range;
  const end = second + secondLength;
  if (start !== 0) faults.push('byte_range_not_from_start');
  if (firstLength > second || end > bytes.length) {
    return { faults: [...faults, 'byte_range_beyond_file'], hole: [0, 0], end: 0, revision: undefined, der: NOTHING };
  }
  const hole: Span = [firstLength, second];
  const span = signature.contentsSpan;
  if (!span || span[0] !== hole[0] || span[1] !== hole[1]) faults.push('byte_range_hole');
  const contents = contentsOf(bytes, hole);
  if (contents.fault) faults.push(contents.fault);
  const revision = revisions.findIndex((each) => end >= each.end && end <= each.endWithSpace);
  if (revision === -1 || revision < signature.revision) faults.push('byte_range_not_a_revision');
  return { faults, hole, end, revision: revision === -1 ? undefined : revision, der: contents.der };
}

function rangeOf(dict: PdfDict): readonly [number, number, number, number] | undefined {
  const value = dict.get('ByteRange');
  if (!Array.isArray(value) || value.length !== 4) return undefined;
  const [a, b, c, d] = value;
  const isNumber = (each: unknown): each is number =>
    typeof each === 'number' && Number.isSafeInteger(each) && each >= 0;
  return isNumber(a) && isNumber(b) && isNumber(c) && isNumber(d) ? [a, b, c, d] : undefined;
}

/** Digits in one case between `<` and `>`, one element, zeros behind it. */
function contentsOf(bytes: Buffer, [from, to]: Span): { der: Buffer; fault?: ByteRangeFault } {
  const isMalformed =
    to - from < 4 ||
    to - from > CONTENTS_BYTES_MAX ||
    bytes[from] !== 0x3c ||
    bytes[to - 1] !== 0x3e ||
    (to - from) % 2 !== 0;
  const digits = isMalformed ? '' : bytes.toString('latin1', from + 1, to - 1);
  // Nothing is said by the case of a digit, so it must not vary: else a byte could be changed unseen.
  if (!/^(?:[0-9a-f]+|[0-9A-F]+)$/.test(digits)) return { der: NOTHING, fault: 'contents_malformed' };
  const filled = Buffer.from(digits, 'hex');
  try {
    const { end } = readElement(filled);
    const der = filled.subarray(0, end);
    return filled.subarray(end).every((byte) => byte === 0) ? { der } : { der, fault: 'contents_padding' };
  } catch {
    return { der: NOTHING, fault: 'contents_malformed' };
  }
}

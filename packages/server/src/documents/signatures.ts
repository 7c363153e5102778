import { openSignablePdf } from './pdf-check.ts';
import type { PdfDocument } from './pdf/document.ts';
import { isName } from './pdf/document.ts';
import { isDict, PdfString, textOf } from './pdf/values.ts';
import type { PdfDict } from './pdf/values.ts';
import { allFormFields } from './form-fields.ts';

/** A signature or document timestamp as it stands in a PDF. */
export type EmbeddedSignature = {
  /** The field's own name, /T. */
  fieldName: string;
  kind: 'signature' | 'timestamp';
  /** Offset and length before the contents, offset and length behind them. */
  byteRange: readonly [number, number, number, number];
  /** With the zeros that fill its room up. */
  contents: Buffer;
};

/**
 * The signatures and document timestamps of a PDF, in the order in which they were made: by where their contents stand, since
 * anybody can write what end they like.
 * A field without a value, or whose value is no signature that covers bytes of the file, is left out. Nothing is verified.
 *
 * @throws DomainError as `openSignablePdf`
 */
export function readSignatures(pdf: Buffer, limits: { bytesMax: number }): EmbeddedSignature[] {
  const { document } = openSignablePdf(pdf, limits);
  return (
    allFormFields(document)
      .flatMap((field) => embeddedSignature(pdf, document, field) ?? [])
      // One that says it covers more than there is was never made over this file, and would pass for the newest.
      .filter((signature) => endOf(signature) <= pdf.length)
      .sort((a, b) => endOf(a) - endOf(b))
  );
}

/** The offset behind the last byte that it covers. */
export function endOf({ byteRange: [, , offset, length] }: Pick<EmbeddedSignature, 'byteRange'>): number {
  return offset + length;
}

function embeddedSignature(pdf: Buffer, document: PdfDocument, field: PdfDict): EmbeddedSignature | undefined {
  const value = document.resolve(field.get('V'));
  const title = document.resolve(field.get('T'));
  if (!isDict(value) || !(title instanceof PdfString)) return undefined;
  const contents = document.resolve(value.get('Contents'));
  const range = document.resolve(value.get('ByteRange'));
  const numbers = (Array.isArray(range) ? range : []).filter((each) => Number.isSafeInteger(each)) as number[];
  const [start, before, after, behind] = numbers;
  if (numbers.length !== 4 || start !== 0 || before === undefined || after === undefined || behind === undefined) {
    return undefined;
  }
  if (!(contents instanceof PdfString) || before < 0 || before > after || behind < 0) return undefined;
  const isTimestamp = isName(document.resolve(value.get('SubFilter')), 'ETSI.RFC3161');
  // Later ones prove earlier ones: one that leaves out something else than itself was made over another file.
  if (isTimestamp && !standsIn(pdf.subarray(before, after), contents.bytes)) return undefined;
  return {
    fieldName: textOf(title),
    kind: isTimestamp ? 'timestamp' : 'signature',
    byteRange: [start, before, after, behind],
    contents: contents.bytes,
  };
}

/** Whether these bytes of the file are the contents in hexadecimal. */
function standsIn(room: Buffer, contents: Buffer): boolean {
  const text = room.toString('latin1').replaceAll(/\s/g, '').toLowerCase();
  return text === `<${contents.toString('hex')}>`;
}

/**
 * Writes other contents into a signature's room, in place; false where the room is too small. What the signature covers
 * stays as it is; a later signature that covers the room would break, so only the last one's may be changed.
 *
 * @throws RangeError where the signature is not the last thing in the file
 */
export function fillLastContents(
  pdf: Buffer,
  signature: Pick<EmbeddedSignature, 'byteRange'>,
  contents: Buffer,
): boolean {
  const [, before, after] = signature.byteRange;
  if (endOf(signature) !== pdf.length) throw new RangeError('something stands behind this signature');
  if (pdf[before] !== 0x3c || pdf[after - 1] !== 0x3e) throw new RangeError('no room of a signature');
  const digits = after - before - 2;
  if (contents.length * 2 > digits) return false;
  pdf.write(contents.toString('hex').padEnd(digits, '0'), before + 1, 'latin1');
  return true;
}

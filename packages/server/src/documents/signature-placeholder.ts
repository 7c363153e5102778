import type { DocumentSigner } from '../trust/index.ts';
import type { PdfDocument } from './pdf/document.ts';
import type { PdfRevision } from './pdf/revision.ts';
import type { PdfRef } from './pdf/values.ts';
import type { PrefixDigest } from './prefix-digest.ts';

/** Who fills the room in: answers DER over the content that has this digest. */
export type ContentsMaker = Pick<DocumentSigner, 'digestAlgorithm' | 'signDetached' | 'signatureBytesMax'>;

/** A signature dictionary (12.8.1) with room for what is not known yet, and where in it that room is. */
export type SignaturePlaceholder = { body: Buffer; byteRangeAt: number; contentsAt: number };

const BYTE_RANGE_DIGITS = 10;

/**
 * @param type `DocTimeStamp` of ISO 32000-2, 12.8.5, or an ordinary signature
 * @param options.entries whatever else stands in the dictionary, as PDF writes it, each entry with its line's end
 */
export function signaturePlaceholder(options: {
  type: 'Sig' | 'DocTimeStamp';
  subFilter: 'ETSI.CAdES.detached' | 'ETSI.RFC3161';
  entries: string;
  contentsBytesMax: number;
}): SignaturePlaceholder {
  const kind = `/Type /${options.type}\n/Filter /Adobe.PPKLite\n/SubFilter /${options.subFilter}\n`;
  const head = `<<${kind}${options.entries}/ByteRange `;
  const middle = `${byteRangeText([0, 0, 0, 0])}\n/Contents `;
  const contents = `<${'0'.repeat(options.contentsBytesMax * 2)}>`;
  return {
    body: Buffer.from(`${head}${middle}${contents}\n>>`, 'latin1'),
    byteRangeAt: head.length,
    contentsAt: head.length + middle.length,
  };
}

/**
 * Ends the revision that holds a placeholder as its object `value`, and fills the placeholder in. Answers the section
 * that was appended; `digest` is the signer's, and covers the bytes before it.
 */
export async function finishSigned(
  document: PdfDocument,
  revision: PdfRevision,
  { value, placeholder }: { value: PdfRef; placeholder: SignaturePlaceholder },
  signer: Omit<ContentsMaker, 'digestAlgorithm'>,
  digest: Pick<PrefixDigest, 'digestWith'>,
): Promise<Buffer> {
  const start = document.byteLength;
  const { section, bodyOffset } = revision.finish();
  const at = bodyOffset(value);
  const contentsStart = at + placeholder.contentsAt;
  const contentsEnd = contentsStart + 2 + signer.signatureBytesMax * 2;
  const byteRange = [0, start + contentsStart, start + contentsEnd, section.length - contentsEnd];
  section.write(byteRangeText(byteRange), at + placeholder.byteRangeAt, 'latin1');

  const covered = digest.digestWith(section.subarray(0, contentsStart), section.subarray(contentsEnd));
  const contents = await signer.signDetached(covered);
  if (contents.length > signer.signatureBytesMax) throw new Error('a signature is longer than its signer said');
  section.write(contents.toString('hex'), contentsStart + 1, 'latin1');
  return section;
}

/** Always as long, whatever the numbers: the array is padded behind. */
function byteRangeText(range: readonly number[]): string {
  return `[${range.join(' ')}]`.padEnd(4 * BYTE_RANGE_DIGITS + 5, ' ');
}

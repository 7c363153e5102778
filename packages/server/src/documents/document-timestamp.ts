import { openSignablePdf } from './pdf-check.ts';
import { PdfRevision } from './pdf/revision.ts';
import { dict, name, textString } from './pdf/values.ts';
import { PrefixDigest } from './prefix-digest.ts';
import { addAnnotation, addFormField } from './signature-field.ts';
import { finishSigned, signaturePlaceholder } from './signature-placeholder.ts';

/** Print, Locked (12.5.3). */
const WIDGET_FLAGS = 4 + 128;

/**
 * Appends a revision with a document timestamp over the whole file (ISO 32000-2, 12.8.5; ETSI EN 319 142-1, 5.4.3). It
 * shows nowhere: its widget on the first page has no size.
 *
 * @param options.timestamp answers a TimeStampToken over this SHA-256 digest; whatever it throws is thrown
 * @throws DomainError as `signPdf`
 */
export async function appendDocumentTimestamp({
  pdf,
  fieldName,
  timestamp,
  tokenBytesMax,
  limits,
}: {
  pdf: Buffer;
  fieldName: string;
  timestamp: (sha256: Buffer) => Promise<Buffer>;
  tokenBytesMax: number;
  limits: { bytesMax: number };
}): Promise<Buffer> {
  const source = openSignablePdf(pdf, limits);
  const { document, pages } = source;
  const [page] = pages;
  if (!page) throw new RangeError('a file that can be signed has a page');
  const digest = new PrefixDigest();
  await digest.extend(pdf);

  const revision = new PdfRevision(document);
  const value = revision.reserve();
  const placeholder = signaturePlaceholder({
    type: 'DocTimeStamp',
    subFilter: 'ETSI.RFC3161',
    entries: '',
    contentsBytesMax: tokenBytesMax,
  });
  revision.set(value, placeholder.body);
  const field = revision.add(
    dict({
      Type: name('Annot'),
      Subtype: name('Widget'),
      FT: name('Sig'),
      T: textString(fieldName),
      V: value,
      P: page.ref,
      F: WIDGET_FLAGS,
      Rect: [0, 0, 0, 0],
    }),
  );
  addAnnotation(source, revision, page, field);
  addFormField(source, revision, { ref: field, name: fieldName });
  const signer = { signDetached: timestamp, signatureBytesMax: tokenBytesMax };
  await finishSigned(document, revision, { value, placeholder }, signer, digest);
  return Buffer.concat(document.pieces, document.byteLength);
}

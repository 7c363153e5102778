import { setImmediate as nextTurn } from 'node:timers/promises';
import { chinaDateTime } from '../platform/clock.ts';
import { DomainError } from '../platform/errors.ts';
import { AppearanceWriter } from './appearance-stream.ts';
import type { PreparedForm, PreparedWidget } from './appearance-stream.ts';
import type { PdfRefusal, SignablePdf } from './pdf-check.ts';
import { toUserSpace } from './pdf/pages.ts';
import { PdfRevision } from './pdf/revision.ts';
import { serializeValue } from './pdf/serialize.ts';
import { dict, name, textString } from './pdf/values.ts';
import type { PdfRef } from './pdf/values.ts';
import type { PrefixDigest } from './prefix-digest.ts';
import { addAnnotation, addFormField } from './signature-field.ts';
import { finishSigned, signaturePlaceholder } from './signature-placeholder.ts';
import type { ContentsMaker } from './signature-placeholder.ts';
import { boundsOf } from './widgets.ts';

/** What all signatures of one act say. It can be sent to a thread. */
export type SignatureTerms = {
  signedAt: Date;
  reason?: string;
  location?: string;
  /** Who signs, for viewers that do not read certificates. */
  name?: string;
};

/** The signatures of one act, ready to be written. It can be sent to a thread. */
export type PreparedSignatures = {
  forms: readonly PreparedForm[];
  signatures: readonly { fieldName: string; widget: PreparedWidget }[];
};

/** Print, Locked (12.5.3). */
const WIDGET_FLAGS = 4 + 128;

/**
 * Appends signatures to a document, each a revision of its own. `digest` is the signer's: it covers the document's bytes
 * when this begins, and all of them when it ends.
 *
 * @throws DomainError with a `PdfRefusal` as its code, or `field_name_taken`, `field_name_invalid`, `page_missing`
 */
export async function appendSignatures(
  source: SignablePdf,
  terms: SignatureTerms,
  { forms, signatures }: PreparedSignatures,
  signer: Omit<ContentsMaker, 'digestAlgorithm'>,
  options: { bytesMax: number; digest: Pick<PrefixDigest, 'extend' | 'digestWith'> },
): Promise<void> {
  const appearances = new AppearanceWriter(forms);
  for (const [index, signature] of signatures.entries()) {
    if (index > 0) await nextTurn();
    const section = await appendSignature(source, terms, appearances, signature, signer, options.digest);
    // Each signature rewrites the page's and the form's own entries, which a hostile file makes megabytes long.
    if (source.document.byteLength > options.bytesMax) throw new DomainError<PdfRefusal>('too_large');
    await options.digest.extend(section);
  }
}

/** Answers the section it appended; `digest` covers the bytes before it. */
async function appendSignature(
  source: SignablePdf,
  terms: SignatureTerms,
  appearances: AppearanceWriter,
  signature: PreparedSignatures['signatures'][number],
  signer: Omit<ContentsMaker, 'digestAlgorithm'>,
  digest: Pick<PrefixDigest, 'digestWith'>,
): Promise<Buffer> {
  const { document } = source;
  const revision = new PdfRevision(document);
  const value = revision.reserve();
  const placeholder = signaturePlaceholder({
    type: 'Sig',
    subFilter: 'ETSI.CAdES.detached',
    entries: `/M (${pdfDate(terms.signedAt)})\n${textEntries(terms)}`,
    contentsBytesMax: signer.signatureBytesMax,
  });
  revision.set(value, placeholder.body);
  addField(source, revision, appearances, value, signature);
  return finishSigned(document, revision, { value, placeholder }, signer, digest);
}

function textEntries({ name: signerName, reason, location }: SignatureTerms): string {
  const texts = dict({
    Name: signerName === undefined ? undefined : textString(signerName),
    Reason: reason === undefined ? undefined : textString(reason),
    Location: location === undefined ? undefined : textString(location),
  });
  return [...texts].map(([key, text]) => `/${key} ${serializeValue(text)}\n`).join('');
}

/** A date (7.9.4) in China time. */
function pdfDate(at: Date): string {
  return `D:${chinaDateTime(at).replace(/\D/g, '')}+08'00'`;
}

/** The field and its one widget are one object (12.7.3.1). */
function addField(
  source: SignablePdf,
  revision: PdfRevision,
  appearances: AppearanceWriter,
  value: PdfRef,
  { fieldName, widget }: PreparedSignatures['signatures'][number],
): void {
  const page = source.pages[widget.pageIndex];
  if (!page) throw new DomainError('page_missing', { page: String(widget.pageIndex + 1) });
  const field = revision.reserve();
  const bounds = boundsOf(widget);
  revision.set(
    field,
    dict({
      Type: name('Annot'),
      Subtype: name('Widget'),
      FT: name('Sig'),
      T: textString(fieldName),
      V: value,
      P: page.ref,
      F: WIDGET_FLAGS,
      Rect: [...toUserSpace(page, bounds)],
      AP: dict({ N: appearances.add(revision, widget, bounds, page.rotate) }),
      MK: page.rotate === 0 ? undefined : dict({ R: page.rotate }),
    }),
  );
  addAnnotation(source, revision, page, field);
  addFormField(source, revision, { ref: field, name: fieldName });
}

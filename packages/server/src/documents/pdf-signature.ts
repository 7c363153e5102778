import { setImmediate as nextTurn } from 'node:timers/promises';
import { chinaDateTime } from '../platform/clock.ts';
import { DomainError } from '../platform/errors.ts';
import { AppearanceWriter } from './appearance-stream.ts';
import { openSignablePdf } from './pdf-check.ts';
import type { PdfRefusal, SignablePdf } from './pdf-check.ts';
import { toUserSpace } from './pdf/pages.ts';
import { PdfRevision } from './pdf/revision.ts';
import { serializeValue } from './pdf/serialize.ts';
import { dict, name, textString } from './pdf/values.ts';
import type { PdfRef } from './pdf/values.ts';
import { PrefixDigest } from './prefix-digest.ts';
import { addAnnotation, addFormField } from './signature-field.ts';
import { finishSigned, signaturePlaceholder } from './signature-placeholder.ts';
import type { ContentsMaker } from './signature-placeholder.ts';
import { boundsOf } from './widgets.ts';
import type { Widget } from './widgets.ts';

/** What all signatures of one act of signing share. */
type SigningAct = {
  pdf: Buffer;
  signer: ContentsMaker;
  signedAt: Date;
  reason?: string;
  location?: string;
  /** Who signs, for viewers that do not read certificates. */
  name?: string;
  limits?: { bytesMax?: number; pagesMax?: number };
};

/** One signature and where it shows. */
export type PdfSignature = {
  /** The field's name, unique in the document and without a full stop. */
  fieldName: string;
  widget: Widget;
};

export type SignPdfOptions = SigningAct & PdfSignature;

/** Print, Locked (12.5.3). */
const WIDGET_FLAGS = 4 + 128;
/** A file that was within the limit when it came may have grown past it by the signatures since. */
const SIGNED_BYTES_MAX = 1024 * 1024 * 1024;
/** More than a signature with an RSA-2048 chain of two takes. */
const REHEARSED_SIGNATURE_BYTES = 4096;
/** As long as the names that signing gives, and a company's name at its longest. */
const REHEARSED_FIELD_NAME = 'rehearsal'.padEnd(48, '-');
const REHEARSED_NAME = '名'.repeat(64);

/**
 * Signs a PDF with PAdES B-B (ETSI EN 319 142-1): appends one incremental revision that holds one signature field, its
 * signature, and the one widget in which it shows. The bytes before stay as they are, so signatures that are there stay
 * valid.
 *
 * @throws DomainError with a `PdfRefusal` as its code, or `field_name_taken`, `field_name_invalid`, `page_missing`
 */
export async function signPdf({ fieldName, widget, ...act }: SignPdfOptions): Promise<Buffer> {
  return signPdfPages({ ...act, signatures: [{ fieldName, widget }] });
}

/**
 * Signs a PDF several times in one act, each signature in a revision of its own behind the one before, so that the last
 * covers the whole file. A seal on several pages is such an act: a signature field shall not refer to more than one
 * annotation (ISO 32000-1, 12.7.4.5; ISO 32000-2, 12.7.5.5).
 *
 * The file is parsed, copied and hashed once, however many signatures there are.
 *
 * @throws DomainError as `signPdf` does
 */
export async function signPdfPages({
  signatures,
  ...act
}: SigningAct & { signatures: readonly PdfSignature[] }): Promise<Buffer> {
  const digest = new PrefixDigest();
  await digest.extend(act.pdf);
  return appendSignatures(act, signatures, digest);
}

/**
 * Why signatures with these widgets could not all be made, or undefined where they can: everything that `signPdfPages`
 * does is done but for hashing and the key's work, and what came out is read again. So a file whose form or annotations
 * cannot be changed, or that would grow past the limit, is refused when it comes and not when it is to be signed.
 */
export async function signingRefusal(
  pdf: Buffer,
  widgets: readonly Widget[],
  limits: { bytesMax: number },
): Promise<PdfRefusal | undefined> {
  const signer = { signatureBytesMax: REHEARSED_SIGNATURE_BYTES, signDetached: async () => Buffer.alloc(0) };
  const signatures = widgets.map((widget, index) => ({ fieldName: `${REHEARSED_FIELD_NAME}-${index}`, widget }));
  const nothing = { extend: async () => {}, digestWith: () => Buffer.alloc(0) };
  try {
    const act = { pdf, signer, signedAt: new Date(0), name: REHEARSED_NAME, limits };
    openSignablePdf(await appendSignatures(act, signatures, nothing), limits);
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error.code as PdfRefusal;
    throw error;
  }
}

async function appendSignatures(
  act: SigningAct,
  signatures: readonly PdfSignature[],
  digest: Pick<PrefixDigest, 'extend' | 'digestWith'>,
): Promise<Buffer> {
  const limits = { bytesMax: SIGNED_BYTES_MAX, ...act.limits };
  const source = openSignablePdf(act.pdf, limits);
  const appearances = new AppearanceWriter();
  for (const signature of signatures) {
    const section = await appendSignature(source, appearances, act, signature, digest);
    // Each signature rewrites the page's and the form's own entries, which a hostile file makes megabytes long.
    if (source.document.byteLength > limits.bytesMax) throw new DomainError<PdfRefusal>('too_large');
    await digest.extend(section);
    await nextTurn();
  }
  return Buffer.concat(source.document.pieces, source.document.byteLength);
}

/** Answers the section it appended; `digest` covers the bytes before it. */
async function appendSignature(
  source: SignablePdf,
  appearances: AppearanceWriter,
  act: SigningAct,
  signature: PdfSignature,
  digest: Pick<PrefixDigest, 'digestWith'>,
): Promise<Buffer> {
  const { document } = source;
  const { signer } = act;
  const revision = new PdfRevision(document);
  const value = revision.reserve();
  const placeholder = signaturePlaceholder({
    type: 'Sig',
    subFilter: 'ETSI.CAdES.detached',
    entries: `/M (${pdfDate(act.signedAt)})\n${textEntries(act)}`,
    contentsBytesMax: signer.signatureBytesMax,
  });
  revision.set(value, placeholder.body);
  await addField(source, revision, appearances, value, signature);
  return finishSigned(document, revision, { value, placeholder }, signer, digest);
}

function textEntries({ name: signerName, reason, location }: SigningAct): string {
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
async function addField(
  source: SignablePdf,
  revision: PdfRevision,
  appearances: AppearanceWriter,
  value: PdfRef,
  { fieldName, widget }: PdfSignature,
): Promise<void> {
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
      AP: dict({ N: await appearances.add(revision, widget, bounds, page.rotate) }),
      MK: page.rotate === 0 ? undefined : dict({ R: page.rotate }),
    }),
  );
  addAnnotation(source, revision, page, field);
  addFormField(source, revision, { ref: field, name: fieldName });
}

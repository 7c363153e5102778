import { DomainError } from '../platform/errors.ts';
import { appendSignatures } from './append-signatures.ts';
import type { PreparedSignatures, SignatureTerms } from './append-signatures.ts';
import { prepareWidgets } from './appearance-stream.ts';
import { openSignablePdf } from './pdf-check.ts';
import type { PdfRefusal, SignablePdf } from './pdf-check.ts';
import { PrefixDigest } from './prefix-digest.ts';
import type { ContentsMaker } from './signature-placeholder.ts';
import type { Widget } from './widgets.ts';

/** What all signatures of one act of signing share. */
type SigningAct = SignatureTerms & {
  pdf: Buffer;
  signer: ContentsMaker;
  limits?: { bytesMax?: number; pagesMax?: number };
};

/** One signature and where it shows. */
export type PdfSignature = {
  /** The field's name, unique in the document and without a full stop. */
  fieldName: string;
  widget: Widget;
};

export type SignPdfOptions = SigningAct & PdfSignature;

/** A file that was within the limit when it came may have grown past it by the signatures since. */
const SIGNED_BYTES_MAX = 1024 * 1024 * 1024;
/** More than a signature with an RSA-2048 chain of three takes. */
const REHEARSED_SIGNATURE_BYTES = 6144;
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
  const bytesMax = act.limits?.bytesMax ?? SIGNED_BYTES_MAX;
  const digest = new PrefixDigest(act.signer.digestAlgorithm);
  await digest.extend(act.pdf);
  const source = openSignablePdf(act.pdf, { ...act.limits, bytesMax });
  await appendSignatures(source, act, await prepareSignatures(signatures), act.signer, { bytesMax, digest });
  return Buffer.concat(source.document.pieces, source.document.byteLength);
}

/** The signatures with their drawings translated: what `appendSignatures` takes. */
export async function prepareSignatures(signatures: readonly PdfSignature[]): Promise<PreparedSignatures> {
  const { forms, widgets } = await prepareWidgets(signatures.map(({ widget }) => widget));
  return {
    forms,
    signatures: widgets.map((widget, index) => ({ fieldName: signatures[index]?.fieldName ?? '', widget })),
  };
}

/** As many signatures as there are widgets, under names as long as any. */
export function rehearsedSignatures(widgets: readonly Widget[]): PdfSignature[] {
  return widgets.map((widget, index) => ({ fieldName: `${REHEARSED_FIELD_NAME}-${index}`, widget }));
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
  const prepared = await prepareSignatures(rehearsedSignatures(widgets));
  try {
    await rehearse(openSignablePdf(pdf, limits), prepared, limits);
    return undefined;
  } catch (error) {
    if (error instanceof DomainError) return error.code as PdfRefusal;
    throw error;
  }
}

/**
 * Appends signatures without a key to a document, and reads what came out.
 *
 * @throws DomainError as `signPdf` does
 */
export async function rehearse(
  source: SignablePdf,
  prepared: PreparedSignatures,
  limits: { bytesMax: number },
): Promise<void> {
  const signer = { signatureBytesMax: REHEARSED_SIGNATURE_BYTES, signDetached: async () => Buffer.alloc(0) };
  const digest = { extend: async () => {}, digestWith: () => Buffer.alloc(0) };
  const terms = { signedAt: new Date(0), name: REHEARSED_NAME };
  await appendSignatures(source, terms, prepared, signer, { bytesMax: limits.bytesMax, digest });
  openSignablePdf(Buffer.concat(source.document.pieces, source.document.byteLength), limits);
}

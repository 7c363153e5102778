import { DomainError } from '../platform/errors.ts';
import { headerOffset, PdfDocument } from './pdf/document.ts';
import { readPages, seenSize } from './pdf/pages.ts';
import type { PdfPage } from './pdf/pages.ts';
import { isDict, PdfRef } from './pdf/values.ts';
import type { PdfDict, PdfValue } from './pdf/values.ts';
import { isFormUndrawn } from './form-fields.ts';
import { forbidsSigning } from './signature-locks.ts';

const PDF_FILE_LIMITS = { bytesMax: 50 * 1024 * 1024, pagesMax: 2000 } as const;

/**
 * Why a file cannot be signed:
 * - `too_large`: more bytes than allowed
 * - `not_a_pdf`: no PDF header
 * - `header_not_first`: bytes before the header, which readers skip and of which they do not agree whether a signature's
 *   /ByteRange counts them: pdfsig does, MuPDF does not
 * - `damaged`: its structure does not hold together
 * - `too_complex`: it takes more work to read than any honest file (`PDF_LIMITS`), or ended the thread that read it
 * - `encrypted`: it wants a password, or is locked by an empty one
 * - `no_pages`, `too_many_pages`
 * - `certified`: a signature in it forbids any further one (`forbidsSigning`)
 * - `xfa_form`: an XFA form, which viewers draw anew from data that a signature's appearance is no part of
 * - `form_undrawn`: a form whose filled-in values only the viewer draws (`isFormUndrawn`)
 */
export type PdfRefusal =
  | 'too_large'
  | 'not_a_pdf'
  | 'header_not_first'
  | 'damaged'
  | 'too_complex'
  | 'encrypted'
  | 'no_pages'
  | 'too_many_pages'
  | 'certified'
  | 'xfa_form'
  | 'form_undrawn';

export type PageSize = { width: number; height: number };

export type PdfCheck =
  | { ok: true; /** Page sizes as seen, in points. */ pages: readonly PageSize[] }
  | { ok: false; reason: PdfRefusal; /** For the log. */ cause?: unknown };

export type SignablePdf = { document: PdfDocument; pages: readonly PdfPage[] };

/**
 * Whether the file is a PDF that can be signed, and the sizes of its pages.
 *
 * It reads only the cross-reference, the catalog and the page tree, never page content, and everything it reads is
 * charged to a `ParseBudget`.
 */
export function checkPdf(bytes: Buffer, limits: { bytesMax?: number; pagesMax?: number } = {}): PdfCheck {
  try {
    return { ok: true, pages: openSignablePdf(bytes, limits).pages.map(seenSize) };
  } catch (error) {
    if (error instanceof DomainError) return { ok: false, reason: error.code as PdfRefusal, cause: error.cause };
    throw error;
  }
}

/**
 * The document and its pages.
 *
 * @throws DomainError with a `PdfRefusal` as its code
 */
export function openSignablePdf(bytes: Buffer, limits: { bytesMax?: number; pagesMax?: number } = {}): SignablePdf {
  const { bytesMax, pagesMax } = { ...PDF_FILE_LIMITS, ...limits };
  if (bytes.length > bytesMax) throw new DomainError<PdfRefusal>('too_large', { bytesMax: String(bytesMax) });
  const header = headerOffset(bytes);
  if (header === -1) throw new DomainError<PdfRefusal>('not_a_pdf');
  if (header > 0) throw new DomainError<PdfRefusal>('header_not_first');
  const document = PdfDocument.parse(bytes);
  if (document.encrypted) throw new DomainError<PdfRefusal>('encrypted');
  const pages = readPages(document, pagesMax);
  if (pages.length === 0) throw new DomainError<PdfRefusal>('no_pages');
  if (pages.length > pagesMax) throw new DomainError<PdfRefusal>('too_many_pages', { pagesMax: String(pagesMax) });
  if (forbidsSigning(document)) throw new DomainError<PdfRefusal>('certified');
  const form = document.resolve(document.catalog.get('AcroForm'));
  if (isDict(form) && document.resolve(form.get('XFA'))) throw new DomainError<PdfRefusal>('xfa_form');
  if (isFormUndrawn(document)) throw new DomainError<PdfRefusal>('form_undrawn');
  return { document, pages };
}

/** The form's top-level fields, and where their array stands. */
export function formFields(document: PdfDocument, form: PdfDict): { items: PdfValue[]; ref: PdfRef | undefined } {
  const value = form.get('Fields');
  const items = document.resolve(value);
  return { items: Array.isArray(items) ? items : [], ref: value instanceof PdfRef ? value : undefined };
}

import { chinaDateTime } from '../platform/clock.ts';
import { DomainError } from '../platform/errors.ts';
import type { DocumentSigner } from '../trust/index.ts';
import { AppearanceWriter } from './appearance-stream.ts';
import type { Appearance } from './appearance.ts';
import { openSignablePdf } from './pdf-check.ts';
import type { SignablePdf } from './pdf-check.ts';
import { toUserSpace } from './pdf/pages.ts';
import type { Box } from './pdf/pages.ts';
import { PdfRevision } from './pdf/revision.ts';
import { serializeValue } from './pdf/serialize.ts';
import { dict, name, textString } from './pdf/values.ts';
import type { PdfDict, PdfRef } from './pdf/values.ts';
import { addAnnotations, addFormField } from './signature-field.ts';

/** One place where a signature shows. */
export type Widget = {
  /** From 0. */
  pageIndex: number;
  /** Left, bottom, right, top in points of the page as it is seen, from its lower left corner. */
  rect: Box;
  appearance: Appearance;
};

export type SignPdfOptions = {
  pdf: Buffer;
  /** The field's name, unique in the document and without a full stop. */
  fieldName: string;
  /** None for a signature that does not show. */
  widgets: readonly Widget[];
  signer: DocumentSigner;
  signedAt: Date;
  reason?: string;
  location?: string;
  /** Who signs, for viewers that do not read certificates. */
  name?: string;
  limits?: { bytesMax?: number; pagesMax?: number };
};

/** Print, Locked (12.5.3). */
const WIDGET_FLAGS = 4 + 128;
const BYTE_RANGE_DIGITS = 10;
/** A file that was within the limit when it came may have grown past it by the signatures since. */
const SIGNED_BYTES_MAX = 1024 * 1024 * 1024;

/**
 * Signs a PDF with PAdES B-B (ETSI EN 319 142-1): appends one incremental revision that holds one signature field, its
 * signature, and a widget for each place where the signature shows. The bytes before stay as they are, so signatures
 * that are there stay valid.
 *
 * Several widgets are kids of the one field: one act of signing, one signature, however many seals it sets. Each kid
 * says again the /FT and /V that it could inherit. Without that pdfsig (poppler 22.12) takes the field as not signed and
 * mutool (MuPDF 1.21) as altered; with it both verify it, once for each widget; pyHanko 0.38 counts one signature and
 * takes the later ones for form filling; poppler, MuPDF and Chromium's PDFium show every widget. ISO 32000-1 lets any
 * field have several widgets; ISO 32000-2 would rather a signature had one. The ways around it are worse: a field of its
 * own for each seal turns one signature into dozens in the viewer's list, and stamps beside the one widget are
 * annotations that a viewer may hide and validators of a later signature complain of.
 *
 * @throws DomainError with a `PdfRefusal` as its code, or `field_name_taken`, `page_missing`
 */
export async function signPdf(options: SignPdfOptions): Promise<Buffer> {
  const { pdf, signer } = options;
  const source = openSignablePdf(pdf, { bytesMax: SIGNED_BYTES_MAX, ...options.limits });
  const revision = new PdfRevision(source.document);
  const value = revision.reserve();
  const placeholder = signatureDictionary(options);
  revision.set(value, placeholder.body);
  await addField(source, revision, value, options);

  const { bytes, bodyOffset } = revision.build();
  if (!bytes.subarray(0, pdf.length).equals(pdf)) throw new Error('a revision must begin with the one before');
  const at = bodyOffset(value);
  const contentsStart = at + placeholder.contentsAt;
  const contentsEnd = contentsStart + 2 + signer.signatureBytesMax * 2;
  const byteRange = [0, contentsStart, contentsEnd, bytes.length - contentsEnd];
  bytes.write(byteRangeText(byteRange), at + placeholder.byteRangeAt, 'latin1');

  const cms = await signer.signDetached([bytes.subarray(0, contentsStart), bytes.subarray(contentsEnd)]);
  if (cms.length > signer.signatureBytesMax) throw new Error('a signature is longer than its signer said');
  bytes.write(cms.toString('hex'), contentsStart + 1, 'latin1');
  return bytes;
}

/** The signature dictionary (12.8.1) with room for what is not known yet, and where in it that room is. */
function signatureDictionary(options: SignPdfOptions): { body: Buffer; byteRangeAt: number; contentsAt: number } {
  const texts = dict({
    Name: options.name === undefined ? undefined : textString(options.name),
    Reason: options.reason === undefined ? undefined : textString(options.reason),
    Location: options.location === undefined ? undefined : textString(options.location),
  });
  const optional = [...texts].map(([key, text]) => `/${key} ${serializeValue(text)}\n`).join('');
  const head =
    '<</Type /Sig\n/Filter /Adobe.PPKLite\n/SubFilter /ETSI.CAdES.detached\n' +
    `/M (${pdfDate(options.signedAt)})\n${optional}/ByteRange `;
  const middle = `${byteRangeText([0, 0, 0, 0])}\n/Contents `;
  const contents = `<${'0'.repeat(options.signer.signatureBytesMax * 2)}>`;
  return {
    body: Buffer.from(`${head}${middle}${contents}\n>>`, 'latin1'),
    byteRangeAt: head.length,
    contentsAt: head.length + middle.length,
  };
}

/** Always as long, whatever the numbers: the array is padded behind. */
function byteRangeText(range: readonly number[]): string {
  return `[${range.join(' ')}]`.padEnd(4 * BYTE_RANGE_DIGITS + 5, ' ');
}

/** A date (7.9.4) in China time. */
function pdfDate(at: Date): string {
  return `D:${chinaDateTime(at).replace(/\D/g, '')}+08'00'`;
}

async function addField(
  source: SignablePdf,
  revision: PdfRevision,
  value: PdfRef,
  options: SignPdfOptions,
): Promise<void> {
  const field = revision.reserve();
  const shared = { FT: name('Sig'), T: textString(options.fieldName), V: value };
  const widgets = await widgetDictionaries(source, revision, options.widgets);
  const [only] = widgets;
  const annotations: { pageIndex: number; ref: PdfRef }[] = [];
  if (only && widgets.length === 1) {
    // One widget and its field are one object (12.7.3.1).
    revision.set(field, new Map([...dict(shared), ...only.dict]));
    annotations.push({ pageIndex: only.pageIndex, ref: field });
  } else {
    const kids = widgets.map((widget) => {
      // Not inherited but said again: see signPdf.
      const ref = revision.add(new Map([...widget.dict, ...dict({ Parent: field, FT: shared.FT, V: value })]));
      annotations.push({ pageIndex: widget.pageIndex, ref });
      return ref;
    });
    revision.set(field, dict({ ...shared, Kids: kids }));
  }
  addAnnotations(source, revision, annotations);
  addFormField(source, revision, { ref: field, name: options.fieldName });
}

async function widgetDictionaries(
  source: SignablePdf,
  revision: PdfRevision,
  widgets: readonly Widget[],
): Promise<{ pageIndex: number; dict: PdfDict }[]> {
  const appearances = new AppearanceWriter(revision);
  const result: { pageIndex: number; dict: PdfDict }[] = [];
  for (const { pageIndex, rect, appearance } of widgets) {
    const page = source.pages[pageIndex];
    if (!page) throw new DomainError('page_missing', { page: String(pageIndex + 1) });
    const common = { Type: name('Annot'), Subtype: name('Widget'), P: page.ref, F: WIDGET_FLAGS };
    const normal = await appearances.add(appearance, page.rotate);
    const turn = page.rotate === 0 ? undefined : dict({ R: page.rotate });
    result.push({
      pageIndex,
      dict: dict({ ...common, Rect: [...toUserSpace(page, rect)], AP: dict({ N: normal }), MK: turn }),
    });
  }
  if (result.length > 0) return result;
  // A signature that does not show has a widget without area on the first page (12.7.4.5).
  const common = { Type: name('Annot'), Subtype: name('Widget'), P: source.pages[0]?.ref, F: WIDGET_FLAGS };
  return [{ pageIndex: 0, dict: dict({ ...common, Rect: [0, 0, 0, 0] }) }];
}

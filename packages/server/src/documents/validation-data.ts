import { openSignablePdf } from './pdf-check.ts';
import type { PdfDocument } from './pdf/document.ts';
import { PdfRevision } from './pdf/revision.ts';
import { dict, isDict, PdfRef, PdfStream } from './pdf/values.ts';
import type { PdfDict, PdfValue } from './pdf/values.ts';

/** What a validator needs to judge signatures when nobody can be asked any more, each DER. */
export type ValidationData = {
  certificates: readonly Buffer[];
  /** CertificateList. */
  revocationLists: readonly Buffer[];
  /** OCSPResponse. */
  statusResponses: readonly Buffer[];
};

const STORES = [
  ['Certs', 'certificates'],
  ['CRLs', 'revocationLists'],
  ['OCSPs', 'statusResponses'],
] as const;

/**
 * Appends a revision with a document security store, /DSS of the catalog (ISO 32000-2, 12.8.4.3; ETSI EN 319 142-1,
 * 5.4.2). What a store that is there holds stays; nothing is put in twice. Where there is nothing to add, the file is
 * answered as it is. No /VRI, which only tells what is for which signature.
 *
 * @throws DomainError as `openSignablePdf`
 */
export function appendValidationData(pdf: Buffer, data: ValidationData, limits: { bytesMax: number }): Buffer {
  const { document } = openSignablePdf(pdf, limits);
  const value = document.catalog.get('DSS');
  const known = document.resolve(value);
  const store: PdfDict = new Map(isDict(known) ? known : dict({}));
  const revision = new PdfRevision(document);
  let added = 0;
  for (const [key, kind] of STORES) {
    const items = itemsOf(document, store.get(key));
    const there = new Set(items.flatMap((item) => plainBytes(document, item) ?? []));
    for (const bytes of data[kind]) {
      const text = bytes.toString('base64');
      if (there.has(text)) continue;
      there.add(text);
      items.push(revision.add(new PdfStream(dict({}), bytes)));
      added += 1;
    }
    if (items.length > 0) store.set(key, items);
  }
  if (added === 0) return pdf;
  if (value instanceof PdfRef && isDict(known)) revision.set(value, store);
  else revision.set(document.catalogRef, new Map([...document.catalog, ['DSS', revision.add(store)]]));
  revision.finish();
  return Buffer.concat(document.pieces, document.byteLength);
}

function itemsOf(document: PdfDocument, value: PdfValue | undefined): PdfValue[] {
  const items = document.resolve(value);
  return Array.isArray(items) ? [...items] : [];
}

/** What a stream without a filter holds, in Base64. One with a filter is left alone: it is there twice at the worst. */
function plainBytes(document: PdfDocument, item: PdfValue): string | undefined {
  const stream = document.resolve(item);
  return stream instanceof PdfStream && !stream.dict.has('Filter') ? stream.encoded.toString('base64') : undefined;
}

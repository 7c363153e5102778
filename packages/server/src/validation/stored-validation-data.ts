import { DamagedPdf, decodeStructureStream, isDict, PdfStream, TooComplexPdf } from '../documents/index.ts';
import { readCertificate } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import type { RevocationData } from './revocation.ts';
import type { RevisionView } from './revision-view.ts';

const ITEMS_MAX = 2_000;

export type StoredValidationData = RevocationData & { certificates: readonly Certificate[] };

/**
 * The document's store of certificates and revocation (/DSS, ISO 32000-2, 12.8.4.3). Nothing in it is believed for standing
 * there: certificates need a path, lists and answers their issuer's signature. What is rubbish is left out.
 */
export function storedValidationData(view: RevisionView): StoredValidationData {
  const store = view.dictOf(view.catalog?.get('DSS'));
  const read = (key: string): Buffer[] => {
    const items = view.arrayOf(store?.get(key)).slice(0, ITEMS_MAX);
    return items.map((item) => streamBytes(view, view.resolve(item))).filter((bytes) => bytes !== undefined);
  };
  if (!isDict(store)) return { certificates: [], crls: [], ocsps: [] };
  return { certificates: read('Certs').flatMap(certificateOf), crls: read('CRLs'), ocsps: read('OCSPs') };
}

function streamBytes(view: RevisionView, value: unknown): Buffer | undefined {
  if (!(value instanceof PdfStream)) return undefined;
  try {
    return decodeStructureStream(value, view.objects.history.budget);
  } catch (error) {
    if (!(error instanceof DamagedPdf) || error instanceof TooComplexPdf) throw error;
    return undefined;
  }
}

function certificateOf(der: Buffer): Certificate[] {
  try {
    return [readCertificate(der)];
  } catch {
    return [];
  }
}

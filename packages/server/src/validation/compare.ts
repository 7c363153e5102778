import { isDict, PdfName, PdfRef, PdfStream, PdfString } from '../documents/index.ts';
import type { PdfDict, PdfValue } from '../documents/index.ts';

/** Whether two values say the same as they stand: references by their numbers, streams by their bytes. */
export function isSame(a: PdfValue | undefined, b: PdfValue | undefined): boolean {
  if (a === b) return true;
  // A key with the value null is a key that is not there (7.3.7).
  if (a === undefined || a === null) return b === undefined || b === null;
  if (b === undefined || b === null) return false;
  if (a instanceof PdfName) return b instanceof PdfName && a.name === b.name;
  if (a instanceof PdfRef)
    return b instanceof PdfRef && a.objectNumber === b.objectNumber && a.generation === b.generation;
  if (a instanceof PdfString) return b instanceof PdfString && a.bytes.equals(b.bytes);
  if (a instanceof PdfStream) return b instanceof PdfStream && a.encoded.equals(b.encoded) && isSame(a.dict, b.dict);
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  return isDict(a) && isDict(b) && changedKeys(a, b).length === 0;
}

/** Keys whose values differ, those that only one of the two has among them. */
export function changedKeys(a: PdfDict, b: PdfDict): string[] {
  const keys = new Set([...a.keys(), ...b.keys()]);
  return [...keys].filter((key) => !isSame(a.get(key), b.get(key)));
}

import { TooComplexPdf } from './pdf/budget.ts';
import type { PdfDocument } from './pdf/document.ts';
import { isDict, PdfRef, PdfString } from './pdf/values.ts';
import type { PdfDict, PdfValue } from './pdf/values.ts';

const FIELD_DEPTH_MAX = 64;

/** Every field of the form and every widget below one (12.7.3), each object once. */
export function allFormFields(document: PdfDocument): PdfDict[] {
  const form = document.resolve(document.catalog.get('AcroForm'));
  const found: PdfDict[] = [];
  // One look at each object: fields that share their kids would else be 2^64 of them.
  const visited = new Set<number>();
  const isNew = (item: PdfValue | undefined): boolean => {
    if (!(item instanceof PdfRef)) return true;
    if (visited.has(item.objectNumber)) return false;
    visited.add(item.objectNumber);
    return true;
  };

  function walk(value: PdfValue | undefined, depth: number): void {
    if (depth > FIELD_DEPTH_MAX) throw new TooComplexPdf('the form is too deep');
    const fields = isNew(value) ? document.resolve(value) : undefined;
    if (!Array.isArray(fields)) return;
    for (const item of fields.filter(isNew)) {
      const field = document.resolve(item);
      if (!isDict(field)) continue;
      found.push(field);
      walk(field.get('Kids'), depth + 1);
    }
  }

  if (isDict(form)) walk(form.get('Fields'), 0);
  return found;
}

/**
 * Whether the form leaves it to viewers to draw what was filled in (/NeedAppearances, 12.7.2). A viewer that does so
 * draws signature fields as empty, and one that is told not to shows none of what was filled in.
 */
export function isFormUndrawn(document: PdfDocument): boolean {
  const form = document.resolve(document.catalog.get('AcroForm'));
  if (!isDict(form) || document.resolve(form.get('NeedAppearances')) !== true) return false;
  return allFormFields(document).some((field) => {
    const value = document.resolve(field.get('V'));
    return Array.isArray(value) || (value instanceof PdfString && value.bytes.length > 0);
  });
}

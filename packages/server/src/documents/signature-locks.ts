import { DamagedPdf } from './pdf/budget.ts';
import { isName } from './pdf/document.ts';
import type { PdfDocument } from './pdf/document.ts';
import { isDict, PdfRef } from './pdf/values.ts';
import type { PdfDict, PdfValue } from './pdf/values.ts';

const FIELD_DEPTH_MAX = 64;

/**
 * Whether a signature that is there would be broken by another one:
 * - DocMDP level 1, no change at all (ISO 32000-1, 12.8.2.2), in the certifying signature, which the catalog's /Perms
 *   names (12.8.4), or in any other, as a /Lock with /P 1 puts it there (ISO 32000-2, 12.8.6.2);
 * - FieldMDP that locks every field, or every field but some: a new signature's field is locked too (12.8.2.4).
 */
export function forbidsSigning(document: PdfDocument): boolean {
  const permissions = document.resolve(document.catalog.get('Perms'));
  const certification = isDict(permissions) ? document.resolve(permissions.get('DocMDP')) : undefined;
  if (isDict(certification) && isLocking(document, certification)) return true;
  const form = document.resolve(document.catalog.get('AcroForm'));
  return isDict(form) && hasLockedField(document, form.get('Fields'), new Set(), 0);
}

/** `visited` keeps it to one look at each object: fields that share their kids would else be 2^64 of them. */
function hasLockedField(
  document: PdfDocument,
  value: PdfValue | undefined,
  visited: Set<number>,
  depth: number,
): boolean {
  if (depth > FIELD_DEPTH_MAX) throw new DamagedPdf('the form is too deep');
  const isNew = (item: PdfValue | undefined): boolean => {
    if (!(item instanceof PdfRef)) return true;
    if (visited.has(item.objectNumber)) return false;
    visited.add(item.objectNumber);
    return true;
  };
  const fields = isNew(value) ? document.resolve(value) : undefined;
  if (!Array.isArray(fields)) return false;
  return fields.filter(isNew).some((item) => {
    const field = document.resolve(item);
    if (!isDict(field)) return false;
    const signature = document.resolve(field.get('V'));
    if (isDict(signature) && isLocking(document, signature)) return true;
    return hasLockedField(document, field.get('Kids'), visited, depth + 1);
  });
}

function isLocking(document: PdfDocument, signature: PdfDict): boolean {
  const references = document.resolve(signature.get('Reference'));
  if (!Array.isArray(references)) return false;
  return references.some((reference) => {
    const entry = document.resolve(reference);
    if (!isDict(entry)) return false;
    const method = document.resolve(entry.get('TransformMethod'));
    const parameters = document.resolve(entry.get('TransformParams'));
    if (!isDict(parameters)) return false;
    // Level 2, form filling and signing, is the default where none is named.
    if (document.resolve(parameters.get('P')) === 1 && (isName(method, 'DocMDP') || isName(method, 'FieldMDP')))
      return true;
    const action = document.resolve(parameters.get('Action'));
    return isName(method, 'FieldMDP') && (isName(action, 'All') || isName(action, 'Exclude'));
  });
}

import { allFormFields } from './form-fields.ts';
import { isName } from './pdf/document.ts';
import type { PdfDocument } from './pdf/document.ts';
import { isDict } from './pdf/values.ts';
import type { PdfDict } from './pdf/values.ts';

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
  return allFormFields(document).some((field) => {
    const signature = document.resolve(field.get('V'));
    return isDict(signature) && isLocking(document, signature);
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

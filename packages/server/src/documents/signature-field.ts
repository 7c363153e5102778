import { DomainError } from '../platform/errors.ts';
import { formFields } from './pdf-check.ts';
import type { SignablePdf } from './pdf-check.ts';
import type { PdfPage } from './pdf/pages.ts';
import type { PdfRevision } from './pdf/revision.ts';
import { dict, isDict, PdfRef, PdfString, textOf } from './pdf/values.ts';
import type { PdfDict } from './pdf/values.ts';

/** SignaturesExist and AppendOnly (12.7.2). */
const SIGNATURE_FLAGS = 3;

/**
 * Hooks a new annotation into its page's /Annots. The page gets an array of its own: an indirect one may be used by
 * other pages, or have been used by them in a revision that is signed already.
 */
export function addAnnotation(
  { document }: SignablePdf,
  revision: PdfRevision,
  page: PdfPage,
  annotation: PdfRef,
): void {
  // Read anew: a revision before this one may have replaced it.
  const own = document.dictOf(page.ref, 'page');
  const known = document.resolve(own.get('Annots'));
  const all = [...(Array.isArray(known) ? known : []), annotation];
  revision.set(page.ref, new Map([...own, ['Annots', all]]));
}

/**
 * Hooks a new field into the catalog's /AcroForm, which may be missing, direct or indirect, as may its /Fields.
 *
 * @throws DomainError `field_name_taken`, `field_name_invalid`
 */
export function addFormField(
  { document }: SignablePdf,
  revision: PdfRevision,
  field: { ref: PdfRef; name: string },
): void {
  // A full stop parts the names of nested fields (12.7.3.2).
  if (field.name === '' || field.name.includes('.')) throw new DomainError('field_name_invalid');
  const { catalog, catalogRef } = document;
  const value = catalog.get('AcroForm');
  const form = document.resolve(value);
  if (!isDict(form)) {
    const made = revision.add(dict({ Fields: [field.ref], SigFlags: SIGNATURE_FLAGS }));
    revision.set(catalogRef, new Map([...catalog, ['AcroForm', made]]));
    return;
  }
  const fields = formFields(document, form);
  const taken = fields.items.some((item) => fieldName(document.resolve(item), document) === field.name);
  if (taken) throw new DomainError('field_name_taken', { fieldName: field.name });

  const changed: PdfDict = new Map([...form, ['SigFlags', SIGNATURE_FLAGS]]);
  // Viewers that are asked to draw all fields anew draw a signature's as nothing at all.
  changed.delete('NeedAppearances');
  if (fields.ref) revision.set(fields.ref, [...fields.items, field.ref]);
  else changed.set('Fields', [...fields.items, field.ref]);
  const isFitForm = document.resolve(form.get('SigFlags')) === SIGNATURE_FLAGS && !form.has('NeedAppearances');
  if (fields.ref && isFitForm) return;
  if (value instanceof PdfRef) revision.set(value, changed);
  else revision.set(catalogRef, new Map([...catalog, ['AcroForm', changed]]));
}

function fieldName(field: unknown, document: SignablePdf['document']): string | undefined {
  if (!(field instanceof Map)) return undefined;
  const title = document.resolve((field as PdfDict).get('T'));
  return title instanceof PdfString ? textOf(title) : undefined;
}

import { DomainError } from '../platform/errors.ts';
import { formFields } from './pdf-check.ts';
import type { SignablePdf } from './pdf-check.ts';
import type { PdfPage } from './pdf/pages.ts';
import type { PdfRevision } from './pdf/revision.ts';
import { dict, isDict, PdfRef, PdfString, textOf } from './pdf/values.ts';
import type { PdfDict } from './pdf/values.ts';

/** SignaturesExist and AppendOnly (12.7.2). */
const SIGNATURE_FLAGS = 3;

/** Hooks a new annotation into its page's /Annots, replacing as few objects as can be. */
export function addAnnotation(source: SignablePdf, revision: PdfRevision, page: PdfPage, annotation: PdfRef): void {
  const { document } = source;
  // Read anew: a revision before this one may have replaced it.
  const own = document.dictOf(page.ref, 'page');
  const value = own.get('Annots');
  const known = document.resolve(value);
  const all = [...(Array.isArray(known) ? known : []), annotation];
  if (value instanceof PdfRef && Array.isArray(known) && !isShared(source, value)) revision.set(value, all);
  else revision.set(page.ref, new Map([...own, ['Annots', all]]));
}

/** Whether several pages use one array of annotations; then each needs its own before one of them changes. */
function isShared({ document, pages }: SignablePdf, array: PdfRef): boolean {
  const users = pages.filter(({ ref }) => {
    const value = document.dictOf(ref, 'page').get('Annots');
    return value instanceof PdfRef && value.objectNumber === array.objectNumber;
  });
  return users.length > 1;
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
  if (fields.ref) revision.set(fields.ref, [...fields.items, field.ref]);
  else changed.set('Fields', [...fields.items, field.ref]);
  if (fields.ref && document.resolve(form.get('SigFlags')) === SIGNATURE_FLAGS) return;
  if (value instanceof PdfRef) revision.set(value, changed);
  else revision.set(catalogRef, new Map([...catalog, ['AcroForm', changed]]));
}

function fieldName(field: unknown, document: SignablePdf['document']): string | undefined {
  if (!(field instanceof Map)) return undefined;
  const title = document.resolve((field as PdfDict).get('T'));
  return title instanceof PdfString ? textOf(title) : undefined;
}

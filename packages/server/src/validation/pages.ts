import { isDict, PdfRef } from '../documents/index.ts';
import type { PdfValue } from '../documents/index.ts';
import type { RevisionView } from './revision-view.ts';
import type { SignatureValue } from './signature-values.ts';

const PAGES_MAX = 20_000;
const DEPTH_MAX = 64;

/** How many pages there are, and on which, from 1, a signature shows. */
export function pagesOfSignatures(view: RevisionView): {
  count: number;
  pageOf: (signature: SignatureValue) => number | undefined;
} {
  const pages = new Map<number, number>();
  const annotations = new Map<number, number>();
  const seen = new Set<number>();
  const walk = (item: PdfValue | undefined, depth: number): void => {
    if (!(item instanceof PdfRef) || depth > DEPTH_MAX || seen.has(item.objectNumber) || pages.size >= PAGES_MAX)
      return;
    seen.add(item.objectNumber);
    const node = view.resolve(item);
    if (!isDict(node)) return;
    if (node.has('Kids')) {
      for (const kid of view.arrayOf(node.get('Kids'))) walk(kid, depth + 1);
      return;
    }
    pages.set(item.objectNumber, pages.size + 1);
    for (const each of view.arrayOf(node.get('Annots'))) {
      if (each instanceof PdfRef) annotations.set(each.objectNumber, pages.size);
    }
  };
  walk(view.catalog?.get('Pages'), 0);

  return {
    count: pages.size,
    pageOf({ fieldObject }) {
      if (fieldObject === undefined) return undefined;
      const own = annotations.get(fieldObject);
      if (own !== undefined) return own;
      const field = view.valueOf(fieldObject);
      if (!isDict(field)) return undefined;
      const [kid] = view.arrayOf(field.get('Kids'));
      const page = field.get('P');
      return kid instanceof PdfRef
        ? annotations.get(kid.objectNumber)
        : pages.get(page instanceof PdfRef ? page.objectNumber : -1);
    },
  };
}

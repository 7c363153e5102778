import { DamagedPdf, TooComplexPdf } from './budget.ts';
import { isName } from './document.ts';
import type { PdfDocument } from './document.ts';
import { PdfRef } from './values.ts';
import type { PdfDict, PdfValue } from './values.ts';

const PAGE_TREE_DEPTH_MAX = 64;
const LETTER: Box = [0, 0, 612, 792];

/** Left, bottom, right, top in user space units. */
export type Box = readonly [number, number, number, number];

export type PdfPage = {
  ref: PdfRef;
  dict: PdfDict;
  /** The crop box within the media box: what a viewer shows. */
  box: Box;
  /** Clockwise turn of the page when shown. */
  rotate: 0 | 90 | 180 | 270;
  /** Points per user space unit, 1 unless the page says otherwise (PDF 1.6). */
  userUnit: number;
};

/** The pages in their order, at most `pagesMax + 1` of them, so that the caller can tell "too many". */
export function readPages(document: PdfDocument, pagesMax: number): PdfPage[] {
  const pages: PdfPage[] = [];
  const visited = new Set<number>();

  function walk(value: PdfValue, inherited: PdfDict, depth: number): void {
    if (pages.length > pagesMax) return;
    if (depth > PAGE_TREE_DEPTH_MAX) throw new TooComplexPdf('the page tree is too deep');
    if (!(value instanceof PdfRef)) throw new DamagedPdf('a page is not an indirect object');
    if (visited.has(value.objectNumber)) throw new DamagedPdf('the page tree loops');
    visited.add(value.objectNumber);
    const node = document.dictOf(value, 'page');
    const attributes: PdfDict = new Map(inherited);
    for (const key of ['MediaBox', 'CropBox', 'Rotate']) {
      const own = node.get(key);
      if (own !== undefined) attributes.set(key, own);
    }
    const kids = document.resolve(node.get('Kids'));
    if (Array.isArray(kids) && !isName(document.resolve(node.get('Type')), 'Page')) {
      for (const kid of kids) walk(kid, attributes, depth + 1);
      return;
    }
    pages.push(pageOf(document, value, node, attributes));
  }

  const root = document.catalog.get('Pages');
  if (root === undefined) throw new DamagedPdf('the catalog has no Pages');
  walk(root, new Map(), 0);
  return pages;
}

function pageOf(document: PdfDocument, ref: PdfRef, node: PdfDict, attributes: PdfDict): PdfPage {
  const media = boxOf(document, attributes.get('MediaBox')) ?? LETTER;
  const crop = boxOf(document, attributes.get('CropBox')) ?? media;
  const shown = intersection(media, crop) ?? media;
  const rotate = document.resolve(attributes.get('Rotate'));
  const turned = typeof rotate === 'number' ? ((((rotate % 360) + 360) % 360) as PdfPage['rotate']) : 0;
  const unit = document.resolve(node.get('UserUnit'));
  return {
    ref,
    dict: node,
    box: shown,
    rotate: [0, 90, 180, 270].includes(turned) ? turned : 0,
    userUnit: typeof unit === 'number' && unit > 0 ? unit : 1,
  };
}

/** A rectangle with its corners in order (7.9.5), or undefined where there is none of any area. */
function boxOf(document: PdfDocument, value: PdfValue | undefined): Box | undefined {
  const array = document.resolve(value);
  if (!Array.isArray(array) || array.length < 4) return undefined;
  const [x1, y1, x2, y2] = array.slice(0, 4).map((item) => document.resolve(item));
  if (typeof x1 !== 'number' || typeof y1 !== 'number' || typeof x2 !== 'number' || typeof y2 !== 'number') {
    return undefined;
  }
  const box: Box = [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
  return box[2] > box[0] && box[3] > box[1] ? box : undefined;
}

function intersection(a: Box, b: Box): Box | undefined {
  const box: Box = [Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])];
  return box[2] > box[0] && box[3] > box[1] ? box : undefined;
}

/** The size of a page as it is seen, in points: turned, and scaled by its user unit. */
export function seenSize(page: Pick<PdfPage, 'box' | 'rotate' | 'userUnit'>): { width: number; height: number } {
  const width = (page.box[2] - page.box[0]) * page.userUnit;
  const height = (page.box[3] - page.box[1]) * page.userUnit;
  return page.rotate % 180 === 0 ? { width, height } : { width: height, height: width };
}

/**
 * From points on the page as it is seen (origin at its lower left) to the page's own user space, which knows nothing of
 * the turn and whose origin may lie anywhere.
 */
export function toUserSpace(page: Pick<PdfPage, 'box' | 'rotate' | 'userUnit'>, rect: Box): Box {
  const [x1, y1] = pointToUserSpace(page, rect[0] / page.userUnit, rect[1] / page.userUnit);
  const [x2, y2] = pointToUserSpace(page, rect[2] / page.userUnit, rect[3] / page.userUnit);
  return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
}

function pointToUserSpace({ box, rotate }: Pick<PdfPage, 'box' | 'rotate'>, x: number, y: number): [number, number] {
  const [left, bottom, right, top] = box;
  if (rotate === 90) return [right - y, bottom + x];
  if (rotate === 180) return [right - x, top - y];
  if (rotate === 270) return [left + y, top - x];
  return [left + x, bottom + y];
}

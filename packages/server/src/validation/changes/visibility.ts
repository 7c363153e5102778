import { isDict, PdfStream, PdfString } from '../../documents/index.ts';
import type { PdfDict, PdfValue } from '../../documents/index.ts';
import type { RevisionView } from '../revision-view.ts';

/** Left, bottom, right, top, in points of the page. */
export type Rect = readonly [number, number, number, number];

const FLAG_HIDDEN = 2;
const FLAG_PRINT = 4;
const FLAG_NO_VIEW = 32;
const FLAG_TOGGLE_NO_VIEW = 256;
/** Ten bits are defined; readers do not agree on what a greater number says. */
const FLAGS_MAX = 1023;

/** Whether no reader shows anything of it, on a screen or on paper (ISO 32000-2, 12.5.3). */
export function isInvisible(view: RevisionView, widget: PdfDict): boolean {
  if (isNeverShown(view.resolve(widget.get('F'))) || hasNoArea(view, widget)) return true;
  return hasEmptyLook(view, widget.get('AP')) && !isDrawnByReaders(view, widget.get('MK'));
}

function isNeverShown(flags: PdfValue | undefined): boolean {
  if (typeof flags !== 'number' || !Number.isInteger(flags) || flags < 0 || flags > FLAGS_MAX) return false;
  if ((flags & FLAG_HIDDEN) !== 0) return true;
  // NoView alone is of the screen, and a pointer over it may take it back.
  return (flags & (FLAG_NO_VIEW | FLAG_PRINT | FLAG_TOGGLE_NO_VIEW)) === FLAG_NO_VIEW;
}

/** One that is only a line. Of one that is malformed, or not there, readers make what they like. */
function hasNoArea(view: RevisionView, widget: PdfDict): boolean {
  const rect = rectOf(view, widget);
  return rect !== undefined && (rect[2] - rect[0] === 0 || rect[3] - rect[1] === 0);
}

/** No look, or the empty one that some writers give an empty field. */
function hasEmptyLook(view: RevisionView, value: PdfValue | undefined): boolean {
  const looks = view.resolve(value);
  if (looks === undefined || looks === null) return true;
  if (!isDict(looks) || looks.size !== 1) return false;
  const normal = view.resolve(looks.get('N'));
  // One with /F has its data in another file.
  return normal instanceof PdfStream && normal.encoded.length === 0 && !normal.dict.has('F');
}

/** Of a widget's characteristics (ISO 32000-2, table 192) those that draw nothing of their own. */
const UNDRAWN_CHARACTERISTICS: ReadonlySet<string> = new Set(['R', 'TP', 'IF']);
const COLOURS: ReadonlySet<string> = new Set(['BG', 'BC']);
const CAPTIONS: ReadonlySet<string> = new Set(['CA', 'RC', 'AC']);

/** Whether readers may draw a ground, a border, a caption or an icon where there is no look, or in place of it. */
function isDrawnByReaders(view: RevisionView, value: PdfValue | undefined): boolean {
  const characteristics = view.resolve(value);
  if (characteristics === undefined || characteristics === null) return false;
  if (!isDict(characteristics)) return true;
  return [...characteristics].some(([key, item]) => {
    const says = view.resolve(item);
    if (says === undefined || says === null || UNDRAWN_CHARACTERISTICS.has(key)) return false;
    // No numbers are no colour: transparent.
    if (COLOURS.has(key)) return !(Array.isArray(says) && says.length === 0);
    return !(CAPTIONS.has(key) && says instanceof PdfString && says.bytes.length === 0);
  });
}

export function overlap(a: Rect, b: Rect): boolean {
  return a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
}

/** Undefined where there is none of four numbers. */
export function rectOf(view: RevisionView, annotation: PdfDict): Rect | undefined {
  const [x1, y1, x2, y2, more] = view.arrayOf(annotation.get('Rect')).map((item) => view.resolve(item));
  if (typeof x1 !== 'number' || typeof y1 !== 'number' || typeof x2 !== 'number' || typeof y2 !== 'number')
    return undefined;
  if (more !== undefined) return undefined;
  return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
}

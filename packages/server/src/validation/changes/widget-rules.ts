import { isDict, PdfName, PdfRef, PdfString, textOf } from '../../documents/index.ts';
import type { PdfDict, PdfValue } from '../../documents/index.ts';
import { changedKeys, isSame } from '../compare.ts';
import type { RevisionView } from '../revision-view.ts';
import { itemsOf, numberOf } from './step.ts';
import type { Step } from './step.ts';
import { isInvisible, overlap, rectOf } from './visibility.ts';

/** What a signature field and its widget consist of. Anything else in a new one does something besides. */
const SIGNATURE_FIELD_KEYS: ReadonlySet<string> = new Set(
  'Type Subtype FT Ff T TU TM V P F Rect AP AS MK BS Border DA Q Parent Kids NM M C H Lock SV DR StructParent'.split(
    ' ',
  ),
);
/** What signing an empty field that was there changes in it. */
const SIGNING_KEYS: ReadonlySet<string> = new Set(['V', 'AP', 'AS', 'M', 'F', 'MK', 'DA', 'NM', 'TU', 'Lock']);
/** What of it decides how an unsigned field looks. */
const LOOK_KEYS: ReadonlySet<string> = new Set(['AP', 'AS', 'F', 'MK', 'V']);
const FILLING_KEYS: ReadonlySet<string> = new Set(['V', 'AS', 'AP', 'M', 'I', 'RV']);
const DESCENDANTS_MAX = 1_000;
const ANCESTORS_MAX = 32;

/** FT, inherited from above where it is not there. */
export function fieldTypeOf(view: RevisionView, dict: PdfDict): string | undefined {
  let current: PdfDict | undefined = dict;
  for (let depth = 0; current && depth < ANCESTORS_MAX; depth += 1) {
    const type = view.resolve(current.get('FT'));
    if (type instanceof PdfName) return type.name;
    current = view.dictOf(current.get('Parent'));
  }
  return undefined;
}

/** V, inherited by a widget from the field above. */
function signatureOf(
  view: RevisionView,
  dict: PdfDict,
): { dict: PdfDict; objectNumber: number | undefined } | undefined {
  let current: PdfDict | undefined = dict;
  for (let depth = 0; current && depth < ANCESTORS_MAX; depth += 1) {
    const value = view.resolve(current.get('V'));
    if (isDict(value)) return { dict: value, objectNumber: numberOf(current.get('V')) };
    if (view.resolve(current.get('T')) instanceof PdfString) return undefined;
    current = view.dictOf(current.get('Parent'));
  }
  return undefined;
}

/** An annotation or a field that was there and reads differently now. */
export function widgetRule(step: Step, objectNumber: number): void {
  const { before, after, roles, note } = step;
  const old = before.valueOf(objectNumber);
  const now = after.valueOf(objectNumber);
  if (!isDict(old)) return note('object_changed', { objectNumber });
  const node = roles.nodeOf(objectNumber);
  const where = { page: roles.pageOf(objectNumber), field: node?.name, objectNumber };
  const type = node?.type ?? fieldTypeOf(before, old);
  const isWidget = roles.has(objectNumber, 'field') || isName(before, old, 'Widget');
  if (!isDict(now)) {
    if (!isWidget) return note('annotation_removed', where);
    return note(type === 'Sig' && signatureOf(before, old) ? 'signature_removed' : 'field_removed', where);
  }
  const keys = changedKeys(old, now);
  if (!isWidget) return note(keys.some(isAction) ? 'action_changed' : 'annotation_changed', where);
  if (keys.includes('Kids'))
    kidsRule(step, objectNumber, itemsOf(before, old.get('Kids')), itemsOf(after, now.get('Kids')));
  const others = keys.filter((key) => key !== 'Kids');
  if (others.length === 0) return undefined;
  if (others.some(isAction)) return note('action_changed', where);
  if (type === 'Sig') return signatureFieldRule(step, old, now, others, where);
  const isFilling = others.every((key) => FILLING_KEYS.has(key)) && !isPushButton(before, old);
  note(isFilling ? 'field_filled' : 'field_changed', where);
  return undefined;
}

const PUSH_BUTTON = 65_536;

/** A button has nothing to be filled in: what changes of it is how it looks. */
function isPushButton(view: RevisionView, dict: PdfDict): boolean {
  if (fieldTypeOf(view, dict) !== 'Btn') return false;
  let current: PdfDict | undefined = dict;
  for (let depth = 0; current && depth < ANCESTORS_MAX; depth += 1) {
    const flags = view.resolve(current.get('Ff'));
    if (typeof flags === 'number') return (flags & PUSH_BUTTON) !== 0;
    current = view.dictOf(current.get('Parent'));
  }
  return false;
}

function isName(view: RevisionView, dict: PdfDict, name: string): boolean {
  const subtype = view.resolve(dict.get('Subtype'));
  return subtype instanceof PdfName && subtype.name === name;
}

function isAction(key: string): boolean {
  return key === 'A' || key === 'AA';
}

type Where = { page: number | undefined; field: string | undefined; objectNumber: number };

function signatureFieldRule(step: Step, old: PdfDict, now: PdfDict, keys: readonly string[], where: Where): void {
  const { before, after, note } = step;
  if (signatureOf(before, old)) {
    const signed = signatureOf(after, now);
    if (!signed) return note('signature_removed', where);
    if (keys.includes('V')) return note('signature_replaced', where);
    return note(
      keys.some((key) => ['T', 'FT', 'Parent', 'Lock', 'SV'].includes(key)) ? 'field_changed' : 'seal_changed',
      where,
    );
  }
  if (!keys.every((key) => SIGNING_KEYS.has(key))) return note('field_changed', where);
  // Nobody signed it, so nobody answers for what became of it: neither for what came nor for what is gone.
  if (!signatureOf(after, now)) {
    const isDrawn = keys.some((key) => LOOK_KEYS.has(key)) && !isInvisible(after, now);
    return note(isDrawn ? 'unsigned_seal_added' : 'field_changed', where);
  }
  step.newFields.add(where.objectNumber);
  return noteSigned(step, now, where);
}

/** What answers for how a field or a widget looks: a signature or a timestamp of this save, nothing, or nothing good. */
type Backing =
  | { kind: 'signature'; objectNumber: number }
  | { kind: 'timestamp'; objectNumber: number }
  | { kind: 'empty' }
  | { kind: 'unbacked' };

function backingOf({ after, isIntact }: Step, part: PdfDict, number: number): Backing {
  const signature = signatureOf(after, part);
  if (!signature) return { kind: isInvisible(after, part) ? 'empty' : 'unbacked' };
  const objectNumber = signature.objectNumber ?? number;
  if (!isIntact(objectNumber)) return { kind: 'unbacked' };
  const isTimestamp =
    isNamed(after, signature.dict, 'Type', 'DocTimeStamp') ||
    isNamed(after, signature.dict, 'SubFilter', 'ETSI.RFC3161');
  if (!isTimestamp) return { kind: 'signature', objectNumber };
  // Anybody can make a timestamp, and nobody answers for how it looks.
  return isInvisible(after, part) ? { kind: 'timestamp', objectNumber } : { kind: 'unbacked' };
}

/** Notes that a field was signed, or that it shows something without being signed. */
function noteBacking({ note }: Step, backing: Backing, where: Where): void {
  if (backing.kind === 'unbacked') return note('unsigned_seal_added', where);
  if (backing.kind === 'empty') return note('signature_field_added', where);
  const code = backing.kind === 'timestamp' ? 'timestamp_added' : 'signature_added';
  return note(code, { ...where, signature: backing.objectNumber });
}

/** A field that was there and was signed now: a timestamp shows nothing, nor does anything below it. */
function noteSigned(step: Step, field: PdfDict, where: Where): void {
  const backing = backingOf(step, field, where.objectNumber);
  if (backing.kind === 'timestamp') {
    const below = descendantsOf(step.after, field);
    const isShown = !below || below.some(({ dict }) => !dict || !isInvisible(step.after, dict));
    if (isShown) return step.note('unsigned_seal_added', where);
  }
  return noteBacking(step, backing, where);
}

type Part = { number: number | undefined; dict: PdfDict | undefined; parent: number | undefined };

/** Whatever Kids lead to, on all levels; undefined where there is too much of it. */
function descendantsOf(view: RevisionView, field: PdfDict, number?: number): Part[] | undefined {
  const parts: Part[] = [];
  const seen = new Set<number>();
  const open: { dict: PdfDict; number: number | undefined }[] = [{ dict: field, number }];
  for (let next = open.pop(); next; next = open.pop()) {
    for (const item of itemsOf(view, next.dict.get('Kids'))) {
      const kid = numberOf(item);
      if (parts.length >= DESCENDANTS_MAX) return undefined;
      if (kid !== undefined && seen.has(kid)) continue;
      if (kid !== undefined) seen.add(kid);
      const value = view.resolve(item);
      const dict = isDict(value) ? value : undefined;
      parts.push({ number: kid, dict, parent: next.number });
      if (dict) open.push({ dict, number: kid });
    }
  }
  return parts;
}

function isNamed(view: RevisionView, dict: PdfDict, key: string, name: string): boolean {
  const value = view.resolve(dict.get(key));
  return value instanceof PdfName && value.name === name;
}

/** The form's fields, or a field's kids: what left, and what came. */
export function kidsRule(
  step: Step,
  parent: number | undefined,
  old: readonly PdfValue[],
  now: readonly PdfValue[],
): void {
  const { before, roles, note } = step;
  const { left, came } = differenceOf(old, now);
  for (const item of left) {
    const number = numberOf(item);
    const dict = before.dictOf(item);
    const where = {
      field: number === undefined ? undefined : roles.nodeOf(number)?.name,
      page: number === undefined ? undefined : roles.pageOf(number),
      objectNumber: number ?? parent,
    };
    const isSigned =
      dict !== undefined && fieldTypeOf(before, dict) === 'Sig' && signatureOf(before, dict) !== undefined;
    note(isSigned ? 'signature_removed' : 'field_removed', where);
  }
  for (const item of came) newFieldRule(step, item);
}

/** A field that came has to be a signature's, and to do nothing but to show it; so has all that is below it. */
function newFieldRule(step: Step, item: PdfValue): void {
  const { after, roles, note, newFields } = step;
  if (!(item instanceof PdfRef)) return note('field_added');
  const { objectNumber } = item;
  const field = after.valueOf(objectNumber);
  if (!isDict(field)) return note('field_added', { objectNumber });
  const title = after.resolve(field.get('T'));
  const where = {
    page: pageOf(step, field),
    field: title instanceof PdfString ? textOf(title).slice(0, 200) : undefined,
    objectNumber,
  };
  // What was part of the document before does not become a new field.
  if (roles.of(objectNumber).length > 0) return note('field_changed', where);
  const below = descendantsOf(after, field, objectNumber);
  if (!below) return note('field_added', where);
  if (below.some(({ number }) => number === undefined || roles.of(number).length > 0))
    return note('field_changed', where);
  const parts = [{ number: objectNumber, dict: field }];
  for (const { number, dict, parent } of below) {
    // What it inherits is read from its parent, which has to be the one whose kid it is.
    if (number === undefined || !dict || numberOf(dict.get('Parent')) !== parent) return note('field_added', where);
    parts.push({ number, dict });
  }
  if (parts.some(({ dict }) => fieldTypeOf(after, dict) !== 'Sig')) return note('field_added', where);
  const keys = parts.flatMap(({ dict }) => [...dict.keys()]);
  if (keys.some(isAction)) return note('action_changed', where);
  if (!keys.every((key) => SIGNATURE_FIELD_KEYS.has(key))) return note('field_added', where);
  for (const { number } of parts) newFields.add(number);
  const backings = parts.map(({ number, dict }) => backingOf(step, dict, number));
  const worst = backings.find(({ kind }) => kind === 'unbacked');
  if (worst) return noteBacking(step, worst, where);
  const signed = backings.filter(({ kind }) => kind !== 'empty');
  for (const backing of signed.length > 0 ? signed : backings) noteBacking(step, backing, where);
  return undefined;
}

function pageOf({ after, roles }: Step, field: PdfDict): number | undefined {
  const widget = [
    field,
    ...itemsOf(after, field.get('Kids'))
      .map((kid) => after.resolve(kid))
      .filter(isDict),
  ].find((part) => part.has('Rect'));
  const page = numberOf(widget?.get('P'));
  const index = page === undefined ? -1 : roles.pages.indexOf(page);
  return index === -1 ? undefined : index + 1;
}

/** A page's annotations: what left, what came, and in which order those that stayed are drawn. */
export function annotationsRule(step: Step, page: number, old: readonly PdfValue[], now: readonly PdfValue[]): void {
  const { before, roles, note } = step;
  const { left, came, kept, stayed } = differenceOf(old, now);
  for (const item of left) {
    const number = numberOf(item);
    const dict = before.dictOf(item);
    const where = { page, field: number === undefined ? undefined : roles.nodeOf(number)?.name, objectNumber: number };
    const isWidget = dict !== undefined && isName(before, dict, 'Widget');
    if (!isWidget) note('annotation_removed', where);
    else
      note(
        fieldTypeOf(before, dict) === 'Sig' && signatureOf(before, dict) ? 'signature_removed' : 'field_removed',
        where,
      );
  }
  if (!isSame([...kept], [...stayed])) note('annotation_changed', { page });
  for (const item of came) newAnnotationRule(step, page, item, old);
}

/** What is in the first list alone, in the second alone, and in both, in the order of either. */
function differenceOf(
  old: readonly PdfValue[],
  now: readonly PdfValue[],
): Readonly<Record<'left' | 'came' | 'kept' | 'stayed', readonly PdfValue[]>> {
  const isIn = (list: readonly PdfValue[]): ((item: PdfValue) => boolean) => {
    const numbers = new Set(list.map(numberOf));
    const direct = list.filter((each) => !(each instanceof PdfRef));
    return (item) =>
      item instanceof PdfRef ? numbers.has(item.objectNumber) : direct.some((each) => isSame(each, item));
  };
  const isInNow = isIn(now);
  const isInOld = isIn(old);
  return {
    left: old.filter((item) => !isInNow(item)),
    kept: old.filter(isInNow),
    came: now.filter((item) => !isInOld(item)),
    stayed: now.filter(isInOld),
  };
}

function newAnnotationRule(step: Step, page: number, item: PdfValue, old: readonly PdfValue[]): void {
  const { after, note, newFields } = step;
  const number = numberOf(item);
  const dict = after.dictOf(item);
  const where = { page, objectNumber: number };
  if (!dict) return;
  const isWidget = isName(after, dict, 'Widget');
  // It was looked at itself, as part of the form; that it names such a field as its parent is its own word.
  if (isWidget && number !== undefined && newFields.has(number)) return;
  if ([...dict.keys()].some(isAction) && !isName(after, dict, 'Link')) return note('action_changed', where);
  if (covers(step, dict, old)) return note('seal_covered', where);
  note(isWidget ? 'field_added' : 'annotation_added', where);
}

/** Whether it lies over a seal that was on the page. */
function covers({ before, after }: Step, annotation: PdfDict, old: readonly PdfValue[]): boolean {
  const rect = rectOf(after, annotation);
  return old.some((item) => {
    const widget = before.dictOf(item);
    if (!widget || fieldTypeOf(before, widget) !== 'Sig' || !signatureOf(before, widget)) return false;
    const seal = rectOf(before, widget);
    return rect !== undefined && seal !== undefined && overlap(rect, seal);
  });
}

/** A part of an appearance or a value that changed: as if its annotation or field had. */
export function ownedPartRule(step: Step, objectNumber: number, owner: number | undefined, isSignature: boolean): void {
  const { before, roles, note } = step;
  const value = owner === undefined ? undefined : before.valueOf(owner);
  if (!isDict(value)) return note('object_changed', { page: roles.pageOf(objectNumber), objectNumber });
  const where = { page: roles.pageOf(owner ?? objectNumber), field: roles.nodeOf(owner ?? -1)?.name, objectNumber };
  const type = roles.nodeOf(owner ?? -1)?.type ?? fieldTypeOf(before, value);
  if (type === 'Sig') {
    if (signatureOf(before, value)) return note(isSignature ? 'signature_replaced' : 'seal_changed', where);
    // Drawn anew as it is signed. The field itself may be as it was: one that names an object that comes only now.
    const now = step.after.valueOf(owner ?? 0);
    if (!isDict(now) || !signatureOf(step.after, now)) return note('unsigned_seal_added', where);
    return noteSigned(step, now, { ...where, objectNumber: owner ?? objectNumber });
  }
  if (type === undefined && !isName(before, value, 'Widget')) return note('annotation_changed', where);
  return note(isPushButton(before, value) ? 'field_changed' : 'field_filled', where);
}

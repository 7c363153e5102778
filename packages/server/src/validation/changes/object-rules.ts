import { isDict, PdfStream, PdfString } from '../../documents/index.ts';
import type { PdfDict, PdfValue } from '../../documents/index.ts';
import { changedKeys, isSame } from '../compare.ts';
import { formNodes } from '../form-walk.ts';
import type { Change, ChangeCode } from './change.ts';
import type { Role, RoleKind } from './role-walk.ts';
import { itemsOf, numberOf, typeOf } from './step.ts';
import type { Step } from './step.ts';
import { annotationsRule, kidsRule, ownedPartRule, widgetRule } from './widget-rules.ts';

const CATALOG_KEYS: Readonly<Record<string, ChangeCode>> = {
  DSS: 'validation_data_added',
  Extensions: 'metadata_changed',
  Version: 'metadata_changed',
  Metadata: 'metadata_changed',
  Lang: 'metadata_changed',
  Perms: 'permissions_changed',
  Names: 'names_changed',
  Dests: 'names_changed',
  Outlines: 'outline_changed',
  OpenAction: 'action_changed',
  AA: 'action_changed',
  URI: 'action_changed',
  OCProperties: 'layers_changed',
  StructTreeRoot: 'structure_changed',
  MarkInfo: 'structure_changed',
  AF: 'attachments_changed',
  Collection: 'attachments_changed',
};

const PAGE_KEYS: Readonly<Record<string, ChangeCode>> = {
  Contents: 'page_text_changed',
  Resources: 'page_resource_changed',
  MediaBox: 'page_size_changed',
  CropBox: 'page_size_changed',
  BleedBox: 'page_size_changed',
  TrimBox: 'page_size_changed',
  ArtBox: 'page_size_changed',
  Rotate: 'page_size_changed',
  UserUnit: 'page_size_changed',
  AA: 'action_changed',
  LastModified: 'metadata_changed',
  Metadata: 'metadata_changed',
  // The order in which the keyboard goes through fields; signers set it as they add theirs.
  Tabs: 'metadata_changed',
  AF: 'attachments_changed',
};

/** Roles of which any change means the same. */
const PLAIN_ROLES = {
  content: 'page_text_changed',
  geometry: 'page_size_changed',
  validation_data: 'validation_data_added',
  extensions: 'metadata_changed',
  metadata: 'metadata_changed',
  information: 'metadata_changed',
  action: 'action_changed',
  layers: 'layers_changed',
  names: 'names_changed',
  outline: 'outline_changed',
  structure: 'structure_changed',
  attachments: 'attachments_changed',
  permissions: 'permissions_changed',
  other: 'catalog_changed',
  stray: 'object_changed',
} as const satisfies Partial<Record<RoleKind, ChangeCode>>;

function isPlain(kind: RoleKind): kind is keyof typeof PLAIN_ROLES {
  return Object.hasOwn(PLAIN_ROLES, kind);
}

/** An object that was part of the document and reads differently now, judged by each thing that it is. */
export function objectRule(step: Step, objectNumber: number): void {
  const { roles } = step;
  const all = roles.of(objectNumber);
  if (roles.has(objectNumber, 'annotation', 'field')) widgetRule(step, objectNumber);
  for (const role of all) roleRule(step, objectNumber, role);
}

function roleRule(step: Step, objectNumber: number, role: Role): void {
  const { before, after, note } = step;
  const old = before.valueOf(objectNumber);
  const now = after.valueOf(objectNumber);
  const where = { page: role.page, objectNumber };
  const { kind } = role;
  if (isPlain(kind)) return note(PLAIN_ROLES[kind], where);
  switch (kind) {
    case 'catalog':
      return catalogRule(step, old, now, objectNumber);
    case 'page_tree':
      return pageTreeRule(step, old, now, where);
    case 'page':
      return pageRule(step, old, now, where);
    case 'resources':
    case 'page_part':
      return note(resourceCode(step, old), where);
    case 'annotations':
      return annotationsRule(step, role.page ?? 0, arrayIn(old), arrayIn(now));
    case 'form':
      return formPartRule(step, old, now, where);
    case 'fields':
      return kidsRule(step, objectNumber, arrayIn(old), arrayIn(now));
    case 'form_resources':
      return resourcesRule(step, old, now, where);
    case 'appearance':
    case 'field_value':
      return ownedPartRule(step, objectNumber, role.owner, false);
    case 'signature':
      return ownedPartRule(step, objectNumber, role.owner, true);
    case 'field_part':
      return note('field_changed', { ...where, field: step.roles.nodeOf(role.owner ?? -1)?.name });
    case 'annotation':
    case 'field':
      return undefined;
  }
}

function arrayIn(value: PdfValue): readonly PdfValue[] {
  return Array.isArray(value) ? value : [];
}

function catalogRule(step: Step, old: PdfValue, now: PdfValue, objectNumber: number): void {
  const { note } = step;
  if (!isDict(old) || !isDict(now)) return note('catalog_changed', { objectNumber });
  for (const key of changedKeys(old, now)) {
    if (key === 'AcroForm') formRule(step, old.get(key), now.get(key));
    else if (key === 'Pages') pageListRule(step, objectNumber);
    else note(CATALOG_KEYS[key] ?? 'catalog_changed', { objectNumber });
  }
}

/** A node of the page tree: which pages there are, and what they inherit. */
function pageTreeRule(step: Step, old: PdfValue, now: PdfValue, where: Pick<Change, 'page' | 'objectNumber'>): void {
  const { note } = step;
  pageListRule(step, where.objectNumber);
  if (!isDict(old) || !isDict(now)) return;
  for (const key of changedKeys(old, now)) {
    if (!['Kids', 'Count', 'Parent'].includes(key)) note(PAGE_KEYS[key] ?? 'page_changed', where);
  }
}

function pageListRule({ before, after, note }: Step, objectNumber: number | undefined): void {
  const old = pageList(before);
  const now = pageList(after);
  const gone = old.findIndex((page) => !now.includes(page));
  const come = now.findIndex((page) => !old.includes(page));
  if (gone !== -1) note('page_removed', { page: gone + 1, objectNumber });
  if (come !== -1) note('page_added', { page: come + 1, objectNumber });
  if (gone === -1 && come === -1) note('pages_rearranged', { objectNumber });
}

const TREE_DEPTH_MAX = 64;
const PAGES_MAX = 20_000;

function pageList(view: Step['before']): number[] {
  const pages: number[] = [];
  const seen = new Set<number>();
  const walk = (item: PdfValue | undefined, depth: number): void => {
    const number = numberOf(item);
    if (number === undefined || seen.has(number) || depth > TREE_DEPTH_MAX || pages.length >= PAGES_MAX) return;
    seen.add(number);
    const node = view.dictOf(item);
    if (!node) return;
    if (!node.has('Kids')) pages.push(number);
    for (const kid of itemsOf(view, node.get('Kids'))) walk(kid, depth + 1);
  };
  walk(view.catalog?.get('Pages'), 0);
  return pages;
}

function pageRule(step: Step, old: PdfValue, now: PdfValue, where: Pick<Change, 'page' | 'objectNumber'>): void {
  const { before, after, note } = step;
  if (!isDict(old) || !isDict(now)) return note('page_removed', where);
  for (const key of changedKeys(old, now)) {
    if (key === 'Annots') {
      annotationsRule(step, where.page ?? 0, itemsOf(before, old.get(key)), itemsOf(after, now.get(key)));
    } else note(PAGE_KEYS[key] ?? 'page_changed', where);
  }
}

/** What a page is drawn with: its kind says most to whoever reads it. */
function resourceCode({ before }: Step, old: PdfValue): ChangeCode {
  const { type, subtype } = typeOf(before, old);
  if (subtype === 'Image') return 'image_changed';
  if (subtype === 'Form') return 'page_text_changed';
  if (type === 'OCG' || type === 'OCMD') return 'layers_changed';
  const isFontPart = old instanceof PdfStream && ['CIDFontType0C', 'OpenType', 'Type1C'].includes(subtype);
  const isFont = type.startsWith('Font') || type === 'Encoding' || type === 'CMap' || isFontPart || isFontProgram(old);
  return isFont ? 'font_changed' : 'page_resource_changed';
}

/** The program of a font has its lengths beside it (9.9); a map to Unicode is a stream that says nothing of itself. */
function isFontProgram(value: PdfValue): boolean {
  if (!(value instanceof PdfStream)) return false;
  const { dict } = value;
  // A colour profile has N, a function its type.
  return dict.has('Length1') || !['Type', 'Subtype', 'N', 'FunctionType', 'ShadingType'].some((key) => dict.has(key));
}

/** The form itself, wherever it stands. */
function formRule(step: Step, oldValue: PdfValue | undefined, nowValue: PdfValue | undefined): void {
  const { before, after, note } = step;
  const old: PdfDict = before.dictOf(oldValue) ?? new Map();
  const now = after.dictOf(nowValue);
  if (!now) return note('form_changed');
  formKeysRule(step, old, now);
}

function formPartRule(step: Step, old: PdfValue, now: PdfValue, where: Pick<Change, 'objectNumber'>): void {
  const { note, roles } = step;
  const { objectNumber = 0 } = where;
  // Not the form itself but something that one of its keys leads to.
  const isForm = numberOf(step.before.catalog?.get('AcroForm')) === objectNumber;
  if (!isForm || !isDict(old) || !isDict(now)) {
    if (!roles.has(objectNumber, 'form_resources')) note('form_changed', where);
    return;
  }
  formKeysRule(step, old, now);
}

/** SignaturesExist, AppendOnly (table 225). */
const SIGNATURE_FLAGS = 3;

function formKeysRule(step: Step, old: PdfDict, now: PdfDict): void {
  const { before, after, note } = step;
  for (const key of changedKeys(old, now)) {
    const was = before.resolve(old.get(key));
    const is = after.resolve(now.get(key));
    if (key === 'Fields') kidsRule(step, undefined, itemsOf(before, old.get(key)), itemsOf(after, now.get(key)));
    else if (key === 'DR') resourcesRule(step, was ?? new Map(), is ?? null, {});
    else if (isSigningSetting(step, key, was, is)) note('form_settings_changed');
    else note('form_changed');
  }
}

/** What signing sets in a form: that there are signatures, and that viewers need not draw it anew. */
function isSigningSetting({ before }: Step, key: string, was: PdfValue | undefined, is: PdfValue | undefined): boolean {
  if (key === 'SigFlags') return typeof is === 'number' && (is & ~SIGNATURE_FLAGS) === 0 && (is & 1) === 1;
  // Who draws what was filled in decides what it looks like.
  if (key === 'NeedAppearances') return is !== true && (was !== true || !hasFilledField(before));
  return key === 'DA' && (was === undefined || was === null) && !isDrawnByReaders(before);
}

/** Whether readers draw something that was filled in themselves, by /DA and the form's fonts, as it has no look. */
function isDrawnByReaders(view: Step['before']): boolean {
  return formNodes(view).some(({ dict, type, value }) => {
    if ((type !== 'Tx' && type !== 'Ch') || dict.has('Kids')) return false;
    const look = view.resolve(dict.get('AP'));
    return !isDict(look) && isFilled(view, value);
  });
}

function hasFilledField(view: Step['before']): boolean {
  return formNodes(view).some(({ type, value }) => {
    return type !== 'Sig' && isFilled(view, value);
  });
}

function isFilled(view: Step['before'], value: PdfValue | undefined): boolean {
  const filled = view.resolve(value);
  return filled !== null && filled !== undefined && !(filled instanceof PdfString && filled.bytes.length === 0);
}

/** Fonts and such for the form's fields: more of them may come, none may become another. */
function resourcesRule(step: Step, old: PdfValue, now: PdfValue, where: Pick<Change, 'objectNumber'>): void {
  const { before, note } = step;
  // A font that comes may be the one that a field without a look has named all along.
  const isHarmless = isGrown(step, old, now, 0) && (isSame(old, now) || !isDrawnByReaders(before));
  note(isHarmless ? 'form_settings_changed' : 'form_changed', where);
}

const RESOURCE_DEPTH_MAX = 2;

function isGrown(step: Step, old: PdfValue | undefined, now: PdfValue | undefined, depth: number): boolean {
  const { before, after } = step;
  if (isSame(old, now)) return true;
  const was = before.resolve(old);
  const is = after.resolve(now);
  if (!isDict(was) || !isDict(is) || depth >= RESOURCE_DEPTH_MAX) return false;
  return [...was].every(([key, value]) => isGrown(step, value, is.get(key), depth + 1));
}

import { isDict, PdfRef, PdfStream } from '../../documents/index.ts';
import type { PdfDict, PdfValue } from '../../documents/index.ts';
import type { FormNode } from '../form-walk.ts';
import type { RevisionView } from '../revision-view.ts';

/** What an object is for in the document. One object may be several things. */
export type RoleKind =
  | 'catalog'
  | 'page_tree'
  | 'page'
  | 'content'
  | 'resources'
  | 'page_part'
  | 'geometry'
  | 'annotations'
  | 'annotation'
  | 'appearance'
  | 'form'
  | 'fields'
  | 'field'
  | 'field_part'
  | 'field_value'
  | 'form_resources'
  | 'signature'
  | 'validation_data'
  | 'extensions'
  | 'metadata'
  | 'information'
  | 'action'
  | 'layers'
  | 'names'
  | 'outline'
  | 'structure'
  | 'attachments'
  | 'permissions'
  | 'other'
  /** The document leads to it on a way that means nothing. */
  | 'stray';

export type Role = {
  kind: RoleKind;
  /** From 1: the first page that was found to need it. */
  page?: number | undefined;
  /** The annotation or field to which an appearance or a value belongs. */
  owner?: number | undefined;
};

const CATALOG_ROLES: Readonly<Record<string, RoleKind>> = {
  DSS: 'validation_data',
  Extensions: 'extensions',
  Metadata: 'metadata',
  Perms: 'permissions',
  Names: 'names',
  Dests: 'names',
  Outlines: 'outline',
  OpenAction: 'action',
  AA: 'action',
  OCProperties: 'layers',
  StructTreeRoot: 'structure',
  AF: 'attachments',
};

const PAGE_ROLES: Readonly<Record<string, RoleKind>> = {
  Contents: 'content',
  Resources: 'resources',
  MediaBox: 'geometry',
  CropBox: 'geometry',
  BleedBox: 'geometry',
  TrimBox: 'geometry',
  ArtBox: 'geometry',
  Rotate: 'geometry',
  UserUnit: 'geometry',
  AA: 'action',
};

const PAGES_MAX = 20_000;
const DEPTH_MAX = 64;
/** An object that is part of so many annotations or fields belongs to nobody in particular. */
const OWNERS_MAX = 16;

/**
 * What is drawn leads to nothing but what is drawn: no object is spared for being something else as well. An annotation, a
 * page or a field may be drawn as a picture, by whatever key is given as its name.
 */
export const DRAWN: ReadonlySet<RoleKind> = new Set([
  'content',
  'resources',
  'geometry',
  'appearance',
  'form_resources',
]);

/** Something above a page, with the first page that is below it. */
type Inheritance = { dict: PdfDict; page: number };

/** Finds the roles of what one save brought or changed; `Roles` keeps them. */
export class RoleWalk {
  readonly #view: RevisionView;
  readonly #roles: Map<number, Role[]>;
  readonly #structural: Set<number>;
  readonly #isNode: (objectNumber: number) => boolean;
  readonly #changed: ReadonlySet<number> | undefined;
  /** Changed objects whose parts were looked at already in this walk, by role. */
  readonly #again = new Set<string>();

  constructor(
    view: RevisionView,
    roles: Map<number, Role[]>,
    structural: Set<number>,
    isNode: (objectNumber: number) => boolean,
    changed: ReadonlySet<number> | undefined,
  ) {
    this.#view = view;
    this.#roles = roles;
    this.#structural = structural;
    this.#isNode = isNode;
    this.#changed = changed;
  }

  catalog(root: number, catalog: PdfDict): void {
    this.#assign(root, { kind: 'catalog' });
    for (const [key, value] of catalog) {
      if (key !== 'Pages' && key !== 'AcroForm') this.closure({ kind: CATALOG_ROLES[key] ?? 'other' }, value);
    }
  }

  /** Answers the pages' objects in their order. */
  pageTree(value: PdfValue | undefined): number[] {
    const pages: number[] = [];
    const inner: Inheritance[] = [];
    const seen = new Set<number>();
    const walk = (item: PdfValue | undefined, depth: number): void => {
      if (depth > DEPTH_MAX || pages.length >= PAGES_MAX) return;
      const number = item instanceof PdfRef ? item.objectNumber : undefined;
      if (number !== undefined) {
        if (seen.has(number)) return;
        seen.add(number);
        const named = this.#view.valueOf(number);
        if (named instanceof PdfRef) {
          this.#assign(number, { kind: 'page_tree' });
          return walk(named, depth + 1);
        }
      }
      const node = this.#view.dictOf(item);
      if (!node) return;
      if (number !== undefined) this.#structural.add(number);
      const kids = node.get('Kids');
      if (kids === undefined && number !== undefined) {
        pages.push(number);
        this.#markAnnotations(node);
        return;
      }
      // A page that stands in the tree itself is part of the tree's object.
      if (number !== undefined) this.#assign(number, { kind: 'page_tree' });
      if (kids instanceof PdfRef) this.#assign(kids.objectNumber, { kind: 'page_tree' });
      inner.push({ dict: node, page: pages.length + 1 });
      for (const kid of this.#view.arrayOf(kids)) walk(kid, depth + 1);
    };
    walk(value, 0);
    for (const [index, number] of pages.entries()) this.page(number, index + 1);
    const ways = pages.map((number, index): [PdfDict | undefined, number] => [
      this.#view.dictOf(new PdfRef(number)),
      index + 1,
    ]);
    for (const [dict, page] of ways) inner.push(...this.#inheritance(dict?.get('Parent'), page, seen));
    for (const { dict, page } of inner) this.#inherited(dict, page);
    return pages;
  }

  #inherited(dict: PdfDict, page: number): void {
    for (const [key, part] of dict) {
      if (key !== 'Kids' && key !== 'Parent') this.closure({ kind: PAGE_ROLES[key] ?? 'page_part', page }, part);
    }
  }

  /**
   * What a page inherits from by its own word, where that is not the tree (7.7.3.4): readers go up from the page. Any change
   * of it is one of the tree.
   */
  #inheritance(parent: PdfValue | undefined, page: number, seen: Set<number>): Inheritance[] {
    const found: Inheritance[] = [];
    let current = parent;
    while (current !== undefined) {
      let value: PdfValue | undefined = current;
      if (current instanceof PdfRef) {
        if (seen.has(current.objectNumber)) return found;
        seen.add(current.objectNumber);
        this.#structural.add(current.objectNumber);
        // Also of one that is not there: it may come.
        this.#assign(current.objectNumber, { kind: 'page_tree', page });
        value = this.#view.valueOf(current.objectNumber);
      }
      if (value instanceof PdfRef) current = value;
      else {
        const dict = this.#view.dictOf(value);
        if (dict) found.push({ dict, page });
        current = dict?.get('Parent');
      }
    }
    return found;
  }

  #markAnnotations(page: PdfDict): void {
    for (const item of this.#view.arrayOf(page.get('Annots'))) {
      if (item instanceof PdfRef) this.#structural.add(item.objectNumber);
    }
  }

  page(objectNumber: number, page: number): void {
    if (!this.#assign(objectNumber, { kind: 'page', page })) return;
    const dict = this.#view.dictOf(new PdfRef(objectNumber));
    if (!dict) return;
    this.#markAnnotations(dict);
    const annotations = dict.get('Annots');
    if (annotations instanceof PdfRef) this.#assign(annotations.objectNumber, { kind: 'annotations', page });
    for (const item of this.#view.arrayOf(annotations)) this.annotation(item, page);
    for (const [key, value] of dict) {
      if (key !== 'Parent' && key !== 'Annots') this.closure({ kind: PAGE_ROLES[key] ?? 'page_part', page }, value);
    }
  }

  /** Pages, arrays of annotations and annotations that changed. */
  again(changed: ReadonlySet<number>, rolesOf: (objectNumber: number) => readonly Role[]): void {
    for (const number of changed) {
      for (const { kind, page = 0 } of rolesOf(number)) {
        if (kind === 'page') this.page(number, page);
        if (kind === 'annotation') this.annotation(new PdfRef(number), page);
        if (kind !== 'annotations') continue;
        const items = this.#view.arrayOf(this.#view.valueOf(number));
        for (const item of items) if (item instanceof PdfRef) this.#structural.add(item.objectNumber);
        for (const item of items) this.annotation(item, page);
      }
    }
  }

  annotation(item: PdfValue, page: number): void {
    const owner = item instanceof PdfRef ? item.objectNumber : undefined;
    if (owner !== undefined && !this.#assign(owner, { kind: 'annotation', page })) return;
    const annotation = owner === undefined ? item : this.#view.valueOf(owner);
    if (annotation instanceof PdfRef) return this.annotation(annotation, page);
    // One that is no dictionary is something else besides.
    if (!isDict(annotation)) return this.parts({ kind: 'appearance', page, owner }, annotation);
    for (const [key, value] of annotation) {
      // A field's own value and kids are looked at from the form.
      if ((key === 'Kids' || key === 'V') && owner !== undefined && this.#isNode(owner)) continue;
      if (key === 'AP') this.closure({ kind: 'appearance', page, owner }, value);
      else this.closure({ kind: key === 'A' || key === 'AA' ? 'action' : 'field_part', page, owner }, value);
    }
    return undefined;
  }

  form(value: PdfValue | undefined, nodes: readonly FormNode[]): void {
    if (value instanceof PdfRef) this.#assign(value.objectNumber, { kind: 'form' });
    const form = this.#view.dictOf(value);
    const fields = form?.get('Fields');
    if (fields instanceof PdfRef) this.#assign(fields.objectNumber, { kind: 'fields' });
    for (const node of nodes) this.#field(node);
    for (const [key, part] of form ?? []) {
      if (key !== 'Fields') this.closure({ kind: key === 'DR' ? 'form_resources' : 'form' }, part);
    }
  }

  #field({ objectNumber: owner, dict, type }: FormNode): void {
    if (owner !== undefined && !this.#assign(owner, { kind: 'field' })) return;
    for (const [key, value] of dict) {
      if (key === 'Kids') {
        if (value instanceof PdfRef) this.#assign(value.objectNumber, { kind: 'fields' });
      } else if (key === 'V') this.closure({ kind: type === 'Sig' ? 'signature' : 'field_value', owner }, value);
      else if (key === 'AP') this.closure({ kind: 'appearance', owner }, value);
      else this.closure({ kind: key === 'A' || key === 'AA' ? 'action' : 'field_part', owner }, value);
    }
  }

  /** The role for whatever a value leads to, up to objects that have a place of their own. */
  closure(role: Role, value: PdfValue | undefined): void {
    const stack: PdfValue[] = value === undefined ? [] : [value];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (next instanceof PdfRef) {
        const hasOwnPlace = this.#structural.has(next.objectNumber) && !DRAWN.has(role.kind);
        if (hasOwnPlace || !this.#assign(next.objectNumber, role)) continue;
        stack.push(this.#view.valueOf(next.objectNumber));
      } else stack.push(...partsOf(next));
    }
  }

  parts(role: Role, value: PdfValue): void {
    for (const part of partsOf(value)) this.closure(role, part);
  }

  /** Goes on from these to all that was not reached yet; what is nothing else is marked as such. */
  stray(reached: Set<number>, values: readonly PdfValue[]): void {
    const stack = [...values];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (!(next instanceof PdfRef)) stack.push(...partsOf(next));
      else if (!reached.has(next.objectNumber)) {
        reached.add(next.objectNumber);
        if (!this.#roles.has(next.objectNumber)) this.#assign(next.objectNumber, { kind: 'stray' });
        stack.push(this.#view.valueOf(next.objectNumber));
      }
    }
  }

  /** Whether the object's parts have to be looked at for this role. */
  #assign(objectNumber: number, role: Role): boolean {
    const known = this.#roles.get(objectNumber);
    if (!known) {
      this.#roles.set(objectNumber, [role]);
      return true;
    }
    const isKnown = known.some(({ kind, owner }) => kind === role.kind && owner === role.owner);
    if (!isKnown) {
      const isFull = known.filter(({ kind }) => kind === role.kind).length >= OWNERS_MAX;
      const isNobodys = known.some(({ kind, owner }) => kind === role.kind && owner === undefined);
      if (!isFull || !isNobodys) {
        known.push(isFull ? { kind: role.kind, page: role.page } : role);
        return true;
      }
    }
    if (this.#changed?.has(objectNumber) !== true) return false;
    const key = `${objectNumber}/${role.kind}/${role.owner ?? ''}`;
    if (this.#again.has(key)) return false;
    this.#again.add(key);
    return true;
  }
}

function partsOf(value: PdfValue): PdfValue[] {
  if (value instanceof PdfStream) return partsOf(value.dict);
  if (Array.isArray(value)) return value.filter(isCompound);
  if (!isDict(value)) return [];
  return [...value.values()].filter(isCompound);
}

function isCompound(value: PdfValue): boolean {
  return value instanceof PdfRef || Array.isArray(value) || isDict(value);
}

import { isDict, PdfRef, PdfStream } from '../../documents/index.ts';
import type { PdfDict, PdfValue } from '../../documents/index.ts';
import { nodesBelow } from '../form-walk.ts';
import type { FormNode } from '../form-walk.ts';
import type { RevisionView } from '../revision-view.ts';

/** What an object is for in the document. One object may be several things. */
export type RoleKind =
  | 'catalog'
  | 'page_tree'
  | 'page'
  | 'content'
  | 'resources'
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
  | 'other';

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
  MediaBox: 'geometry',
  CropBox: 'geometry',
  BleedBox: 'geometry',
  TrimBox: 'geometry',
  ArtBox: 'geometry',
  Rotate: 'geometry',
  UserUnit: 'geometry',
  AA: 'action',
};

/** Objects whose parts have roles of their own. */
const CONTAINERS: ReadonlySet<RoleKind> = new Set(['page_tree', 'annotations', 'form', 'fields']);

const PAGES_MAX = 20_000;
const DEPTH_MAX = 64;
/** An object that is part of so many annotations or fields belongs to nobody in particular. */
const OWNERS_MAX = 16;

/**
 * What each object is for, from a first save on. Roles only ever grow: an object that once was page content is judged as
 * such for good, which errs on the safe side.
 */
export class Roles {
  readonly #roles = new Map<number, Role[]>();
  /** Objects with a place of their own, at which a walk from elsewhere stops. */
  readonly #structural = new Set<number>();
  readonly #nodes = new Map<number, FormNode>();
  /** Pages' objects in their order. */
  pages: readonly number[] = [];

  of(objectNumber: number): readonly Role[] {
    return this.#roles.get(objectNumber) ?? [];
  }

  has(objectNumber: number, ...kinds: readonly RoleKind[]): boolean {
    return this.of(objectNumber).some((role) => kinds.includes(role.kind));
  }

  pageOf(objectNumber: number): number | undefined {
    return this.of(objectNumber).find(({ page }) => page !== undefined)?.page;
  }

  /** The field or widget as it was when it was last looked at. */
  nodeOf(objectNumber: number): FormNode | undefined {
    return this.#nodes.get(objectNumber);
  }

  /**
   * Takes in a save. `changed` are the objects that it changed; only these are looked at again, and what is new below
   * them. Without it, everything is.
   */
  take(view: RevisionView, changed?: ReadonlySet<number>): void {
    const root = view.trailer('Root');
    const catalog = view.catalog;
    if (!catalog || !(root instanceof PdfRef)) return;
    const walk = new RoleWalk(view, this.#roles, this.#structural, changed);
    // What has a place of its own is marked first, so that no walk takes it for a part of something else.
    this.#structural.add(root.objectNumber);
    const nodes = this.#newNodes(view, changed);
    for (const { objectNumber } of nodes) if (objectNumber !== undefined) this.#structural.add(objectNumber);
    const isWhole = !changed || [...changed].some((number) => this.has(number, 'page_tree', 'catalog'));
    if (isWhole) this.pages = walk.pageTree(catalog.get('Pages'));
    else walk.again(changed, (number) => this.of(number));
    walk.form(catalog.get('AcroForm'), nodes);
    walk.catalog(root.objectNumber, catalog);
    walk.closure({ kind: 'information' }, view.trailer('Info'));
    for (const number of changed ?? []) {
      if (this.#structural.has(number)) continue;
      const parts = this.of(number).filter(({ kind }) => !CONTAINERS.has(kind));
      for (const role of parts) walk.parts(role, view.valueOf(number));
    }
  }

  #newNodes(view: RevisionView, changed: ReadonlySet<number> | undefined): FormNode[] {
    const isSkipped = (number: number): boolean => this.#nodes.has(number) && changed?.has(number) !== true;
    const form = view.dictOf(view.catalog?.get('AcroForm'));
    const nodes = nodesBelow(view, view.arrayOf(form?.get('Fields')), undefined, isSkipped);
    for (const number of changed ?? []) {
      const known = this.#nodes.get(number);
      if (known?.parent) nodes.push(...nodesBelow(view, [new PdfRef(number)], known.parent, isSkipped));
    }
    for (const node of nodes) if (node.objectNumber !== undefined) this.#nodes.set(node.objectNumber, node);
    return nodes;
  }
}

class RoleWalk {
  readonly #view: RevisionView;
  readonly #roles: Map<number, Role[]>;
  readonly #structural: Set<number>;
  readonly #changed: ReadonlySet<number> | undefined;
  /** Changed objects whose parts were looked at already in this walk, by role. */
  readonly #again = new Set<string>();

  constructor(
    view: RevisionView,
    roles: Map<number, Role[]>,
    structural: Set<number>,
    changed: ReadonlySet<number> | undefined,
  ) {
    this.#view = view;
    this.#roles = roles;
    this.#structural = structural;
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
    const inner: { dict: PdfDict; page: number }[] = [];
    const seen = new Set<number>();
    const walk = (item: PdfValue | undefined, depth: number): void => {
      if (!(item instanceof PdfRef) || depth > DEPTH_MAX || pages.length >= PAGES_MAX) return;
      if (seen.has(item.objectNumber)) return;
      seen.add(item.objectNumber);
      const node = this.#view.resolve(item);
      if (!isDict(node)) return;
      this.#structural.add(item.objectNumber);
      const kids = node.get('Kids');
      if (kids === undefined) {
        pages.push(item.objectNumber);
        this.#markAnnotations(node);
        return;
      }
      this.#assign(item.objectNumber, { kind: 'page_tree' });
      if (kids instanceof PdfRef) this.#assign(kids.objectNumber, { kind: 'page_tree' });
      inner.push({ dict: node, page: pages.length + 1 });
      for (const kid of this.#view.arrayOf(kids)) walk(kid, depth + 1);
    };
    walk(value, 0);
    for (const [index, number] of pages.entries()) this.page(number, index + 1);
    for (const { dict, page } of inner) {
      for (const [key, part] of dict) {
        if (key !== 'Kids' && key !== 'Parent') this.closure({ kind: PAGE_ROLES[key] ?? 'resources', page }, part);
      }
    }
    return pages;
  }

  #markAnnotations(page: PdfDict): void {
    for (const item of this.#view.arrayOf(page.get('Annots'))) {
      if (item instanceof PdfRef) this.#structural.add(item.objectNumber);
    }
  }

  page(objectNumber: number, page: number): void {
    if (!this.#assign(objectNumber, { kind: 'page', page })) return;
    const dict = this.#view.valueOf(objectNumber);
    if (!isDict(dict)) return;
    this.#markAnnotations(dict);
    const annotations = dict.get('Annots');
    if (annotations instanceof PdfRef) this.#assign(annotations.objectNumber, { kind: 'annotations', page });
    for (const item of this.#view.arrayOf(annotations)) this.annotation(item, page);
    for (const [key, value] of dict) {
      if (key !== 'Parent' && key !== 'Annots') this.closure({ kind: PAGE_ROLES[key] ?? 'resources', page }, value);
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
    const dict = this.#view.resolve(item);
    if (!isDict(dict)) return;
    for (const [key, value] of dict) {
      // A field's own value and kids are looked at from the form.
      if (key === 'Kids' || key === 'V') continue;
      if (key === 'AP') this.closure({ kind: 'appearance', page, owner }, value);
      else this.closure({ kind: key === 'A' || key === 'AA' ? 'action' : 'field_part', page, owner }, value);
    }
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
        if (this.#structural.has(next.objectNumber) || !this.#assign(next.objectNumber, role)) continue;
        stack.push(this.#view.valueOf(next.objectNumber));
      } else stack.push(...partsOf(next));
    }
  }

  parts(role: Role, value: PdfValue): void {
    for (const part of partsOf(value)) this.closure(role, part);
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

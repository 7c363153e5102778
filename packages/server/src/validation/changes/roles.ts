import { PdfRef } from '../../documents/index.ts';
import { nodesBelow } from '../form-walk.ts';
import type { FormNode } from '../form-walk.ts';
import type { RevisionView } from '../revision-view.ts';
import { DRAWN, RoleWalk } from './role-walk.ts';
import type { Role, RoleKind } from './role-walk.ts';

/** Objects whose parts have roles of their own. */
const CONTAINERS: ReadonlySet<RoleKind> = new Set(['page_tree', 'annotations', 'form', 'fields']);

/**
 * What each object is for, from a first save on. Roles only ever grow: an object that once was page content is judged as
 * such for good, which errs on the safe side.
 */
export class Roles {
  readonly #roles = new Map<number, Role[]>();
  /** Objects with a place of their own, at which a walk from elsewhere stops. */
  readonly #structural = new Set<number>();
  readonly #nodes = new Map<number, FormNode>();
  /** Whatever the document leads to. */
  readonly #reached = new Set<number>();
  /** False where an object stream cannot be read: readers may know more of the file. */
  areAllRead = true;
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
    const walk = new RoleWalk(view, this.#roles, this.#structural, (number) => this.#nodes.has(number), changed);
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
      const hasOwnPlace = this.#structural.has(number);
      const parts = this.of(number).filter(({ kind }) => !CONTAINERS.has(kind) && (!hasOwnPlace || DRAWN.has(kind)));
      for (const role of parts) walk.parts(role, view.valueOf(number));
    }
    this.#takeStray(view, walk, changed);
  }

  /** What no rule has found and the document leads to all the same, by a key that nobody knows or a reference to one. */
  #takeStray(view: RevisionView, walk: RoleWalk, changed: ReadonlySet<number> | undefined): void {
    walk.stray(this.#reached, [view.trailer('Root') ?? null, view.trailer('Info') ?? null]);
    const streams = view.objects.objectStreamsOf(view.revision, changed ?? view.objects.objectStreamNumbers);
    walk.stray(this.#reached, streams.values);
    this.areAllRead &&= streams.areAllRead;
    const again = [...(changed ?? [])].filter((number) => this.#reached.has(number));
    walk.stray(
      this.#reached,
      again.map((number) => view.valueOf(number)),
    );
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

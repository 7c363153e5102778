import { isDict, PdfName, PdfRef, PdfString, textOf } from '../documents/index.ts';
import type { PdfDict, PdfValue } from '../documents/index.ts';
import type { RevisionView } from './revision-view.ts';

/** A field or a widget of the form, with what it inherits. */
export type FormNode = {
  /** Undefined where it stands directly in its array, as none should. */
  objectNumber: number | undefined;
  dict: PdfDict;
  /** Full: `party.name` (12.7.3.2). */
  name: string;
  /** FT, its own or inherited. */
  type: string | undefined;
  /** V, its own or inherited. */
  value: PdfValue | undefined;
  /** False of a widget that is no field of its own. */
  isField: boolean;
  parent: FormNode | undefined;
};

const DEPTH_MAX = 32;
const NODES_MAX = 100_000;
const NAME_CHARACTERS_MAX = 200;

/** Every field of the form and every widget below one, each object once. */
export function formNodes(view: RevisionView): FormNode[] {
  const form = view.dictOf(view.catalog?.get('AcroForm'));
  return nodesBelow(view, view.arrayOf(form?.get('Fields')), undefined, () => false);
}

/** The nodes of these fields and below. Objects that are to be skipped are not looked at, nor what is below them. */
export function nodesBelow(
  view: RevisionView,
  fields: readonly PdfValue[],
  above: FormNode | undefined,
  isSkipped: (objectNumber: number) => boolean,
): FormNode[] {
  const nodes: FormNode[] = [];
  const seen = new Set<number>();

  function walk(items: readonly PdfValue[], parent: FormNode | undefined, depth: number): void {
    if (depth > DEPTH_MAX) return;
    for (const item of items) {
      if (nodes.length >= NODES_MAX) return;
      const objectNumber = item instanceof PdfRef ? item.objectNumber : undefined;
      if (objectNumber !== undefined && (seen.has(objectNumber) || isSkipped(objectNumber))) continue;
      if (objectNumber !== undefined) seen.add(objectNumber);
      const dict = view.resolve(item);
      if (!isDict(dict)) continue;
      const node = formNode(view, objectNumber, dict, parent);
      nodes.push(node);
      walk(view.arrayOf(dict.get('Kids')), node, depth + 1);
    }
  }

  walk(fields, above, 0);
  return nodes;
}

function formNode(
  view: RevisionView,
  objectNumber: number | undefined,
  dict: PdfDict,
  parent: FormNode | undefined,
): FormNode {
  const own = view.resolve(dict.get('T'));
  const isField = own instanceof PdfString || parent === undefined;
  const title = own instanceof PdfString ? textOf(own) : '';
  const name = [parent?.name, title].filter((part) => part !== undefined && part !== '').join('.');
  const type = view.resolve(dict.get('FT'));
  return {
    objectNumber,
    dict,
    name: name.slice(0, NAME_CHARACTERS_MAX),
    type: type instanceof PdfName ? type.name : parent?.type,
    value: dict.get('V') ?? (isField ? undefined : parent?.value),
    isField,
    parent,
  };
}

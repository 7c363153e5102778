import { PdfName, PdfRef, PdfStream } from '../../documents/index.ts';
import type { PdfValue } from '../../documents/index.ts';
import { isSame } from '../compare.ts';
import type { ObjectHistory, RevisionView } from '../revision-view.ts';
import type { Change, ChangeCode } from './change.ts';
import type { Roles } from './roles.ts';

const CHANGES_MAX = 1_000;

/** What is at hand while one save is compared with the one before. */
export type Step = {
  before: RevisionView;
  after: RevisionView;
  /** Of the objects as they were before. */
  roles: Roles;
  /** Notes a change; the same one twice is one. */
  note: (code: ChangeCode, where?: Pick<Change, 'page' | 'field' | 'objectNumber' | 'signature'>) => void;
  /** Form fields that this save added and that are good signature fields. */
  newFields: Set<number>;
  /** Whether the signature in this object of this save covers the save and is what its signer made. */
  isIntact: (objectNumber: number) => boolean;
};

export class Notes {
  readonly changes: Change[] = [];
  readonly #seen = new Set<string>();
  readonly #revision: number;

  constructor(revision: number) {
    this.#revision = revision;
  }

  note: Step['note'] = (code, where = {}) => {
    const key = `${code}/${where.page ?? ''}/${where.field ?? ''}/${where.signature ?? ''}`;
    if (this.#seen.has(key) || this.changes.length >= CHANGES_MAX) return;
    this.#seen.add(key);
    this.changes.push({ code, revision: this.#revision, ...where });
  };
}

/**
 * Objects that read differently after a save: those that it names, and those in an object stream that it replaced. What it
 * names again as it was is not among them.
 */
export function changedObjects(objects: ObjectHistory, revision: number): Set<number> {
  const named = objects.history.revisions[revision]?.entries ?? new Map<number, unknown>();
  const before = objects.at(revision - 1);
  const after = objects.at(revision);
  const changed = new Set<number>();
  const look = (objectNumber: number): void => {
    if (!isSame(before.valueOf(objectNumber), after.valueOf(objectNumber))) changed.add(objectNumber);
  };
  for (const objectNumber of named.keys()) {
    look(objectNumber);
    if (changed.has(objectNumber)) for (const member of objects.membersOf(objectNumber)) look(member);
  }
  return changed;
}

/** The number of the object that a value refers to. */
export function numberOf(value: PdfValue | undefined): number | undefined {
  return value instanceof PdfRef ? value.objectNumber : undefined;
}

/** What lies in an array or where an array is referred to, references not followed. */
export function itemsOf(view: RevisionView, value: PdfValue | undefined): readonly PdfValue[] {
  return view.arrayOf(value);
}

/** A stream's dictionary says what it is, as does a plain one. */
export function typeOf(view: RevisionView, value: PdfValue | undefined): { type: string; subtype: string } {
  const dict = value instanceof PdfStream ? value.dict : view.dictOf(value);
  const nameOf = (key: string): string => {
    const found = view.resolve(dict?.get(key));
    return found instanceof PdfName ? found.name : '';
  };
  return { type: nameOf('Type'), subtype: nameOf('Subtype') };
}

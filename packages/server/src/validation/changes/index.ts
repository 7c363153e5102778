import type { ObjectHistory } from '../revision-view.ts';
import type { Change } from './change.ts';
import { fileRule, tailRule } from './file-rules.ts';
import { objectRule } from './object-rules.ts';
import { Roles } from './roles.ts';
import { changedObjects, Notes } from './step.ts';
import type { Step } from './step.ts';

export { isAllowedAtLevel1, isAlwaysAllowed, isConditional } from './change.ts';
export type { Change, ChangeCode } from './change.ts';

/**
 * Every change that the saves after the first signed one made, each save compared with the one before: a change that a
 * later save takes back was one all the same.
 *
 * @param from the first save that is signed
 * @param isIntact whether the signature in this object of this save covers it and is what its signer made
 * @returns the changes of each save, by its number; what stands behind the last save has the number after it
 */
export function changesSince(
  objects: ObjectHistory,
  from: number,
  isIntact: (objectNumber: number, revision: number) => boolean,
): ReadonlyMap<number, readonly Change[]> {
  const roles = new Roles();
  roles.take(objects.at(from));
  const result = new Map<number, readonly Change[]>();
  const last = objects.history.revisions.length - 1;
  for (let revision = from + 1; revision <= last; revision += 1) {
    const notes = new Notes(revision);
    const { note } = notes;
    const step: Step = {
      before: objects.at(revision - 1),
      after: objects.at(revision),
      roles,
      note,
      newFields: new Set(),
      isIntact: (objectNumber) => isIntact(objectNumber, revision),
    };
    if (!roles.areAllRead) note('ambiguous_object');
    fileRule(objects, revision, note);
    const changed = changedObjects(objects, revision);
    for (const objectNumber of formFirst(changed, roles)) objectRule(step, objectNumber);
    roles.take(step.after, changed);
    result.set(revision, notes.changes);
  }
  const tail = new Notes(last + 1);
  tailRule(objects, tail.note);
  result.set(last + 1, tail.changes);
  return result;
}

/** The form before the pages: which new annotations are widgets of good new fields has to be known by then. */
function formFirst(changed: ReadonlySet<number>, roles: Roles): number[] {
  const isForm = (number: number): boolean => roles.has(number, 'catalog', 'form', 'fields', 'field');
  return [...changed].sort((a, b) => Number(isForm(b)) - Number(isForm(a)));
}

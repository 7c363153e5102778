import { PdfName, PdfString, textOf } from '../documents/index.ts';
import type { PdfDict } from '../documents/index.ts';
import type { RevisionView } from './revision-view.ts';

/**
 * What a signature lets others do to the file after it (ISO 32000-2, 12.8.2): 1 nothing, 2 fill in fields and sign, 3 also
 * annotate. Undefined: it does not say.
 */
export type ChangeLevel = 1 | 2 | 3;

export type FieldLock = { action: 'all' | 'include' | 'exclude'; fields: readonly string[] };

export type Permissions = {
  level: ChangeLevel | undefined;
  /** Fields that nobody may change after it; undefined: it does not say. */
  lock: FieldLock | undefined;
};

const FIELDS_MAX = 10_000;

export function permissionsOf(view: RevisionView, signature: PdfDict): Permissions {
  const permissions: Permissions = { level: undefined, lock: undefined };
  for (const item of view.arrayOf(signature.get('Reference'))) {
    const reference = view.dictOf(item);
    const method = view.resolve(reference?.get('TransformMethod'));
    const parameters = view.dictOf(reference?.get('TransformParams'));
    if (!(method instanceof PdfName)) continue;
    if (method.name === 'DocMDP') permissions.level = stricter(permissions.level, levelOf(view, parameters, 2));
    if (method.name === 'FieldMDP') {
      permissions.lock = lockOf(view, parameters);
      // PDF 2.0 puts the level of the field's /Lock here.
      permissions.level = stricter(permissions.level, levelOf(view, parameters, undefined));
    }
  }
  return permissions;
}

function levelOf(
  view: RevisionView,
  parameters: PdfDict | undefined,
  fallback: ChangeLevel | undefined,
): ChangeLevel | undefined {
  const level = view.resolve(parameters?.get('P'));
  return level === 1 || level === 2 || level === 3 ? level : fallback;
}

export function stricter(a: ChangeLevel | undefined, b: ChangeLevel | undefined): ChangeLevel | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

function lockOf(view: RevisionView, parameters: PdfDict | undefined): FieldLock {
  const action = view.resolve(parameters?.get('Action'));
  const fields = view
    .arrayOf(parameters?.get('Fields'))
    .slice(0, FIELDS_MAX)
    .map((item) => view.resolve(item))
    .filter((item) => item instanceof PdfString)
    .map(textOf);
  if (action instanceof PdfName && action.name === 'Include') return { action: 'include', fields };
  if (action instanceof PdfName && action.name === 'Exclude') return { action: 'exclude', fields };
  return { action: 'all', fields: [] };
}

/** Whether a lock holds for a field: for it or for one above it. */
export function isLocked(lock: FieldLock, field: string): boolean {
  const isNamed = lock.fields.some((name) => field === name || field.startsWith(`${name}.`));
  return lock.action === 'all' || (lock.action === 'include' ? isNamed : !isNamed);
}

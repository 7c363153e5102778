import type { Appearance } from '../documents/index.ts';
import type { Org } from '../parties/index.ts';
import type { SigningContext } from './context.ts';
import type { FieldDrawing, Mark } from './field-layout.ts';
import type { SignField } from './terms.ts';

/**
 * What a company's field shows when it is signed at this moment: the default seal at the field's width, and the date.
 *
 * @throws DomainError seal_character_missing, seal_not_reviewed, seal_rejected
 */
export async function drawingOf(
  { db, seals }: SigningContext,
  org: Org,
  field: SignField,
  at: Date,
): Promise<FieldDrawing & { sealId: string }> {
  const { appId, etcOrgNo, orgName: companyName } = org;
  const { sealId, appearance } = await seals.signingSeal(db, { appId, etcOrgNo, companyName });
  const seal = markOf(appearance, field.width ?? appearance.width);
  if (field.date === null) return { sealId, seal, date: null };
  const { format, fontSize } = field.date;
  const date = await seals.dateLine({ at, format, ...(fontSize === null ? {} : { fontSize }) });
  return { sealId, seal, date: markOf(date, date.width) };
}

/** The drawing `width` points wide, its proportions kept. */
function markOf(appearance: Appearance, width: number): Mark {
  return { appearance, width, height: (appearance.height * width) / appearance.width };
}

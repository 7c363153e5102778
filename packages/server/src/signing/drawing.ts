import type { Org } from '../parties/index.ts';
import { scaleAppearance } from '../seals/index.ts';
import type { SigningContext } from './context.ts';
import type { Drawing } from './field-layout.ts';
import type { SignField } from './terms.ts';

/**
 * What a company's field shows when it is signed at this moment: the default seal at the field's width, and the date.
 *
 * @throws DomainError seal_character_missing
 */
export async function drawingOf(
  { db, seals }: SigningContext,
  org: Org,
  field: SignField,
  at: Date,
): Promise<Drawing & { sealId: string }> {
  const { appId, etcOrgNo, orgName: companyName } = org;
  const { sealId, appearance } = await seals.defaultSeal(db, { appId, etcOrgNo, companyName });
  const seal = field.width === null ? appearance : scaleAppearance(appearance, field.width);
  if (field.date === null) return { sealId, seal, date: null };
  const { format, fontSize } = field.date;
  const date = await seals.dateLine({ at, format, ...(fontSize === null ? {} : { fontSize }) });
  return { sealId, seal, date };
}

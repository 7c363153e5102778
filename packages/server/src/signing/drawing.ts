import type { Appearance } from '../documents/index.ts';
import type { Org } from '../parties/index.ts';
import { DomainError } from '../platform/errors.ts';
import { handwritingAppearance } from '../seals/index.ts';
import type { FieldChoice, Handwriting } from './choices.ts';
import type { SigningContext } from './context.ts';
import type { FieldDrawing, Mark } from './field-layout.ts';
import type { SignField } from './terms.ts';

/** What a field shows, and which seal it was; null is a handwriting. */
export type SealedDrawing = FieldDrawing & { sealId: string | null };

/** A person's seal is drawn from the name and kept nowhere: every one has this id. */
export const PERSONAL_SEAL_ID = 'personal';

/**
 * What a company's field shows when it is signed at this moment: the default seal at the field's width, and the date.
 *
 * @throws DomainError seal_character_missing, seal_not_reviewed, seal_rejected
 */
export async function drawingOf(
  { db, seals }: Pick<SigningContext, 'db' | 'seals'>,
  org: Org,
  field: SignField,
  at: Date,
): Promise<SealedDrawing> {
  const { appId, etcOrgNo, orgName: companyName } = org;
  const { sealId, appearance } = await seals.signingSeal(db, { appId, etcOrgNo, companyName });
  return { sealId, ...(await withDate(seals, appearance, field, at)) };
}

/** Who chose: a member for their company, or a person for themselves. */
export type Chooser = { kind: 'company'; org: Org } | { kind: 'individual'; name: string };

/**
 * What a field shows as its signer chose it. `at` is the day that is drawn.
 *
 * @throws DomainError seal_not_found, seal_character_missing, seal_not_reviewed, seal_rejected
 */
export async function chosenDrawing(
  { db, seals }: Pick<SigningContext, 'db' | 'seals'>,
  chooser: Chooser,
  field: SignField,
  choice: FieldChoice,
  at: Date,
): Promise<SealedDrawing> {
  if (choice.form === 'handwritten') {
    return { sealId: null, ...(await withDate(seals, drawnHandwriting(choice.handwriting), field, at)) };
  }
  const { sealId } = choice;
  if (chooser.kind === 'individual') {
    if (choice.form !== 'template' || sealId !== PERSONAL_SEAL_ID) throw new DomainError('seal_not_found', { sealId });
    return { sealId, ...(await withDate(seals, await seals.personalSeal(chooser.name), field, at)) };
  }
  // Whether it may sign was asked when it was chosen: a seal that was retired since was good when its signer confirmed.
  const appearance = await seals.sealDrawing(db, { appId: chooser.org.appId, sealId });
  return { sealId, ...(await withDate(seals, appearance, field, at)) };
}

/** By identity: a handwriting of many fields is drawn once, and stands once in the file. */
const handwritings = new WeakMap<Handwriting, Appearance>();

function drawnHandwriting(handwriting: Handwriting): Appearance {
  const drawn = handwritings.get(handwriting) ?? handwritingAppearance(handwriting);
  handwritings.set(handwriting, drawn);
  return drawn;
}

async function withDate(
  seals: SigningContext['seals'],
  appearance: Appearance,
  field: SignField,
  at: Date,
): Promise<FieldDrawing> {
  const seal = markOf(appearance, field.width ?? appearance.width);
  if (field.date === null) return { seal, date: null };
  const { format, fontSize } = field.date;
  const date = await seals.dateLine({ at, format, ...(fontSize === null ? {} : { fontSize }) });
  return { seal, date: markOf(date, date.width) };
}

/** The drawing `width` points wide, its proportions kept. */
function markOf(appearance: Appearance, width: number): Mark {
  return { appearance, width, height: (appearance.height * width) / appearance.width };
}

/** The field with its places: where a free placement leaves them to the signer, those that they chose. */
export function placedField<Field extends SignField>(field: Field, choice: FieldChoice | undefined): Field {
  if (field.placement.kind !== 'free' || choice?.points === undefined) return field;
  return { ...field, placement: { kind: 'page', positions: choice.points } };
}

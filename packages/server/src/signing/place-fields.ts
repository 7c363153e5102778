import type { PageSize, Widget } from '../documents/index.ts';
import type { Org } from '../parties/index.ts';
import { isDomainError } from '../platform/errors.ts';
import { HANDWRITING_WIDTH, PERSONAL_SEAL_WIDTH } from '../seals/index.ts';
import type { SigningContext } from './context.ts';
import { drawingOf } from './drawing.ts';
import { layoutField, type FieldDrawing, type Layout, type Mark } from './field-layout.ts';
import type { StoredCommand } from './tables.ts';
import type { IndividualField, SignField } from './terms.ts';

/** A date whose signing is yet to come has no size: only its place is looked at. */
const NO_SIZE: Mark = { appearance: { width: 1, height: 1, paths: [] }, width: 0, height: 0 };

/** The room that an individual's mark takes up, as large as any form that their field allows. */
function individualDrawing({ forms, width }: IndividualField): FieldDrawing {
  const isSealAllowed = forms.length === 0 || forms.includes('template');
  const own = forms.length === 1 && isSealAllowed ? PERSONAL_SEAL_WIDTH : HANDWRITING_WIDTH;
  const side = width ?? own;
  // A seal is a square; a handwriting is about twice as wide as it is high.
  const seal = {
    ...NO_SIZE,
    width: side,
    height: isSealAllowed ? Math.max(width ?? 0, PERSONAL_SEAL_WIDTH) : side / 2,
  };
  return { seal, date: NO_SIZE };
}

/**
 * The widgets of all fields of the request; or in Chinese, why one cannot stand where it is to stand, or why all of them
 * together are too many signatures.
 */
export async function placeFields(
  context: SigningContext,
  command: StoredCommand,
  org: Org,
  pages: readonly PageSize[],
): Promise<Layout> {
  const widgets: Widget[] = [];
  for (const [index, field] of command.initiator.fields.entries()) {
    const layout = await layoutCompanyField(context, org, field, pages);
    if (!layout.ok) return { ok: false, reason: `发起方第${index + 1}个签署区：${layout.reason}` };
    widgets.push(...layout.widgets);
  }
  for (const [signerIndex, signer] of command.signers.entries()) {
    for (const [index, field] of signer.fields.entries()) {
      const layout = await layoutIndividualField(context, signer.name, field, pages);
      if (!layout.ok) {
        return { ok: false, reason: `第${signerIndex + 1}个签署人第${index + 1}个签署区：${layout.reason}` };
      }
      widgets.push(...layout.widgets);
    }
  }
  const { signaturesMax } = context.limits;
  if (widgets.length <= signaturesMax) return { ok: true, widgets };
  return { ok: false, reason: `签名过多：每个签署区在每页各一个，合计不能超过${signaturesMax}个` };
}

/** A field that asks for a seal alone is of no use to a person whose name the font cannot write. */
async function layoutIndividualField(
  { seals }: Pick<SigningContext, 'seals'>,
  name: string,
  field: IndividualField,
  pages: readonly PageSize[],
): Promise<Layout> {
  if (field.forms.length > 0 && !field.forms.includes('handwritten')) {
    try {
      await seals.personalSeal(name);
    } catch (error) {
      if (!isDomainError(error, 'seal_character_missing')) throw error;
      return { ok: false, reason: `印章字库缺少“${error.params['characters'] ?? ''}”，请允许手写签名` };
    }
  }
  return layoutField(field, individualDrawing(field), pages);
}

async function layoutCompanyField(
  context: SigningContext,
  org: Org,
  field: SignField,
  pages: readonly PageSize[],
): Promise<Layout> {
  try {
    const drawing = await drawingOf(context, org, field, context.clock.now());
    return layoutField(field, drawing, pages);
  } catch (error) {
    if (isDomainError(error, 'seal_not_reviewed')) return { ok: false, reason: '企业印章待审核，请审核通过后重新发起' };
    if (isDomainError(error, 'seal_rejected')) return { ok: false, reason: '企业印章审核未通过，请更换印章后重新发起' };
    if (!isDomainError(error, 'seal_character_missing')) throw error;
    return { ok: false, reason: `印章字库缺少“${error.params['characters'] ?? ''}”` };
  }
}

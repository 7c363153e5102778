import type { PageSize } from '../documents/index.ts';
import type { Org } from '../parties/index.ts';
import { isDomainError } from '../platform/errors.ts';
import type { SigningContext } from './context.ts';
import { drawingOf } from './drawing.ts';
import { layoutField, type Drawing } from './field-layout.ts';
import type { StoredCommand } from './tables.ts';
import type { SignField } from './terms.ts';

/** An individual's mark has no size yet: only its place is looked at. */
const NO_SIZE: Drawing = {
  seal: { width: 0, height: 0, paths: [] },
  date: { width: 0, height: 0, paths: [] },
};

/** In Chinese, why a field of the request cannot stand where it is to stand; undefined where all of them can. */
export async function fieldFault(
  context: SigningContext,
  command: StoredCommand,
  org: Org,
  pages: readonly PageSize[],
): Promise<string | undefined> {
  for (const [index, field] of command.initiator.fields.entries()) {
    const fault = await companyFieldFault(context, org, field, pages);
    if (fault !== undefined) return `发起方第${index + 1}个签署区：${fault}`;
  }
  for (const [signerIndex, signer] of command.signers.entries()) {
    for (const [index, field] of signer.fields.entries()) {
      const layout = layoutField(field, NO_SIZE, pages);
      if (!layout.ok) return `第${signerIndex + 1}个签署人第${index + 1}个签署区：${layout.reason}`;
    }
  }
  return undefined;
}

async function companyFieldFault(
  context: SigningContext,
  org: Org,
  field: SignField,
  pages: readonly PageSize[],
): Promise<string | undefined> {
  try {
    const drawing = await drawingOf(context, org, field, context.clock.now());
    const layout = layoutField(field, drawing, pages);
    return layout.ok ? undefined : layout.reason;
  } catch (error) {
    if (!isDomainError(error, 'seal_character_missing')) throw error;
    return `印章字库缺少“${error.params['characters'] ?? ''}”`;
  }
}

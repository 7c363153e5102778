import { DomainError } from '../platform/errors.ts';
import type { SigningContext } from './context.ts';
import { drawingOf } from './drawing.ts';
import { layoutField } from './field-layout.ts';
import { levelledAct } from './signature-level.ts';
import type { FieldRow, FlowRow, SignerRow } from './tables.ts';

/** A file that is stored and that counts for nothing yet. `at` is the time in the signature. */
export type SignedRevision = { fileId: string; sealId: string; at: Date; level: 'B-B' | 'B-T' };

/**
 * Signs one field in its company's name over the flow's newest revision, in one act: one signature for each page on which
 * its seals and dates stand. Only the bytes that hold them all are stored, and they are durable when this resolves.
 */
export async function signField(
  context: SigningContext,
  flow: FlowRow,
  { field, signer }: { field: FieldRow; signer: SignerRow },
): Promise<SignedRevision> {
  const { db, documents, parties, pdf, trust } = context;
  const appId = flow.app_id;
  const etcOrgNo = signer.org_no ?? '';
  const org = await parties.findOrg(db, appId, etcOrgNo);
  if (!org) throw new DomainError('org_not_found', { etcOrgNo });

  const at = context.clock.now();
  const { sealId, ...drawing } = await drawingOf(context, org, field.field, at);
  const source = await documents.readFile({ appId, fileId: flow.file_id });
  const { orgName: companyName, socialCreditCode } = org;
  const identity = { appId, etcOrgNo, companyName, ...(socialCreditCode === null ? {} : { socialCreditCode }) };
  const act = levelledAct(context.longTerm, await trust.companySigner(db, identity));
  const signed = await pdf.sign({
    pdf: source.bytes,
    place(pages) {
      const layout = layoutField(field.field, drawing, pages);
      if (!layout.ok) throw new DomainError('sign_field_invalid', { reason: layout.reason });
      return layout.widgets.map((widget) => ({
        fieldName: `signature-${field.field_id}-${widget.pageIndex + 1}`,
        widget,
      }));
    },
    signer: act.signer,
    signedAt: at,
    name: companyName,
    limits: { bytesMax: context.limits.revisionBytesMax },
  });
  const { pieces, sha256 } = signed;
  const { fileId } = await documents.storeFile({ appId, fileName: flow.subject, bytes: pieces, sha256 });
  return { fileId, sealId, at, level: act.level() };
}

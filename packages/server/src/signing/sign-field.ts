import type { DocumentSigner } from '../trust/index.ts';
import { DomainError } from '../platform/errors.ts';
import type { FieldChoice, MarkPlace } from './choices.ts';
import type { SigningContext } from './context.ts';
import { chosenDrawing, drawingOf, placedField, type Chooser, type SealedDrawing } from './drawing.ts';
import { layoutField, placesOf } from './field-layout.ts';
import { openPersonal, personKeyOf } from './personal.ts';
import { levelledAct } from './signature-level.ts';
import type { FieldRow, FlowRow, IntentRow, SignerRow } from './tables.ts';

/** A field whose signature needs no person any more; `intent` where its signer confirmed. */
export type ReadyField = { field: FieldRow; signer: SignerRow; intent: IntentRow | undefined };

/** A file that is stored and that counts for nothing yet. `at` is the time in the signature; a null seal is a handwriting. */
export type SignedRevision = {
  fileId: string;
  sha256: string;
  sealId: string | null;
  places: readonly MarkPlace[];
  at: Date;
  level: 'B-B' | 'B-T';
};

/** In whose name a field is signed, and what it shows. */
type Act = { signer: DocumentSigner; name: string; drawing: SealedDrawing };

/**
 * Signs one field in its company's or its person's name over the flow's newest revision, in one act: one signature for
 * each page on which its seals and dates stand. Only the bytes that hold them all are stored, and they are durable when
 * this resolves.
 */
export async function signField(
  context: SigningContext,
  flow: FlowRow,
  { field, signer, intent }: ReadyField,
): Promise<SignedRevision> {
  const { documents, pdf } = context;
  const appId = flow.app_id;
  const at = context.clock.now();
  const choice = choiceOf(field, intent);
  // The day that the signer saw in the preview, not that of the job.
  const drawnAt = intent !== undefined && choice !== undefined ? intent.confirmed_at : at;
  const { signer: holder, name, drawing } = await actOf(context, { field, signer }, choice, drawnAt);
  const act = levelledAct(context.longTerm, holder);
  const source = await documents.readUncheckedFile({ appId, fileId: flow.file_id });
  let places: readonly MarkPlace[] = [];
  const signed = await pdf.sign({
    pdf: source.bytes,
    sha256: source.sha256,
    place(pages) {
      const layout = layoutField(placedField(field.field, choice), drawing, pages);
      if (!layout.ok) throw new DomainError('sign_field_invalid', { reason: layout.reason });
      places = placesOf(layout.widgets);
      return layout.widgets.map((widget) => ({
        fieldName: `signature-${field.field_id}-${widget.pageIndex + 1}`,
        widget,
      }));
    },
    signer: act.signer,
    signedAt: at,
    name,
    limits: { bytesMax: context.signedBytesMax },
  });
  const { pieces, sha256 } = signed;
  const { fileId } = await documents.storeFile({ appId, fileName: flow.subject, bytes: pieces, sha256 });
  signed.release();
  return { fileId, sha256, sealId: drawing.sealId, places, at, level: act.level() };
}

/** What the signer chose for this field; undefined where it is silent. */
function choiceOf(field: FieldRow, intent: IntentRow | undefined): FieldChoice | undefined {
  if (field.auto_execute) return undefined;
  const choice = intent?.choices.find(({ fieldId }) => fieldId === field.field_id);
  if (choice === undefined) throw new Error(`the field ${field.field_id} is neither silent nor confirmed`);
  return choice;
}

async function actOf(
  context: SigningContext,
  { field, signer }: Pick<ReadyField, 'field' | 'signer'>,
  choice: FieldChoice | undefined,
  drawnAt: Date,
): Promise<Act> {
  const { db, parties, trust } = context;
  const appId = signer.app_id;
  if (signer.kind === 'individual') {
    if (choice === undefined) throw new Error('no person signs silently');
    const { name } = signer;
    const chooser: Chooser = { kind: 'individual', name };
    return {
      signer: await trust.personSigner(db, { appId, name, ...personKey(context, signer) }),
      name,
      drawing: await chosenDrawing(context, chooser, field.field, choice, drawnAt),
    };
  }
  const etcOrgNo = signer.org_no ?? '';
  const org = await parties.findOrg(db, appId, etcOrgNo);
  if (!org) throw new DomainError('org_not_found', { etcOrgNo });
  const { orgName: companyName, socialCreditCode } = org;
  const identity = { appId, etcOrgNo, companyName, ...(socialCreditCode === null ? {} : { socialCreditCode }) };
  const drawing =
    choice === undefined
      ? await drawingOf(context, org, field.field, drawnAt)
      : await chosenDrawing(context, { kind: 'company', org }, field.field, choice, drawnAt);
  return { signer: await trust.companySigner(db, identity), name: companyName, drawing };
}

function personKey({ vault }: SigningContext, signer: SignerRow): { personKey: string; idNumber?: string } {
  // Erased: nobody signs for them, but a signature that was confirmed before is still made under a key of its own.
  if (signer.id_number === null) return { personKey: `signer:${signer.signer_id}` };
  const idNumber = openPersonal(vault, signer.signer_id, 'id_number', signer.id_number).toUpperCase();
  return { personKey: personKeyOf(vault, idNumber), idNumber };
}

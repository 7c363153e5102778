import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { chinaDate } from '../platform/clock.ts';
import { recordAct } from './act.ts';
import { addAdvanceJob } from './advance-flow.ts';
import { CONSENT } from './consent.ts';
import type { SigningContext } from './context.ts';
import { overlap } from './field-layout.ts';
import { moveFlow } from './move-flow.ts';
import { checkChoices, requireReading } from './preview.ts';
import { findPreview, findSigner, insertIntent, updateSession, updateSigner } from './signer-store.ts';
import {
  actOf,
  keyOf,
  placeOf,
  refused,
  requireConsent,
  requireSigner,
  requireTurn,
  type Visit,
} from './signer-visit.ts';
import { lockFlow, signedPlaces, updateFlow } from './store.ts';
import type { PreviewRow } from './tables.ts';

/** refuse reason, in characters; flow.reason of the notification's contract takes as many. */
const REFUSAL_LENGTH_MAX = 200;

/** The signer agrees to the text in force; the session remembers it, and the act has its version and hash. */
export async function consent(context: SigningContext, visit: Visit, version: string): Promise<void> {
  const { flow } = await placeOf(context, visit);
  if (flow.state !== 'signing' && flow.state !== 'done') throw refused('signer_flow_over');
  if (visit.session.checked_at === null) throw refused('signer_step_missing');
  if (version !== CONSENT.version) throw refused('signer_consent_outdated');
  if (visit.session.consented_at !== null) return;
  const at = context.clock.now();
  await context.db.transaction().execute(async (tx) => {
    await updateSession(tx, visit.session, { consent_version: version, consented_at: at });
    const detail = { textSha256: CONSENT.sha256 };
    await recordAct(tx, actOf(visit, { kind: 'consented', at, consentVersion: version, detail }));
  });
}

/**
 * The one act that signs: what the preview showed is written down as the signer's intent, and a job makes the signatures.
 * Under the flow's row lock it is either before a revoke, a refusal or the deadline, or after it and refused.
 *
 * A signature of somebody else that came in since the preview does no harm, unless it stands where theirs is to stand:
 * then what they saw is not what would be.
 */
export async function confirm(context: SigningContext, visit: Visit, previewId: string): Promise<void> {
  const key = keyOf(visit);
  const place = await placeOf(context, visit);
  const { session } = visit;
  // Asked twice, it is answered twice: the first one counts.
  if (place.signer.confirmed_at !== null && place.flow.state === 'signing') return;
  requireTurn(place.flow, place.signer, context.clock.now());
  requireConsent(visit);
  await requireReading(context, place.signer);
  const preview = await findPreview(context.db, session, previewId);
  if (!preview) throw refused('signer_preview_gone');
  await checkChoices(context, place.flow, place.signer, preview.choices);
  const file = await context.documents.findFile({ appId: key.appId, fileId: preview.file_id });

  await context.db.transaction().execute(async (tx) => {
    const flow = await lockFlow(tx, key);
    const signer = await findSigner(tx, key);
    const at = context.clock.now();
    if (!flow || !signer) throw refused('signer_link_invalid');
    if (signer.confirmed_at !== null && flow.state === 'signing') return;
    requireTurn(flow, signer, at);
    // A date that was drawn yesterday is not the date of today.
    if (chinaDate(preview.created_at) !== chinaDate(at)) throw refused('signer_preview_gone');
    if (flow.file_id !== preview.file_id) {
      const since = await signedPlaces(tx, key, preview.signed_fields);
      if (overlap(since, preview.places)) throw refused('signer_document_changed');
    }
    await insertIntent(tx, {
      app_id: key.appId,
      flow_id: key.flowId,
      signer_id: key.signerId,
      session_id: session.session_id,
      preview_id: previewId,
      file_id: preview.file_id,
      choices: JSON.stringify(preview.choices),
      consent_version: session.consent_version ?? '',
      confirmed_at: at,
    });
    await updateSigner(tx, key, { confirmed_at: at });
    await updateFlow(tx, key, { touched_at: at });
    await addAdvanceJob(context, tx, key);
    const { rows } = await sql<{ pages: number; milliseconds: number }>`
      select count(*) as pages, coalesce(sum(milliseconds), 0)::bigint as milliseconds from sign_view
      where app_id = ${key.appId} and flow_id = ${key.flowId} and signer_id = ${key.signerId}
    `.execute(tx);
    const detail = {
      previewId,
      ...choicesDetail(preview),
      pagesViewed: rows[0]?.pages ?? 0,
      viewedMs: rows[0]?.milliseconds ?? 0,
    };
    await recordAct(
      tx,
      actOf(visit, {
        kind: 'confirmed',
        at,
        consentVersion: session.consent_version ?? '',
        ...(file && { file: { fileId: file.fileId, sha256: file.sha256 } }),
        ...(session.check_message !== null && { messageId: session.check_message }),
        detail,
      }),
    );
  });
}

function choicesDetail({ choices }: PreviewRow) {
  return {
    fields: choices.map((choice) => ({
      fieldId: choice.fieldId,
      form: choice.form,
      ...(choice.form === 'handwritten' ? {} : { sealId: choice.sealId }),
    })),
    choicesSha256: createHash('sha256').update(JSON.stringify(choices)).digest('hex'),
  };
}

/** The signer refuses, and the flow ends with it. */
export async function refuse(context: SigningContext, visit: Visit, given: string): Promise<void> {
  const reason = given.trim();
  const length = Array.from(reason).length;
  const isStorable = reason.isWellFormed() && !reason.includes('\u0000');
  if (length < 1 || length > REFUSAL_LENGTH_MAX || !isStorable) {
    throw refused('signer_choice_invalid', { reason: 'reason' });
  }
  requireSigner(visit);
  if (visit.session.checked_at === null) throw refused('signer_step_missing');
  const key = keyOf(visit);
  const notify = await context.notify.forApp(key.appId);
  await context.db.transaction().execute(async (tx) => {
    const flow = await lockFlow(tx, key);
    const signer = await findSigner(tx, key);
    const at = context.clock.now();
    if (!flow || !signer) throw refused('signer_link_invalid');
    if (signer.state === 'refused') return;
    requireTurn(flow, signer, at);
    const state = await moveFlow({ context, notify }, tx, flow, {
      event: { kind: 'refuse', signerId: key.signerId },
      actor: `signer:${key.signerId}`,
      action: 'sign_flow.refuse',
      detail: { signerId: key.signerId, reason },
      reason,
      act: { origin: visit.origin },
      at,
    });
    if (state === undefined) throw refused('signer_flow_over');
  });
}

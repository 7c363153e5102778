import { appendAudit } from '../audit/index.ts';
import type { PageImage } from '../documents/index.ts';
import { recordAct } from './act.ts';
import type { SigningContext } from './context.ts';
import { addViews, noteDocumentOpened } from './signer-store.ts';
import {
  actOf,
  actorOf,
  copyPlaceOf,
  keyOf,
  placeOf,
  refused,
  requireChecked,
  requireConsent,
  type Visit,
} from './signer-visit.ts';
import type { FlowRow, SignerRow } from './tables.ts';

/** A page that was looked at for longer was left open. */
const VIEW_MS_MAX = 10 * 60_000;

/** The flow whose document a signer's visit may see: one that is being signed or is done. */
async function readableFlow(context: SigningContext, visit: Visit): Promise<{ flow: FlowRow; signer: SignerRow }> {
  const place = await placeOf(context, visit);
  // Who has signed agreed before they did, in this browser or in another one.
  if (place.signer.state === 'signed') requireChecked(visit);
  else requireConsent(visit);
  if (place.flow.state !== 'signing' && place.flow.state !== 'done') throw refused('signer_flow_over');
  return place;
}

/** The same, or the flow that is done whose document a copy's visit may see. */
async function shownFlow(context: SigningContext, visit: Visit): Promise<{ flow: FlowRow; signer: SignerRow | null }> {
  if (!visit.session.is_copy) return readableFlow(context, visit);
  requireChecked(visit);
  const { flow } = await copyPlaceOf(context, visit);
  return { flow, signer: null };
}

function fileOf({ app_id: appId, file_id: fileId }: FlowRow): { appId: string; fileId: string } {
  return { appId, fileId };
}

/** A page of the newest revision. The first page that is asked for opens the document: the reading time runs from there. */
export async function documentPage(
  context: SigningContext,
  visit: Visit,
  wanted: { page: number; widthPixels: number },
): Promise<PageImage & { fileId: string }> {
  const { flow, signer } = await shownFlow(context, visit);
  const file = fileOf(flow);
  const read = async (): Promise<Buffer> => (await context.documents.readFile(file)).bytes;
  const pdf = { key: `${file.appId}/${file.fileId}`, read };
  const image = await context.pageImages.render({ pdf, ...wanted });
  if (signer?.document_opened_at === null && signer.state === 'signing') await noteOpened(context, visit, flow);
  return { ...image, fileId: file.fileId };
}

async function noteOpened(context: SigningContext, visit: Visit, flow: FlowRow): Promise<void> {
  const at = context.clock.now();
  const file = await context.documents.findFile(fileOf(flow));
  const { length } = await context.pageSizes.of(fileOf(flow));
  await context.db.transaction().execute(async (tx) => {
    if (!(await noteDocumentOpened(tx, keyOf(visit), at))) return;
    const shown = file && { file: { fileId: file.fileId, sha256: file.sha256 } };
    await recordAct(tx, actOf(visit, { kind: 'document_opened', at, ...shown, detail: { pages: length } }));
  });
}

/** Adds what the page tells of how long its pages were looked at. It is the browser's word, and no more. */
export async function noteViews(
  context: SigningContext,
  visit: Visit,
  views: readonly { page: number; milliseconds: number }[],
): Promise<void> {
  const { flow } = await readableFlow(context, visit);
  const { length } = await context.pageSizes.of(fileOf(flow));
  const seen = views
    .filter(({ page }) => page <= length)
    .map(({ page, milliseconds }) => ({ page, milliseconds: Math.min(Math.round(milliseconds), VIEW_MS_MAX) }));
  if (seen.length > 0) await addViews(context.db, keyOf(visit), seen, context.clock.now());
}

/** The newest revision, to keep. */
export async function download(context: SigningContext, visit: Visit): Promise<{ fileName: string; bytes: Buffer }> {
  const { flow } = await shownFlow(context, visit);
  const { fileId, sha256, bytes } = await context.documents.readFile(fileOf(flow));
  const at = context.clock.now();
  await context.db
    .transaction()
    .execute((tx) => recordAct(tx, actOf(visit, { kind: 'downloaded', at, file: { fileId, sha256 } })));
  return { fileName: flow.subject, bytes };
}

/**
 * The flow whose evidence report a signer may have, once it is done. It is noted in the audit alone: an act would be one
 * more thing that the next report tells of.
 */
export async function evidenceFlow(
  context: SigningContext,
  visit: Visit,
): Promise<{ appId: string; flowId: string; actor: string }> {
  const { flow } = await readableFlow(context, visit);
  if (flow.state !== 'done') throw refused('signer_not_in_turn');
  const { appId, flowId, signerId } = keyOf(visit);
  const actor = actorOf(signerId, false);
  const { ip, sessionId } = visit.origin;
  const subject = `sign_flow:${flowId}`;
  const action = 'sign_flow.evidence_downloaded';
  const at = context.clock.now();
  await context.db
    .transaction()
    .execute((tx) => appendAudit(tx, { appId, actor, action, subject, detail: { signerId, ip, sessionId }, at }));
  return { appId, flowId, actor };
}

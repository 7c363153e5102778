import { checkPdf, signingRefusal } from '../documents/index.ts';
import type { Org } from '../parties/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { hexId, randomAlphanumeric } from '../platform/ids.ts';
import { recordAct } from './act.ts';
import type { SigningContext } from './context.ts';
import { drawingOf } from './drawing.ts';
import { layoutField } from './field-layout.ts';
import { newFlowRows } from './new-flow.ts';
import { addFlowJobs } from './open-flow.ts';
import { sendLinks } from './links.ts';
import { findFlow, insertFlow, signersOf } from './store.ts';
import type { RequestRow, StoredCommand } from './tables.ts';
import type { OpenDocumentFlow } from './terms.ts';

const FLOW_REQUEST_ID_LENGTH = 20;

/**
 * Makes a flow of a document that the service wrote itself: nothing is fetched, so it is there when this resolves.
 * `within` writes what belongs to the flow in the same transaction, in which the member who is to sign is sent a link.
 *
 * @throws DomainError org_not_found, sign_field_invalid, seal_character_missing, seal_not_reviewed, seal_rejected
 */
export async function openDocumentFlow(
  context: SigningContext,
  command: OpenDocumentFlow,
  within: (tx: Transaction, key: { flowId: string }) => Promise<void>,
): Promise<{ flowId: string }> {
  const { appId, etcOrgNo, fileName, pdf } = command;
  const org = await context.parties.findOrg(context.db, appId, etcOrgNo);
  if (!org) throw new DomainError('org_not_found', { etcOrgNo });
  await assertSignable(context, command, org);
  // The file is durable before the rows that name it: a crash in between leaves one that nobody names.
  const file = await context.documents.storeFile({ appId, fileName, bytes: pdf });
  const { fileId } = file;
  const request = requestOf(command, context.clock.now());
  const flow = newFlowRows({ request, flowId: hexId(), fileId, org, at: request.created_at });
  const key = { appId, flowId: flow.flow.flow_id };
  try {
    await context.db.transaction().execute(async (tx) => {
      await insertFlow(tx, flow.flow, flow.signers, flow.fields);
      await within(tx, { flowId: key.flowId });
      await addFlowJobs(context, tx, flow);
      const detail = { flowRequestId: request.flow_request_id, fileName };
      const act = { ...key, signerId: null, kind: 'created' as const, actor: command.actor, at: request.created_at };
      const audit = { action: 'sign_flow.create', detail: { fileId } };
      await recordAct(tx, { ...act, file: { fileId, sha256: file.sha256 }, detail }, audit);
      const opened = await findFlow(tx, key);
      if (opened) await sendLinks(context, tx, opened, await signersOf(tx, key));
    });
  } catch (error) {
    await context.documents.discardFile({ appId, fileId });
    throw error;
  }
  return { flowId: key.flowId };
}

/** The company's seal can be drawn and stand where it is to stand: what cannot be signed later is refused now. */
async function assertSignable(context: SigningContext, command: OpenDocumentFlow, org: Org): Promise<void> {
  const limits = { bytesMax: context.limits.revisionBytesMax };
  const check = checkPdf(command.pdf, limits);
  if (!check.ok) throw new DomainError(check.reason, {}, { cause: check.cause });
  for (const field of command.fields) {
    const layout = layoutField(field, await drawingOf(context, org, field, context.clock.now()), check.pages);
    if (!layout.ok) throw new DomainError('sign_field_invalid', { reason: layout.reason });
    const refusal = await signingRefusal(command.pdf, layout.widgets, limits);
    if (refusal !== undefined) throw new DomainError(refusal);
  }
}

/** A request that was settled before anybody could wait for it. */
function requestOf(command: OpenDocumentFlow, at: Date): RequestRow {
  const { appId, etcMemberNo, fileName, notifyUrl, fields } = command;
  const stored: StoredCommand = {
    appId,
    bizRequestNo: null,
    fileUrl: '',
    fileName,
    notifyUrl,
    signValidity: null,
    finishNotifyFlag: true,
    initiator: { etcMemberNo: etcMemberNo ?? '', signOrder: 1, fields },
    signers: [],
  };
  return {
    app_id: appId,
    flow_request_id: randomAlphanumeric(FLOW_REQUEST_ID_LENGTH),
    biz_request_no: null,
    state: 'opened',
    command: stored,
    attempts: 0,
    touched_at: at,
    flow_id: null,
    failure: null,
    created_at: at,
    settled_at: at,
    quota_taken: false,
  };
}

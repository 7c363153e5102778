import { SIGNATURE_LEVELS } from '../platform/timestamp-settings.ts';
import { DomainError } from '../platform/errors.ts';
import type { SigningContext } from './context.ts';
import { findFlow } from './store.ts';
import type { FlowRow } from './tables.ts';
import { signedFields } from './upgrade-store.ts';
import type { FlowDocument, FlowView, SigningErrorCode } from './terms.ts';

async function flowRow(context: SigningContext, appId: string, flowId: string): Promise<FlowRow> {
  const row = await findFlow(context.db, { appId, flowId });
  if (!row) throw new DomainError<SigningErrorCode>('flow_not_found', { flowId });
  return row;
}

/** What a query answers. */
export async function viewFlow(context: SigningContext, appId: string, flowId: string): Promise<FlowView> {
  return viewOf(await flowRow(context, appId, flowId));
}

/** A flow's row as it is shown. */
export function viewOf(row: FlowRow): FlowView {
  return {
    flowId: row.flow_id,
    appId: row.app_id,
    flowRequestId: row.flow_request_id,
    autoArchive: true,
    businessScene: row.subject,
    state: row.state,
    startedAt: row.created_at,
    endedAt: row.ended_at,
    reason: row.reason,
    initiatorMemberNo: row.initiator_member_no,
    initiatorOrgNo: row.initiator_org_no,
    signValidity: row.sign_validity,
  };
}

/** The flow's one document in its newest revision. */
export async function flowDocuments(context: SigningContext, appId: string, flowId: string): Promise<FlowDocument[]> {
  const row = await flowRow(context, appId, flowId);
  const fileUrl = context.documents.fileUrl({ appId, fileId: row.file_id });
  const levels = new Set((await signedFields(context.db, { appId, flowId })).map(({ level }) => level));
  const signatureLevel = SIGNATURE_LEVELS.find((level) => levels.has(level)) ?? null;
  return [{ fileId: row.file_id, fileName: row.subject, fileUrl, signatureLevel }];
}

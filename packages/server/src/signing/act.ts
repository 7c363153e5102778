import { createHash } from 'node:crypto';
import { appendAudit } from '../audit/index.ts';
import type { Executor, Transaction } from '../platform/database/index.ts';
import { uuidV7 } from '../platform/ids.ts';
import type { SigningTables } from './tables.ts';

/**
 * What happened to a flow, as table `sign_act` and the evidence report name it, with what `detail` holds beside:
 *
 * - `created` flowRequestId, fileName · `revoked` reason · `expired` signValidity · `done`
 * - `link_sent` channel, to (masked), reminder · `link_unsent` reason: there is no address · `opened`
 * - `code_sent` to (masked) · `code_wrong` triesLeft · `code_locked` until · `identity_checked` method, to (masked)
 * - `consented` textSha256 · `document_opened` pages · `previewed` previewId, pages, fields: [{fieldId, form, sealId?}]
 * - `confirmed` previewId, fields, choicesSha256, pagesViewed, viewedMs · `signed` fieldId, sealId (null: handwritten), level,
 *   fileId, replacedFileId (the revision before)
 * - `refused` reason · `handed_over` expiresAt · `downloaded`
 * - `result_sent` channel, to (masked), copyId?, outcome? (where the flow is not done) · `result_unsent` reason, to?, copyId?, outcome?
 * - `copy_added` copyId, name and to (masked) · `copy_removed` copyId
 */
export type ActKind =
  | 'created'
  | 'link_sent'
  | 'link_unsent'
  | 'opened'
  | 'code_sent'
  | 'code_wrong'
  | 'code_locked'
  | 'identity_checked'
  | 'consented'
  | 'document_opened'
  | 'previewed'
  | 'confirmed'
  | 'signed'
  | 'refused'
  | 'handed_over'
  | 'downloaded'
  | 'revoked'
  | 'expired'
  | 'done'
  | 'result_sent'
  | 'result_unsent'
  | 'copy_added'
  | 'copy_removed';

/** Where an act came from: a browser's address and what it calls itself. Both null where no browser was there. */
export interface ActOrigin {
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly sessionId: string | null;
}

export interface NewAct {
  readonly appId: string;
  readonly flowId: string;
  readonly signerId: string | null;
  readonly kind: ActKind;
  /** `signer:ID`, `copy:ID`, `member:NO`, `operator`, `system`. */
  readonly actor: string;
  readonly at: Date;
  readonly origin?: ActOrigin;
  readonly messageId?: string;
  readonly consentVersion?: string;
  /** The revision shown, agreed to or made. */
  readonly file?: { readonly fileId: string; readonly sha256: string };
  /** Masked and without secrets: it stands in the audit and in the report. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/**
 * An act as it stands in `sign_act`. Columns: app_id, flow_id, act_no (order), act_id, signer_id, kind, actor, at, ip,
 * user_agent, session_id, message_id (of the link or code), consent_version, file_id, file_sha256, detail, content (the
 * text that `sha256` is over). Names, ID numbers and mobiles of signers stand in `sign_signer`, page-view times in
 * `sign_view` (page, milliseconds, first_at, last_at), the confirmed choices in `sign_intent`.
 */
export interface Act extends Required<Omit<NewAct, 'origin' | 'messageId' | 'consentVersion' | 'file'>>, ActOrigin {
  readonly actNo: number;
  readonly actId: string;
  readonly messageId: string | null;
  readonly consentVersion: string | null;
  readonly fileId: string | null;
  readonly fileSha256: string | null;
  /** What was hashed (`actContent`). The other columns say the same, but that jsonb keeps no order of keys in `detail`. */
  readonly content: string;
  /** Lower-case hex over `content`; the audit's entry of the act holds it too. */
  readonly sha256: string;
}

const USER_AGENT_LENGTH_MAX = 400;

/** The text of an act that is hashed: a JSON array in a fixed order, so that anybody can build it again. */
function actContent(act: Omit<Act, 'actNo' | 'content' | 'sha256'>): string {
  const { appId, flowId, actId, signerId, kind, actor, at, ip, userAgent, sessionId, messageId } = act;
  const { consentVersion, fileId, fileSha256, detail } = act;
  const who = [appId, flowId, actId, signerId, kind, actor, at.toISOString(), ip, userAgent, sessionId, messageId];
  return JSON.stringify([...who, consentVersion, fileId, fileSha256, detail]);
}

/**
 * Writes an act and its audit entry in the caller's transaction. `audit` names the entry otherwise than
 * `sign_flow.KIND` with the act's own detail.
 */
export async function recordAct(
  tx: Transaction,
  given: NewAct,
  audit: { action?: string; detail?: Record<string, unknown> } = {},
): Promise<void> {
  const act = {
    appId: given.appId,
    flowId: given.flowId,
    actId: uuidV7(given.at),
    signerId: given.signerId,
    kind: given.kind,
    actor: given.actor,
    at: given.at,
    ip: given.origin?.ip ?? null,
    userAgent: given.origin?.userAgent?.slice(0, USER_AGENT_LENGTH_MAX) ?? null,
    sessionId: given.origin?.sessionId ?? null,
    messageId: given.messageId ?? null,
    consentVersion: given.consentVersion ?? null,
    fileId: given.file?.fileId ?? null,
    fileSha256: given.file?.sha256 ?? null,
    detail: given.detail ?? {},
  };
  const content = actContent(act);
  const sha256 = createHash('sha256').update(content, 'utf8').digest('hex');
  await tx
    .withTables<SigningTables>()
    .insertInto('sign_act')
    .values({
      app_id: act.appId,
      flow_id: act.flowId,
      act_id: act.actId,
      signer_id: act.signerId,
      kind: act.kind,
      actor: act.actor,
      at: act.at,
      ip: act.ip,
      user_agent: act.userAgent,
      session_id: act.sessionId,
      message_id: act.messageId,
      consent_version: act.consentVersion,
      file_id: act.fileId,
      file_sha256: act.fileSha256,
      detail: JSON.stringify(act.detail),
      content,
      sha256,
    })
    .execute();
  await appendAudit(tx, {
    appId: act.appId,
    actor: act.actor,
    action: audit.action ?? `sign_flow.${act.kind}`,
    subject: `sign_flow:${act.flowId}`,
    detail: { ...act.detail, ...audit.detail, actId: act.actId, actSha256: sha256 },
    at: act.at,
  });
}

/** Every act of a flow in the order in which they happened. */
export async function actsOf(executor: Executor, { appId, flowId }: { appId: string; flowId: string }): Promise<Act[]> {
  return executor
    .withTables<SigningTables>()
    .selectFrom('sign_act')
    .select(['app_id as appId', 'flow_id as flowId', 'act_no as actNo', 'act_id as actId', 'signer_id as signerId'])
    .select(['kind', 'actor', 'at', 'ip', 'user_agent as userAgent', 'session_id as sessionId'])
    .select(['message_id as messageId', 'consent_version as consentVersion', 'file_id as fileId'])
    .select(['file_sha256 as fileSha256', 'detail', 'content', 'sha256'])
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .orderBy('act_no')
    .execute();
}

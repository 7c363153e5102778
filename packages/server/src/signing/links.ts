import { createHash, randomBytes } from 'node:crypto';
import type { Recipient } from '../messages/index.ts';
import type { Executor, Transaction } from '../platform/database/index.ts';
import { recordAct } from './act.ts';
import type { SigningContext } from './context.ts';
import { openPersonal } from './personal.ts';
import { insertLink } from './signer-store.ts';
import { fieldsOf } from './store.ts';
import type { FlowRow, LinkRow, SignerRow } from './tables.ts';

/** A link without a deadline lives for so long. */
const LINK_LIFE_MS = 30 * 86_400_000;
/** For so long after the last signature a link opens the signed document. */
export const RESULT_LINK_LIFE_MS = 90 * 86_400_000;
const TOKEN_BYTES = 24;
/** An app's id stands before the token: the tables are cut by it. */
const APP_ID_LENGTH = 16;

/** A secret that names its application, and what of it is stored. 128 bits and more, so that its hash needs no salt. */
export function newToken(appId: string): { token: string; hash: Buffer } {
  const token = `${appId}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  return { token, hash: tokenHash(token) };
}

/** The application and the hash of a token, or undefined where it has not its form. */
export function readToken(token: string): { appId: string; hash: Buffer } | undefined {
  if (!/^[A-Z0-9]{16}[\w-]{32}$/.test(token)) return undefined;
  return { appId: token.slice(0, APP_ID_LENGTH), hash: tokenHash(token) };
}

function tokenHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/**
 * Whether the time of a link is over. One that was sent to a signer opens what became of it, too. That is read and not
 * written: whoever ends a flow holds the audit's lock, for which somebody who opens a link may wait.
 */
export function isLinkOver(
  link: Pick<LinkRow, 'kind' | 'expires_at'>,
  flow: Pick<FlowRow, 'state' | 'ended_at'> | undefined,
  now: Date,
): boolean {
  if (link.expires_at > now) return false;
  const doneAt = link.kind === 'sent' && flow?.state === 'done' ? flow.ended_at : null;
  return doneAt === null || doneAt.getTime() + RESULT_LINK_LIFE_MS <= now.getTime();
}

/** Where a link leads; the token stands in the fragment, which no server and no proxy sees. */
export function signingUrl(baseUrl: string, token: string): string {
  return `${baseUrl}/sign#${token}`;
}

/** Who acts for a signer: the individual, or the initiator's member for its company. Null: no mobile is known. */
export async function whoSigns(
  { parties, vault }: Pick<SigningContext, 'parties' | 'vault'>,
  executor: Executor,
  flow: FlowRow,
  signer: SignerRow,
): Promise<{ name: string; mobile: string | null }> {
  if (signer.kind === 'individual') {
    const mobile = signer.mobile === null ? null : openPersonal(vault, signer.signer_id, 'mobile', signer.mobile);
    return { name: signer.name, mobile };
  }
  const etcMemberNo = flow.initiator_member_no;
  const found = await parties.findMember(executor, flow.app_id, etcMemberNo);
  const mobile = await parties.memberMobile(executor, flow.app_id, etcMemberNo);
  return { name: found?.member.memberName ?? signer.name, mobile };
}

/** Whether a person has to sign for this signer: one whose fields are all silent is never written to. */
export async function needsPerson(tx: Transaction, flow: FlowRow, signer: SignerRow): Promise<boolean> {
  if (signer.kind === 'individual') return true;
  const fields = await fieldsOf(tx, { appId: flow.app_id, flowId: flow.flow_id }, signer.signer_id);
  return fields.some((field) => !field.auto_execute && field.state === 'waiting');
}

/**
 * Sends each signer whose turn has come a link of their own, in the transaction in which it came. A signer who cannot be
 * written to gets an act that says so: their link can be sent again once they can.
 */
export async function sendLinks(
  context: SigningContext,
  tx: Transaction,
  flow: FlowRow,
  signers: readonly SignerRow[],
  options: { isReminder: boolean; actor?: string } = { isReminder: false },
): Promise<{ sent: number }> {
  let sent = 0;
  for (const signer of signers) {
    if (!(await needsPerson(tx, flow, signer))) continue;
    if (await sendLink(context, tx, flow, signer, options)) sent += 1;
  }
  return { sent };
}

async function sendLink(
  context: SigningContext,
  tx: Transaction,
  flow: FlowRow,
  signer: SignerRow,
  { isReminder, actor = 'system' }: { isReminder: boolean; actor?: string },
): Promise<boolean> {
  const { app_id: appId, flow_id: flowId } = flow;
  const at = context.clock.now();
  const act = { appId, flowId, signerId: signer.signer_id, actor, at };
  const { mobile } = await whoSigns(context, tx, flow, signer);
  const org = await context.parties.findOrg(tx, appId, flow.initiator_org_no);
  const { token, hash } = newToken(appId);
  const expiresAt = flow.sign_validity ?? new Date(at.getTime() + LINK_LIFE_MS);
  const to: Recipient = mobile === null ? {} : { mobile };
  const message = await context.messages.send(tx, {
    appId,
    to,
    kind: isReminder ? 'sign_reminder' : 'sign_link',
    params: {
      initiator: org?.orgName ?? '',
      subject: flow.subject.replace(/\.pdf$/i, ''),
      url: signingUrl(context.baseUrl(), token),
    },
    expiresAt,
  });
  if (!message.isReachable || mobile === null) {
    const reason = mobile === null ? 'no mobile is known' : 'messages cannot reach this address';
    await recordAct(tx, { ...act, kind: 'link_unsent', detail: { reason } });
    context.log.warn({ appId, flowId, signerId: signer.signer_id, reason }, 'a signer cannot be sent their link');
    return false;
  }
  await insertLink(tx, {
    app_id: appId,
    token_hash: hash,
    flow_id: flowId,
    signer_id: signer.signer_id,
    kind: 'sent',
    created_at: at,
    expires_at: expiresAt,
    used_at: null,
  });
  const { messageId, channel } = message;
  await recordAct(tx, { ...act, kind: 'link_sent', messageId, detail: { channel, to: message.to, isReminder } });
  return true;
}

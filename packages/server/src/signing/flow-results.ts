import type { Recipient } from '../messages/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import { maskEmail, maskMobile } from '../platform/masking.ts';
import { recordAct } from './act.ts';
import { findSettings } from './app-settings.ts';
import type { SigningContext } from './context.ts';
import { copiesOf } from './copy-store.ts';
import type { FlowOutcome } from './flow.ts';
import { needsPerson, newToken, RESULT_LINK_LIFE_MS, signingUrl, whoSigns } from './links.ts';
import { openCopyPart } from './personal.ts';
import { insertLink } from './signer-store.ts';
import type { CopyRow, FlowRow, SignerRow } from './tables.ts';

/** A flow that has ended, in the transaction in which it did. */
interface End {
  readonly flow: FlowRow;
  /** As they were before. */
  readonly signers: readonly SignerRow[];
  readonly outcome: FlowOutcome;
  /** Whose own act ended it. */
  readonly byMember: boolean;
  readonly bySignerId: string | null;
  readonly at: Date;
}

/** Somebody who is written to when a flow ends. */
interface Told {
  readonly signerId: string | null;
  /** For the act, where the person is no signer. */
  readonly detail: Readonly<Record<string, string>>;
  /** Null: no address is known. */
  readonly to: Recipient | null;
}

/**
 * Writes to people that a flow has ended. One that is done: to everybody who signed by hand, with a link to the signed
 * document, and to those who get copies. One that ended otherwise: to those who had been asked to sign.
 */
export async function tellPeople(context: SigningContext, tx: Transaction, end: End): Promise<void> {
  const { flow, signers, outcome, at } = end;
  if (outcome !== 'done') {
    const { tellsEnd } = await findSettings(tx, flow.app_id);
    if (tellsEnd) await tellAsked(context, tx, end, outcome);
    return;
  }
  const people = signers.filter((signer) => signer.confirmed_at !== null);
  const isTold = people.length > 0 && (await findSettings(tx, flow.app_id)).tellsEnd;
  for (const signer of isTold ? people : []) {
    const { mobile } = await whoSigns(context, tx, flow, signer);
    const told = { signerId: signer.signer_id, detail: {}, to: mobile === null ? null : { mobile } };
    const link = { visitorId: signer.signer_id, kind: 'sent' as const, message: 'sign_done' as const };
    await sendResult(context, tx, { flow, at, told: [told], link });
  }
  await sendCopies(context, tx, flow, await copiesOf(tx, { appId: flow.app_id, flowId: flow.flow_id }), at);
}

/** Sends each copy its link to the signed document. */
export async function sendCopies(
  context: SigningContext,
  tx: Transaction,
  flow: FlowRow,
  copies: readonly CopyRow[],
  at: Date,
): Promise<void> {
  for (const copy of copies) {
    const copyId = copy.copy_id;
    const told = copyAddresses(context, copy).map((to) => ({ signerId: null, detail: { copyId }, to }));
    const link = { visitorId: copyId, kind: 'copy' as const, message: 'sign_copy' as const };
    await sendResult(context, tx, { flow, at, told, link });
  }
}

/** Each address of a copy by itself: an adapter that cannot write to one may write to the other. */
export function copyAddresses({ vault }: Pick<SigningContext, 'vault'>, copy: CopyRow): Recipient[] {
  const { copy_id: copyId, mobile_sealed: mobile, email_sealed: email } = copy;
  return [
    ...(mobile === null ? [] : [{ mobile: openCopyPart(vault, copyId, 'mobile', mobile) }]),
    ...(email === null ? [] : [{ email: openCopyPart(vault, copyId, 'email', email) }]),
  ];
}

/** One link for one person, to each of their addresses that can be reached. */
async function sendResult(
  context: SigningContext,
  tx: Transaction,
  result: {
    flow: FlowRow;
    at: Date;
    told: readonly Told[];
    link: { visitorId: string; kind: 'sent' | 'copy'; message: 'sign_done' | 'sign_copy' };
  },
): Promise<void> {
  const { flow, at, told, link } = result;
  const { app_id: appId, flow_id: flowId } = flow;
  const { token, hash } = newToken(appId);
  const expiresAt = new Date(at.getTime() + RESULT_LINK_LIFE_MS);
  const params = { ...(await wordsOf(context, tx, flow)), url: signingUrl(context.baseUrl(), token) };
  let isSent = false;
  for (const one of told) {
    const write = (to: Recipient): Promise<Sent> =>
      context.messages.send(tx, { appId, to, kind: link.message, params, expiresAt });
    if (await tell(context, tx, { flow, at, told: one, write })) isSent = true;
  }
  if (!isSent) return;
  await insertLink(tx, {
    app_id: appId,
    token_hash: hash,
    flow_id: flowId,
    signer_id: link.visitorId,
    kind: link.kind,
    created_at: at,
    expires_at: expiresAt,
    used_at: null,
  });
}

/** Those who had been asked hear that there is nothing to sign any more; whoever ended it knows. */
async function tellAsked(
  context: SigningContext,
  tx: Transaction,
  { flow, signers, byMember, bySignerId, at }: End,
  outcome: Exclude<FlowOutcome, 'done'>,
): Promise<void> {
  const { app_id: appId } = flow;
  const params = { ...(await wordsOf(context, tx, flow)), outcome };
  const write = (to: Recipient): Promise<Sent> => context.messages.send(tx, { appId, to, kind: 'sign_ended', params });
  for (const signer of signers) {
    const isWhoEnded = signer.signer_id === bySignerId || (byMember && signer.kind === 'company');
    if (signer.state === 'waiting' || isWhoEnded) continue;
    if (signer.confirmed_at === null && !(await needsPerson(tx, flow, signer))) continue;
    const { mobile } = await whoSigns(context, tx, flow, signer);
    const to = mobile === null ? null : { mobile };
    await tell(context, tx, { flow, at, told: { signerId: signer.signer_id, detail: { outcome }, to }, write });
  }
}

async function wordsOf(
  { parties }: SigningContext,
  tx: Transaction,
  flow: FlowRow,
): Promise<{ initiator: string; subject: string }> {
  const org = await parties.findOrg(tx, flow.app_id, flow.initiator_org_no);
  return { initiator: org?.orgName ?? '', subject: flow.subject.replace(/\.pdf$/i, '') };
}

type Sent = Awaited<ReturnType<SigningContext['messages']['send']>>;

/** Writes to one address and records that, or that it cannot be written to: then it is false. */
async function tell(
  { log }: SigningContext,
  tx: Transaction,
  { flow, at, told, write }: { flow: FlowRow; at: Date; told: Told; write: (to: Recipient) => Promise<Sent> },
): Promise<boolean> {
  const { app_id: appId, flow_id: flowId } = flow;
  const { signerId, detail, to: address } = told;
  const act = { appId, flowId, signerId, actor: 'system', at };
  const message: Sent = address === null ? { isReachable: false } : await write(address);
  if (message.isReachable) {
    const { messageId, channel, to } = message;
    await recordAct(tx, { ...act, kind: 'result_sent', messageId, detail: { ...detail, channel, to } });
    return true;
  }
  const reason = address === null ? 'no mobile is known' : 'messages cannot reach this address';
  const to = address === null ? {} : { to: maskedAddress(address) };
  await recordAct(tx, { ...act, kind: 'result_unsent', detail: { ...detail, ...to, reason } });
  log.warn({ appId, flowId, signerId, ...detail, reason }, 'somebody cannot be told how a flow ended');
  return false;
}

/** As a message shows whom it went to. */
export function maskedAddress({ mobile, email }: Recipient): string {
  return mobile === undefined ? maskEmail(email ?? '') : maskMobile(mobile);
}

import { createHash, randomBytes } from 'node:crypto';
import { DomainError } from '../platform/errors.ts';
import { recordAct, type ActOrigin, type NewAct } from './act.ts';
import type { SigningContext } from './context.ts';
import { findCopy } from './copy-store.ts';
import { isLinkOver, newToken, readToken, signingUrl } from './links.ts';
import {
  countHandovers,
  countSessions,
  findLink,
  findSession,
  findSigner,
  insertLink,
  insertSession,
  useLink,
  type SignerKey,
} from './signer-store.ts';
import { findFlow } from './store.ts';
import type { CopyRow, FlowRow, SessionRow, SignerRow } from './tables.ts';

/** A request of a signer's browser: its session, and where it came from. Opaque to whoever is not signing. */
export interface Visit {
  readonly session: SessionRow;
  readonly origin: ActOrigin;
}

/**
 * What signing answers a signer who may not do what they ask. `retryAfter` and `triesLeft` stand in the params.
 *
 * - `signer_link_invalid`, `signer_link_expired`: the token of a link
 * - `signer_code_wrong` {triesLeft}, `signer_code_expired`, `signer_code_too_soon` {retryAfter}, `signer_code_locked` {retryAfter}
 * - `signer_unreachable`: no code can be sent, no mobile is known
 * - `signer_not_in_turn`: it is not their turn, or they have confirmed · `signer_flow_over`
 * - `signer_step_missing`: identity or consent, or no page of the document was shown · `signer_consent_outdated`: another version is in force
 * - `signer_choice_invalid` {reason} · `signer_reading_time_left` {retryAfter}
 * - `signer_preview_gone` · `signer_document_changed`: a signature came in since, where theirs is to stand
 * - `signer_company_not_verified`: nobody signs in the name of a company that was not looked at
 * - `signer_too_many` {retryAfter}
 */
export type SignerErrorCode =
  | 'signer_link_invalid'
  | 'signer_link_expired'
  | 'signer_code_wrong'
  | 'signer_code_expired'
  | 'signer_code_too_soon'
  | 'signer_code_locked'
  | 'signer_unreachable'
  | 'signer_not_in_turn'
  | 'signer_flow_over'
  | 'signer_step_missing'
  | 'signer_consent_outdated'
  | 'signer_choice_invalid'
  | 'signer_reading_time_left'
  | 'signer_preview_gone'
  | 'signer_document_changed'
  | 'signer_company_not_verified'
  | 'signer_too_many';

export function refused(code: SignerErrorCode, params: Record<string, string> = {}): DomainError<SignerErrorCode> {
  return new DomainError(code, params);
}

/** As long as a day's work: afterwards the link opens a new one. */
export const SIGNER_SESSION_LIFE_MS = 12 * 3_600_000;
const SESSION_ID_BYTES = 9;
/** Long enough to take up a phone. */
const HANDOVER_LIFE_MS = 10 * 60_000;
const HANDOVERS_AN_HOUR_MAX = 20;
/**
 * Each leaves an act that stays: a link is opened by hand, not in a loop. Whoever holds the link and is not the signer uses
 * up those of their own address, and the signer gets in from another.
 */
const UNPROVEN_SESSIONS_AN_HOUR_MAX = 60;
/** From all addresses together: a bound on what is written, far beyond what one address may. */
const SESSIONS_AN_HOUR_MAX = 1_200;
const HOUR_MS = 3_600_000;

export function keyOf({ session }: Visit): SignerKey {
  return { appId: session.app_id, flowId: session.flow_id, signerId: session.signer_id };
}

/** An act of the visit's signer, or of somebody who gets a copy: those are no signers, and `actor` names them. */
export function actOf(visit: Visit, act: Pick<NewAct, 'kind' | 'at'> & Partial<NewAct>): NewAct {
  const { appId, flowId, signerId } = keyOf(visit);
  const isCopy = visit.session.is_copy;
  const who = { signerId: isCopy ? null : signerId, actor: actorOf(signerId, isCopy) };
  return { appId, flowId, ...who, origin: visit.origin, ...act };
}

/** How acts and the audit name who opened a link. */
export function actorOf(visitorId: string, isCopy: boolean): string {
  return `${isCopy ? 'copy' : 'signer'}:${visitorId}`;
}

/** The flow and the copy of a visit that is a copy's. Its link opens the signed document, and nothing before that. */
export async function copyPlaceOf(
  { db }: Pick<SigningContext, 'db'>,
  visit: Visit,
): Promise<{ flow: FlowRow; copy: CopyRow }> {
  const { signerId: copyId, ...key } = keyOf(visit);
  const [flow, copy] = await Promise.all([findFlow(db, key), findCopy(db, { ...key, copyId })]);
  if (!visit.session.is_copy || flow?.state !== 'done' || !copy) throw refused('signer_link_invalid');
  return { flow, copy };
}

/** Who only gets a copy signs nothing, refuses nothing and tells nothing. */
export function requireSigner({ session }: Visit): void {
  if (session.is_copy) throw refused('signer_not_in_turn');
}

/** The flow and the signer of a visit as they stand now. */
export async function placeOf(context: SigningContext, visit: Visit): Promise<{ flow: FlowRow; signer: SignerRow }> {
  requireSigner(visit);
  const key = keyOf(visit);
  const [flow, signer] = await Promise.all([findFlow(context.db, key), findSigner(context.db, key)]);
  if (!flow || !signer) throw refused('signer_link_invalid');
  return { flow, signer };
}

/** Whoever sits there is who the link was sent to. */
export function requireChecked({ session }: Visit): void {
  if (session.checked_at === null) throw refused('signer_step_missing');
}

/** Whoever sits there is the signer and agreed: only then is anything of the document shown. */
export function requireConsent({ session }: Visit): void {
  if (session.checked_at === null || session.consented_at === null) throw refused('signer_step_missing');
}

/** It is the signer's turn, and they have not confirmed. */
export function requireTurn(flow: FlowRow, signer: SignerRow, now: Date): void {
  if (flow.state !== 'signing') throw refused('signer_flow_over');
  if (flow.sign_validity !== null && flow.sign_validity <= now) throw refused('signer_flow_over');
  if (signer.state !== 'signing' || signer.confirmed_at !== null) throw refused('signer_not_in_turn');
}

const hashOf = (cookie: string): Buffer => createHash('sha256').update(cookie).digest();

/** Opens the link of a token: `cookie` is for the browser alone, `sessionId` names the session to its own page. */
export async function openLink(
  context: SigningContext,
  token: string,
  from: Omit<ActOrigin, 'sessionId'>,
): Promise<{ cookie: string; sessionId: string; key: SignerKey }> {
  const read = readToken(token);
  const link = read && (await findLink(context.db, read.appId, read.hash));
  if (!link) throw refused('signer_link_invalid');
  const at = context.clock.now();
  const key = { appId: link.app_id, flowId: link.flow_id, signerId: link.signer_id };
  if (isLinkOver(link, await findFlow(context.db, key), at)) throw refused('signer_link_expired');
  const { all, unprovenThere } = await countSessions(context.db, key, from, new Date(at.getTime() - HOUR_MS));
  if (unprovenThere >= UNPROVEN_SESSIONS_AN_HOUR_MAX || all >= SESSIONS_AN_HOUR_MAX) {
    throw refused('signer_too_many', { retryAfter: '600' });
  }
  const { token: cookie } = newToken(link.app_id);
  const sessionId = randomBytes(SESSION_ID_BYTES).toString('base64url');
  await context.db.transaction().execute(async (tx) => {
    if (!(await useLink(tx, link, at))) throw refused('signer_link_expired');
    await insertSession(tx, {
      app_id: link.app_id,
      cookie_hash: hashOf(cookie),
      session_id: sessionId,
      flow_id: link.flow_id,
      signer_id: link.signer_id,
      created_at: at,
      expires_at: new Date(at.getTime() + SIGNER_SESSION_LIFE_MS),
      checked_at: null,
      check_method: null,
      check_message: null,
      consent_version: null,
      consented_at: null,
      is_copy: link.kind === 'copy',
    });
    await recordAct(tx, {
      ...key,
      kind: 'opened',
      ...(link.kind === 'copy' && { signerId: null }),
      actor: actorOf(link.signer_id, link.kind === 'copy'),
      at,
      origin: { ...from, sessionId },
      detail: { link: link.kind },
    });
  });
  return { cookie, sessionId, key };
}

/** The visit of a cookie; undefined where there is no such session any more. */
export async function visitOf(
  context: SigningContext,
  cookie: string,
  from: Omit<ActOrigin, 'sessionId'>,
): Promise<Visit | undefined> {
  const read = readToken(cookie);
  const session = read && (await findSession(context.db, read.appId, read.hash, context.clock.now()));
  return session && { session, origin: { ...from, sessionId: session.session_id } };
}

/**
 * A link for the other device of a signer who proved who they are, so that nobody else uses up those of an hour. It opens
 * once and soon, and who opens it proves themselves anew.
 */
export async function handOver(context: SigningContext, visit: Visit): Promise<{ url: string; expiresAt: Date }> {
  const { flow } = await placeOf(context, visit);
  if (flow.state !== 'signing') throw refused('signer_flow_over');
  if (visit.session.checked_at === null) throw refused('signer_step_missing');
  const key = keyOf(visit);
  const at = context.clock.now();
  const since = new Date(at.getTime() - HOUR_MS);
  if ((await countHandovers(context.db, key, since)) >= HANDOVERS_AN_HOUR_MAX) {
    throw refused('signer_too_many', { retryAfter: '600' });
  }
  const { token, hash } = newToken(key.appId);
  const expiresAt = new Date(at.getTime() + HANDOVER_LIFE_MS);
  await context.db.transaction().execute(async (tx) => {
    await insertLink(tx, {
      app_id: key.appId,
      token_hash: hash,
      flow_id: key.flowId,
      signer_id: key.signerId,
      kind: 'handover',
      created_at: at,
      expires_at: expiresAt,
      used_at: null,
    });
    await recordAct(tx, actOf(visit, { kind: 'handed_over', at, detail: { expiresAt: expiresAt.toISOString() } }));
  });
  return { url: signingUrl(context.baseUrl(), token), expiresAt };
}

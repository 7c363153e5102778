import { createHmac, randomInt } from 'node:crypto';
import type { Recipient } from '../messages/index.ts';
import { equalConstantTime } from '../platform/constant-time.ts';
import type { Transaction } from '../platform/database/index.ts';
import { recordAct } from './act.ts';
import type { SigningContext } from './context.ts';
import type { BegunCheck, IdentityCheck, IdentityVerdict } from './identity-check.ts';
import { findCopy, lockCopy } from './copy-store.ts';
import { copyAddresses } from './flow-results.ts';
import { whoSigns } from './links.ts';
import { findSigner, lockCode, lockSigner, putCode, updateCode, updateSession } from './signer-store.ts';
import { actOf, copyPlaceOf, keyOf, placeOf, refused, type Visit } from './signer-visit.ts';
import { findFlow } from './store.ts';
import type { CodeRow, FlowRow } from './tables.ts';

const CODE_DIGITS = 6;
const CODE_LIFE_MS = 10 * 60_000;
const RESEND_MS = 60_000;
const TRIES = 5;
/** After as many wrong tries nothing is sent and nothing is judged for so long. */
const LOCK_MS = 10 * 60_000;
/** To one mobile, whatever it is to sign. */
const CODES_AN_HOUR_MAX = 10;
const HOUR_MS = 3_600_000;

/**
 * The one-time code: six digits to the signer's mobile (to the mobile or e-mail address of who gets a copy), stored as an HMAC, five tries in ten minutes. The signer's row is
 * locked while a code is made or judged, so that guesses made at once count one by one.
 */
export function createCodeCheck(context: SigningContext): IdentityCheck {
  const { db, clock, vault } = context;

  function hashOf(visit: Visit, sentAt: Date, code: string): Buffer {
    const { appId, flowId, signerId } = keyOf(visit);
    const text = JSON.stringify([appId, flowId, signerId, sentAt.toISOString(), code]);
    return createHmac('sha256', vault.deriveKey('sign-code')).update(text).digest();
  }

  async function send(tx: Transaction, visit: Visit): Promise<BegunCheck> {
    const key = keyOf(visit);
    const at = clock.now();
    await lockVisitor(tx, visit);
    const before = await lockCode(tx, key);
    refuseHaste(before, at);
    const { appId } = key;
    const code = String(randomInt(10 ** CODE_DIGITS)).padStart(CODE_DIGITS, '0');
    const expiresAt = new Date(at.getTime() + CODE_LIFE_MS);
    const message = await write(tx, await visitorOf(context, tx, visit), { appId, code, at, expiresAt });
    const { messageId } = message;
    await putCode(tx, {
      app_id: appId,
      flow_id: key.flowId,
      signer_id: key.signerId,
      code_hash: hashOf(visit, at, code),
      message_id: messageId,
      sent_at: at,
      expires_at: expiresAt,
      tries_left: TRIES,
      locked_until: null,
      used_at: null,
    });
    await recordAct(tx, actOf(visit, { kind: 'code_sent', at, messageId, detail: { to: message.to } }));
    return { sentTo: message.to, expiresInSeconds: CODE_LIFE_MS / 1_000, resendInSeconds: RESEND_MS / 1_000 };
  }

  /** To the first of the visitor's addresses that can be written to. */
  async function write(
    tx: Transaction,
    { flow, addresses }: Visitor,
    { appId, code, at, expiresAt }: { appId: string; code: string; at: Date; expiresAt: Date },
  ): Promise<{ messageId: string; to: string }> {
    // What is done is looked at, not signed: nobody must take the one code for the other.
    const kind = flow.state === 'done' ? 'view_code' : 'sign_code';
    const subject = flow.subject.replace(/\.pdf$/i, '');
    const params = { code, subject, minutes: String(CODE_LIFE_MS / 60_000) };
    const since = new Date(at.getTime() - HOUR_MS);
    for (const to of addresses) {
      const sent = await context.messages.countSent(tx, { appId, to, kind, since });
      if (sent >= CODES_AN_HOUR_MAX) throw refused('signer_too_many', { retryAfter: '600' });
      const message = await context.messages.send(tx, { appId, to, kind, params, expiresAt });
      if (message.isReachable) return message;
    }
    throw refused('signer_unreachable');
  }

  async function judged(tx: Transaction, visit: Visit, answer: string): Promise<IdentityVerdict> {
    const key = keyOf(visit);
    const at = clock.now();
    await lockVisitor(tx, visit);
    const code = await lockCode(tx, key);
    if (!code || code.used_at !== null) return { kind: 'expired' };
    if (code.locked_until !== null && code.locked_until > at) return { kind: 'locked', until: code.locked_until };
    if (code.expires_at <= at || code.tries_left < 1) return { kind: 'expired' };
    if (!equalConstantTime(hashOf(visit, code.sent_at, answer), code.code_hash)) {
      return wrong(tx, visit, code.tries_left - 1, at);
    }
    await updateCode(tx, key, { used_at: at });
    const { message_id: messageId } = code;
    await updateSession(tx, visit.session, { checked_at: at, check_method: 'code', check_message: messageId });
    await recordAct(tx, actOf(visit, { kind: 'identity_checked', at, messageId, detail: { method: 'code' } }));
    return { kind: 'proved' };
  }

  async function wrong(tx: Transaction, visit: Visit, triesLeft: number, at: Date): Promise<IdentityVerdict> {
    const isLast = triesLeft < 1;
    const until = new Date(at.getTime() + LOCK_MS);
    await updateCode(tx, keyOf(visit), { tries_left: triesLeft, ...(isLast && { locked_until: until }) });
    await recordAct(
      tx,
      actOf(
        visit,
        isLast
          ? { kind: 'code_locked', at, detail: { until: until.toISOString() } }
          : { kind: 'code_wrong', at, detail: { triesLeft } },
      ),
    );
    return isLast ? { kind: 'locked', until } : { kind: 'wrong', triesLeft };
  }

  return {
    method: 'code',
    async begin(visit) {
      const { flow } = visit.session.is_copy ? await copyPlaceOf(context, visit) : await placeOf(context, visit);
      if (flow.state !== 'signing' && flow.state !== 'done') throw refused('signer_flow_over');
      return db.transaction().execute((tx) => send(tx, visit));
    },
    // What a wrong answer costs commits: the refusal comes after it.
    judge: (visit, answer) => db.transaction().execute((tx) => judged(tx, visit, answer)),
  };
}

/** Who sits there, by where they can be written to. */
interface Visitor {
  readonly flow: FlowRow;
  /** In the order in which they are tried. */
  readonly addresses: readonly Recipient[];
}

async function visitorOf(context: SigningContext, tx: Transaction, visit: Visit): Promise<Visitor> {
  const { appId, flowId, signerId } = keyOf(visit);
  const flow = await findFlow(tx, { appId, flowId });
  if (!flow) throw refused('signer_link_invalid');
  if (visit.session.is_copy) {
    const copy = await findCopy(tx, { appId, flowId, copyId: signerId });
    if (!copy) throw refused('signer_link_invalid');
    return { flow, addresses: copyAddresses(context, copy) };
  }
  const signer = await findSigner(tx, { appId, flowId, signerId });
  if (!signer) throw refused('signer_link_invalid');
  const { mobile } = await whoSigns(context, tx, flow, signer);
  return { flow, addresses: mobile === null ? [] : [{ mobile }] };
}

/** Guesses and codes of one visitor come one after the other. */
async function lockVisitor(tx: Transaction, visit: Visit): Promise<void> {
  const { appId, flowId, signerId } = keyOf(visit);
  const row = visit.session.is_copy
    ? await lockCopy(tx, { appId, flowId, copyId: signerId })
    : await lockSigner(tx, { appId, flowId, signerId });
  if (!row) throw refused('signer_link_invalid');
}

function refuseHaste(before: CodeRow | undefined, at: Date): void {
  if (!before) return;
  if (before.locked_until !== null && before.locked_until > at) {
    throw refused('signer_code_locked', { retryAfter: secondsUntil(before.locked_until, at) });
  }
  const nextAt = new Date(before.sent_at.getTime() + RESEND_MS);
  if (before.used_at === null && nextAt > at) {
    throw refused('signer_code_too_soon', { retryAfter: secondsUntil(nextAt, at) });
  }
}

/** Whole seconds from one moment to another, rounded up. */
export function secondsUntil(then: Date, now: Date): string {
  return String(Math.max(1, Math.ceil((then.getTime() - now.getTime()) / 1_000)));
}

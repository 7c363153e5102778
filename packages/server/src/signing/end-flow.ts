import { DomainError } from '../platform/errors.ts';
import type { SigningContext } from './context.ts';
import { moveFlow } from './move-flow.ts';
import { isConfirmedUnsigned, lockFlow } from './store.ts';
import type { RevokeFlow, SigningErrorCode } from './terms.ts';

/** revokeReason(64) of seed 002, in characters. */
const REASON_LENGTH_MAX = 64;
const REASON_DEFAULT = '撤销';
/** For how long after the deadline a confirmed signature may still be made. */
const SEALING_GRACE_MS = 3_600_000;

/**
 * Revokes a flow that is in signing. Refused in this order: reason too long, no such flow, not the initiator, already
 * revoked, not in signing.
 */
export async function revokeFlow(context: SigningContext, command: RevokeFlow): Promise<void> {
  const { appId, flowId, etcMemberNo } = command;
  const reason = command.reason === undefined || command.reason === '' ? REASON_DEFAULT : command.reason;
  if (Array.from(reason).length > REASON_LENGTH_MAX)
    throw refused('reason_too_long', { limit: `${REASON_LENGTH_MAX}` });
  const notify = await context.notify.forApp(appId);
  const at = context.clock.now();
  await context.db.transaction().execute(async (tx) => {
    const flow = await lockFlow(tx, { appId, flowId });
    if (!flow) throw refused('flow_not_found', { flowId });
    if (flow.initiator_member_no !== etcMemberNo) throw refused('not_initiator', { flowId });
    if (flow.state === 'revoked') throw refused('flow_already_revoked', { flowId });
    const state = await moveFlow({ context, notify }, tx, flow, {
      event: { kind: 'revoke' },
      actor: `member:${etcMemberNo}`,
      action: 'sign_flow.revoke',
      detail: { reason },
      reason,
      at,
    });
    if (state === undefined) throw refused('flow_not_signing', { flowId, state: flow.state });
  });
}

function refused(code: SigningErrorCode, params: Record<string, string>): DomainError<SigningErrorCode> {
  return new DomainError(code, params);
}

/** Ends a flow whose signValidity has come. Does nothing to one that ended otherwise or has time left. */
export async function expireFlow(context: SigningContext, key: { appId: string; flowId: string }): Promise<void> {
  const notify = await context.notify.forApp(key.appId);
  await context.db.transaction().execute(async (tx) => {
    const flow = await lockFlow(tx, key);
    const at = context.clock.now();
    if (!flow || flow.sign_validity === null || flow.sign_validity > at) return;
    // Who confirmed in time has signed in time, however long the signature takes to make; but not for ever.
    const isLate = at.getTime() - flow.sign_validity.getTime() > SEALING_GRACE_MS;
    if (!isLate && (await isConfirmedUnsigned(tx, key))) return;
    await moveFlow({ context, notify }, tx, flow, {
      event: { kind: 'expire' },
      actor: 'system',
      action: 'sign_flow.expire',
      detail: { signValidity: flow.sign_validity.toISOString() },
      at,
    });
  });
}

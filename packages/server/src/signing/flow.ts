/**
 * The sign flow and its signers as state machines: pure, without time, I/O or any word of a wire format but the numbers
 * and words that every dialect shows for a state.
 *
 * ```
 * sign flow  draft → signing → done | revoked | refused | expired
 * signer     waiting → signing → signed | refused
 * ```
 */

export type FlowState = 'draft' | 'signing' | 'done' | 'revoked' | 'expired' | 'refused';
export type FlowOutcome = 'done' | 'revoked' | 'expired' | 'refused';
export type SignerState = 'waiting' | 'signing' | 'signed' | 'refused';

/** flowStatus of contracts/etc-gateway.md and tsign-signflow.md. */
export const FLOW_STATUS_NUMBER = { draft: 0, signing: 1, done: 2, revoked: 3, expired: 5, refused: 7 } as const;

/** What a person reads for a state; the last four are status_description of contracts/etc-notify.md. */
export const FLOW_STATUS_DESCRIPTION = {
  draft: '草稿',
  signing: '签署中',
  done: '完成',
  revoked: '撤销',
  expired: '过期',
  refused: '拒签',
} as const;

/** What may happen to a flow. `signed` and `refuse` name the signer who acts. */
export type FlowEvent =
  | { kind: 'start' }
  | { kind: 'signed'; signerId: string }
  | { kind: 'refuse'; signerId: string }
  | { kind: 'revoke' }
  | { kind: 'expire' };

/** A signer as the machine sees them. Lower `signOrder` signs first; equal ones sign in any order. */
export type SignerPosition = { id: string; signOrder: number; state: SignerState };

export type FlowPosition = { state: FlowState; signers: readonly SignerPosition[] };

/** An event that the present state does not allow, with the state that stood in the way. */
export type Forbidden = { kind: 'forbidden'; state: FlowState };
export type Moved = { kind: 'moved'; position: FlowPosition };

function isOver(signer: SignerPosition): boolean {
  return signer.state === 'signed' || signer.state === 'refused';
}

/** Signers whose turn it is: the waiting or signing ones of the lowest signOrder that is not over. */
export function signersInTurn(signers: readonly SignerPosition[]): readonly SignerPosition[] {
  const open = signers.filter((signer) => !isOver(signer));
  const lowest = Math.min(...open.map((signer) => signer.signOrder));
  return open.filter((signer) => signer.signOrder === lowest);
}

/** Lets everyone sign whose turn has come. */
function callUp(signers: readonly SignerPosition[]): readonly SignerPosition[] {
  const turn = new Set(signersInTurn(signers).map((signer) => signer.id));
  return signers.map((signer) => (turn.has(signer.id) ? { ...signer, state: 'signing' as const } : signer));
}

function withSigner(position: FlowPosition, id: string, state: SignerState): readonly SignerPosition[] {
  return position.signers.map((signer) => (signer.id === id ? { ...signer, state } : signer));
}

function maySign(position: FlowPosition, signerId: string): boolean {
  return position.signers.some((signer) => signer.id === signerId && signer.state === 'signing');
}

function moved(state: FlowState, signers: readonly SignerPosition[]): Moved {
  return { kind: 'moved', position: { state, signers } };
}

function afterSignature(position: FlowPosition, signerId: string): Moved {
  const signers = callUp(withSigner(position, signerId, 'signed'));
  return moved(signers.every((signer) => signer.state === 'signed') ? 'done' : 'signing', signers);
}

/**
 * Where a flow stands after an event, or `forbidden`. Only a flow in signing can be signed, refused, revoked or expired;
 * a signer acts only while it is their turn. The last signature makes the flow done.
 */
export function afterEvent(position: FlowPosition, event: FlowEvent): Moved | Forbidden {
  const forbidden: Forbidden = { kind: 'forbidden', state: position.state };
  if (event.kind === 'start') {
    const startable = position.state === 'draft' && position.signers.length > 0;
    return startable ? moved('signing', callUp(position.signers)) : forbidden;
  }
  if (position.state !== 'signing') return forbidden;
  if (event.kind === 'revoke') return moved('revoked', position.signers);
  if (event.kind === 'expire') return moved('expired', position.signers);
  if (!maySign(position, event.signerId)) return forbidden;
  if (event.kind === 'refuse') return moved('refused', withSigner(position, event.signerId, 'refused'));
  return afterSignature(position, event.signerId);
}

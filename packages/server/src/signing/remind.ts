import { DomainError } from '../platform/errors.ts';
import { equalConstantTime } from '../platform/constant-time.ts';
import type { SigningContext } from './context.ts';
import { secondsUntil } from './code-check.ts';
import { sendLinks } from './links.ts';
import { openPersonal } from './personal.ts';
import { updateSigner } from './signer-store.ts';
import { lockFlow, signersOf } from './store.ts';
import type { SignerRow } from './tables.ts';
import type { SigningErrorCode } from './terms.ts';

export interface RemindSigner {
  readonly appId: string;
  readonly flowId: string;
  /** Of the individual to remind; left out, everybody whose turn it is is reminded. */
  readonly idNumber?: string;
  /** Who asks, for the acts: `app:APPID`, `member:NO`, `operator`. */
  readonly actor: string;
}

/**
 * - `flow_not_found`, `flow_not_signing` {state}
 * - `signer_not_found`: nobody of the flow has this ID number
 * - `signer_not_waiting`: they have signed, or their turn has not come
 * - `reminded_too_soon` {retryAfter}: once in ten minutes, and twenty times in all
 * - `signer_not_reachable`: nobody who is to be reminded can be written to
 */
export type RemindErrorCode =
  | Extract<SigningErrorCode, 'flow_not_found' | 'flow_not_signing'>
  | 'signer_not_found'
  | 'signer_not_waiting'
  | 'reminded_too_soon'
  | 'signer_not_reachable';

const REMIND_EVERY_MS = 10 * 60_000;
const REMINDERS_MAX = 20;

/** Sends those whose turn it is a new link. Links that were sent before stay good. */
export async function remindSigner(context: SigningContext, command: RemindSigner): Promise<{ sent: number }> {
  const { appId, flowId, idNumber, actor } = command;
  const refused = (code: RemindErrorCode, params: Record<string, string> = {}) => new DomainError(code, params);
  return context.db.transaction().execute(async (tx) => {
    const flow = await lockFlow(tx, { appId, flowId });
    if (!flow) throw refused('flow_not_found', { flowId });
    if (flow.state !== 'signing') throw refused('flow_not_signing', { flowId, state: flow.state });
    const all = await signersOf(tx, { appId, flowId });
    const named = idNumber === undefined ? all : all.filter((signer) => hasIdNumber(context, signer, idNumber));
    if (named.length === 0) throw refused('signer_not_found');
    const waiting = named.filter((signer) => signer.state === 'signing' && signer.confirmed_at === null);
    if (waiting.length === 0) throw refused('signer_not_waiting');
    const at = context.clock.now();
    const due = waiting.filter((signer) => nextReminderAt(signer) <= at);
    const [first] = waiting;
    if (due.length === 0 && first !== undefined) {
      throw refused('reminded_too_soon', { retryAfter: secondsUntil(nextReminderAt(first), at) });
    }
    const { sent } = await sendLinks(context, tx, flow, due, { isReminder: true, actor });
    if (sent === 0) throw refused('signer_not_reachable');
    for (const signer of due) {
      const key = { appId, flowId, signerId: signer.signer_id };
      await updateSigner(tx, key, { reminded_at: at, reminders: signer.reminders + 1 });
    }
    return { sent };
  });
}

const NEVER = new Date(8.64e15);

function nextReminderAt({ reminded_at: last, reminders }: SignerRow): Date {
  if (reminders >= REMINDERS_MAX) return NEVER;
  return last === null ? new Date(0) : new Date(last.getTime() + REMIND_EVERY_MS);
}

function hasIdNumber({ vault }: SigningContext, signer: SignerRow, idNumber: string): boolean {
  if (signer.id_number === null) return false;
  const own = openPersonal(vault, signer.signer_id, 'id_number', signer.id_number);
  return equalConstantTime(own.toUpperCase(), idNumber.toUpperCase());
}

import type { CircuitSettings } from './destination.ts';
import type { Outcome } from './retry-policy.ts';

/**
 * The circuit of one destination, shared by all nodes (table `relay_lane`; closed ones have no row).
 * ```
 * closed → open        consecutive failures
 * open → half-open     probe_at has come and a node took the one probe
 * half-open → closed   the probe was answered
 * half-open → open     it failed: the wait doubles
 * ```
 */
export interface Circuit {
  readonly state: 'open' | 'half-open';
  readonly failures: number;
  /** Why the last attempt failed, as attempts tell it. */
  readonly reason: string;
  readonly openedAt: Date;
  readonly openings: number;
  /** open: when the next probe may go. half-open: when the one under way is given up. */
  readonly probeAt: Date;
}

export const COOL_DOWN_MAX_MS = 5 * 60_000;

/**
 * What an attempt says of its destination, as opposed to its message. A destination that answers is alive, whatever it
 * makes of the message: only silence, server errors and 429 count against it.
 */
export function isDestinationFailure(outcome: Outcome): boolean {
  if (outcome.kind !== 'unacknowledged') return false;
  const { reason } = outcome;
  if (reason === 'not_acknowledged' || reason === 'internal_error') return false;
  const status = /^status_(\d{3})$/.exec(reason)?.[1];
  return status === undefined || status === '429' || status.startsWith('5');
}

/** From an opening to its probe: the settings' wait, doubled with each opening. */
export function coolDownMs(settings: CircuitSettings, openings: number): number {
  return Math.min(settings.coolDownMs * 2 ** Math.min(openings - 1, 20), COOL_DOWN_MAX_MS);
}

/** The circuit that opens, or opens again, now. */
export function openCircuit(
  before: Circuit | null,
  failure: { readonly failures: number; readonly reason: string },
  settings: CircuitSettings,
  now: Date,
): Circuit {
  const openings = (before?.openings ?? 0) + 1;
  return {
    state: 'open',
    failures: failure.failures,
    reason: failure.reason,
    openedAt: before?.openedAt ?? now,
    openings,
    probeAt: new Date(now.getTime() + coolDownMs(settings, openings)),
  };
}

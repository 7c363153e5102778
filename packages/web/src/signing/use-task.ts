import type { SignerApiErrorCode, SignStep } from '../../../server/src/dialects/signer/contract.ts';
import { usePolledView, type PolledView } from '../use-polled-view.ts';
import { endsSession, SignerError, type SignerApi, type SignerTask } from './api.ts';

export type Task = PolledView<SignerApi, SignerTask, SignerError>;

/** Refusals after which the page shows what the service says now. */
const OUTDATED: ReadonlySet<string> = new Set([
  'not_your_turn',
  'step_missing',
  'reading_time_left',
  'document_changed',
  'flow_over',
] satisfies SignerApiErrorCode[]);

const ENDS: ReadonlySet<SignStep> = new Set(['refused', 'revoked', 'expired', 'flow_refused']);

/** Milliseconds by which two answers may differ on when the reading time is over. */
const READING_TOLERANCE_MS = 4_000;

/** The reading time runs down by itself, and the text of the consent is known by its version. */
function withoutTime(key: string, value: unknown): unknown {
  if (key === 'readingSecondsLeft' || key === 'text') return undefined;
  return key === 'readingEndsAt' && typeof value === 'number' ? Math.round(value / READING_TOLERANCE_MS) : value;
}

const POLLING = {
  endsSession,
  isOutdated: (error: unknown): boolean => error instanceof SignerError && OUTDATED.has(error.code),
  /** Whatever others do must be seen here: they sign, refuse, or take the document back. */
  shouldGoOn: ({ step, isArchived }: SignerTask): boolean => !ENDS.has(step) && !(step === 'signed' && isArchived),
  fingerprint: (task: SignerTask): string => JSON.stringify(task, withoutTime),
};

/** What the signer has to do, as the service says. */
export function useTask(api: SignerApi): Task {
  return usePolledView(api, POLLING);
}

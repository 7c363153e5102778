import type { FlowCreated, FlowEnded } from './etc-messages.ts';
import type { Transaction } from '../platform/database/index.ts';

export type { FlowCreated, FlowEnded } from './etc-messages.ts';

/** What became of a notification: on its way, or nowhere to go. */
export type Notified = { kind: 'enqueued'; requestId: string } | { kind: 'no-destination' };

/**
 * What happened → which message, to whom, in which profile. Every call writes into the caller's transaction, so that a
 * notification exists exactly when the state change does that it tells of.
 */
export interface Notify {
  /** create_sign_process: a one-step creation ended, well or not. */
  flowCreated(tx: Transaction, event: FlowCreated): Promise<Notified>;
  /** sign_process: a flow ended. */
  flowEnded(tx: Transaction, event: FlowEnded): Promise<Notified>;
}

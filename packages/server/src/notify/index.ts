/** What happened → which message, to whom, in which profile. This file is the capability's whole public face. */
import type { Apps } from '../apps/index.ts';
import type { Transaction } from '../platform/database/index.ts';
import type { Logger } from '../platform/log.ts';
import type { Relay } from '../relay/index.ts';
import {
  flowCreatedMessage,
  flowEndedMessage,
  RECEIPT_DELAYS_MS,
  receiptEndedMessage,
  verificationEndedMessage,
  type EtcMessage,
  type FlowCreated,
  type FlowEnded,
  type ReceiptEnded,
  type VerificationEnded,
} from './etc-messages.ts';
import { IDENTITY_DELAYS_MS, identityEndedMessage, type IdentityEnded } from './tsign-messages.ts';

/** What became of a notification: on its way, or nowhere to go. */
type Notified = { kind: 'enqueued'; requestId: string } | { kind: 'no-destination' };

/**
 * The messages of one application. Every call writes into the caller's transaction, so that a notification exists
 * exactly when the state change does that it tells of. It goes to the event's own notifyUrl, or else to the app's
 * notify_url; where there is neither, nothing is sent and the answer says so.
 */
export interface AppNotify {
  /** create_sign_process: a one-step creation ended, well or not. */
  flowCreated(tx: Transaction, event: FlowCreated): Promise<Notified>;
  /** sign_process: a flow ended. */
  flowEnded(tx: Transaction, event: FlowEnded): Promise<Notified>;
  /** The flow of a receipt ended; it goes to the receipt's own URL. */
  receiptEnded(tx: Transaction, event: ReceiptEnded): Promise<Notified>;
  /** auth_process: a company's verification ended. */
  verificationEnded(tx: Transaction, event: VerificationEnded): Promise<Notified>;
  /** identity_org_end: the same, for those who began it through the e签宝 API; it goes to the flow's own URL alone. */
  identityEnded(tx: Transaction, event: IdentityEnded): Promise<Notified>;
}

export interface Notify {
  /**
   * The application's settings are read here, before the caller opens its transaction: read inside of it, they would
   * take a second connection while the first is held, and a pool full of such transactions waits for itself.
   * Inside of a transaction that somebody else opened, hand it in: the settings are then read on its connection.
   */
  forApp(appId: string, tx?: Transaction): Promise<AppNotify>;
}

export interface NotifyDependencies {
  readonly relay: Pick<Relay, 'enqueue'>;
  readonly apps: Pick<Apps, 'find' | 'findWithin'>;
  readonly log: Logger;
}

export function createNotify({ relay, apps, log }: NotifyDependencies): Notify {
  return {
    async forApp(appId, outer) {
      const app = await (outer === undefined ? apps.find(appId) : apps.findWithin(outer, appId));
      const code = app?.notifyCode ?? 'sign_process';

      async function send(
        tx: Transaction,
        notifyUrl: string | null,
        { content, tooLong }: EtcMessage,
        occurredAt: Date,
      ): Promise<Notified> {
        const url = notifyUrl ?? app?.notifyUrl ?? null;
        if (url === null) return { kind: 'no-destination' };
        if (tooLong.length > 0) {
          log.error({ appId, fields: tooLong }, 'notification carries a value longer than its contract');
        }
        const requestId = await relay.enqueue(tx, { appId, url, profile: 'etc-notify', content, occurredAt });
        return { kind: 'enqueued', requestId };
      }

      return {
        flowCreated: (tx, event) => send(tx, event.notifyUrl, flowCreatedMessage(event), event.at),
        flowEnded(tx, event) {
          const message = flowEndedMessage({ ...event, code, at: event.endedAt });
          return send(tx, event.notifyUrl, message, event.endedAt);
        },
        async receiptEnded(tx, event) {
          const requestId = await relay.enqueue(tx, {
            appId,
            url: event.notifyUrl,
            profile: 'etc-notify',
            content: receiptEndedMessage(event).content,
            occurredAt: event.endedAt,
            delaysMs: RECEIPT_DELAYS_MS,
          });
          return { kind: 'enqueued', requestId };
        },
        verificationEnded: (tx, event) => send(tx, event.notifyUrl, verificationEndedMessage(event), event.at),
        async identityEnded(tx, event) {
          if (event.notifyUrl === null) return { kind: 'no-destination' };
          const requestId = await relay.enqueue(tx, {
            appId,
            url: event.notifyUrl,
            profile: 'tsign',
            content: identityEndedMessage(event),
            occurredAt: event.at,
            delaysMs: IDENTITY_DELAYS_MS,
          });
          return { kind: 'enqueued', requestId };
        },
      };
    },
  };
}

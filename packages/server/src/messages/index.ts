/** Short messages and e-mails to people. This file is the capability's whole public face. */
import type { Clock } from '../platform/clock.ts';
import type { MessageSettings } from '../platform/config.ts';
import type { Egress } from '../platform/egress/index.ts';
import type { Logger } from '../platform/log.ts';
import { createLogAdapter } from './log-adapter.ts';
import type { MessageAdapter } from './message.ts';
import { createSmtpAdapter } from './smtp-adapter.ts';
import { createWebhookAdapter } from './webhook-adapter.ts';

export type { Language, MessageAdapter, MessageKind, MessageOutcome, OutgoingMessage, Recipient } from './message.ts';
export { createMessages } from './messages.ts';
export type { Messages, MessagesDependencies, NewMessage } from './messages.ts';

/** The adapter that the configuration names. */
export function createMessageAdapter(
  settings: MessageSettings,
  { egress, clock, log }: { egress: Egress; clock: Clock; log: Logger },
): MessageAdapter {
  if (settings.adapter === 'webhook') {
    return createWebhookAdapter({ egress, clock, url: settings.url, secret: settings.secret });
  }
  return settings.adapter === 'smtp' ? createSmtpAdapter(settings) : createLogAdapter(log);
}

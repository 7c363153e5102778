import type { Logger } from '../platform/log.ts';
import type { MessageAdapter } from './message.ts';

/** For development: the text stands in the log, link and code with it, and nobody is written to. */
export function createLogAdapter(log: Pick<Logger, 'info'>): MessageAdapter {
  return {
    name: 'log',
    reaches: ({ mobile, email }) => mobile !== undefined || email !== undefined,
    send({ messageId, kind, text }) {
      log.info({ messageId, kind, text }, 'a message that nobody is sent: set YINXIN_MESSAGE_ADAPTER');
      return Promise.resolve({ kind: 'taken', reference: null });
    },
  };
}

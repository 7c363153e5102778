import { createMessages, type MessageAdapter, type Messages, type OutgoingMessage } from '../../src/messages/index.ts';
import type { Clock } from '../../src/platform/clock.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { createLog } from '../../src/platform/log.ts';
import type { Vault } from '../../src/platform/vault.ts';
import { createManualJobs } from './manual-jobs.ts';

export interface OutgoingMessages {
  readonly messages: Messages;
  /** Delivers what waits, and answers everything that was delivered so far, the oldest first. */
  deliver(): Promise<readonly OutgoingMessage[]>;
  /** The token of the link that was sent to this mobile or e-mail address last. */
  linkOf(address: string): Promise<string>;
  /** The code that was sent to this mobile or e-mail address last. */
  codeOf(address: string): Promise<string>;
}

/** Messages as they are, but that the people at the other end are the test. */
export function createOutgoingMessages(parts: { db: Database; clock: Clock; vault: Vault }): OutgoingMessages {
  const jobs = createManualJobs();
  const sent: OutgoingMessage[] = [];
  const adapter: MessageAdapter = {
    name: 'webhook',
    reaches: ({ mobile, email }) => mobile !== undefined || email !== undefined,
    send(message) {
      sent.push(message);
      return Promise.resolve({ kind: 'taken', reference: null });
    },
  };
  const messages = createMessages({ ...parts, jobs, adapter, log: createLog({ level: 'silent' }) });

  async function deliver(): Promise<readonly OutgoingMessage[]> {
    const errors = await jobs.run(parts.clock.now());
    if (errors.length > 0) throw errors[0];
    return sent;
  }

  async function lastTo(address: string, part: 'url' | 'code'): Promise<string> {
    const isTo = ({ mobile, email }: OutgoingMessage['to']): boolean => (mobile ?? email) === address;
    const last = (await deliver()).findLast(({ to, params }) => isTo(to) && part in params);
    if (last === undefined) throw new Error(`nothing was sent to ${address}`);
    return last.params[part] ?? '';
  }

  return {
    messages,
    deliver,
    linkOf: async (address) => new URL(await lastTo(address, 'url')).hash.slice(1),
    codeOf: (address) => lastTo(address, 'code'),
  };
}

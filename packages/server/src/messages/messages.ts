import { createHmac } from 'node:crypto';
import type { Jobs } from '../jobs/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Transaction } from '../platform/database/index.ts';
import { hexId } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { maskEmail, maskMobile } from '../platform/masking.ts';
import type { Vault } from '../platform/vault.ts';
import type { Language, MessageAdapter, MessageKind, MessageParams, OutgoingMessage, Recipient } from './message.ts';
import * as store from './store.ts';
import { messageText } from './texts.ts';

export interface NewMessage<Kind extends MessageKind = MessageKind> {
  readonly appId: string;
  readonly to: Recipient;
  readonly kind: Kind;
  readonly params: MessageParams[Kind];
  /** The service's own where it is left out. */
  readonly language?: Language;
  /** Of no use afterwards. */
  readonly expiresAt?: Date;
}

export interface Messages {
  /**
   * Writes a message in the caller's transaction; a job delivers it once that commits. `isReachable` is false where the
   * adapter cannot write to such an address: then nothing is written.
   */
  send<Kind extends MessageKind>(
    tx: Transaction,
    message: NewMessage<Kind>,
  ): Promise<{ isReachable: true; messageId: string; to: string; channel: string } | { isReachable: false }>;
  /** How many messages of a kind an application sent to an address since; two that ask at once do so one after the other. */
  countSent(tx: Transaction, asked: { appId: string; to: Recipient; kind: MessageKind; since: Date }): Promise<number>;
  /** Takes back those of an application's messages that have not gone out, with the address and whatever they say. */
  withdraw(tx: Transaction, appId: string, messageIds: readonly string[]): Promise<void>;
  /** Gives a new job to messages whose own was lost; the jobs call it on each node by themselves. */
  sweep(): Promise<void>;
}

export interface MessagesDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly jobs: Jobs;
  readonly log: Logger;
  readonly adapter: MessageAdapter;
  readonly language?: Language;
}

const DELIVER = 'messages.deliver';
/** Messages under way at once: a gateway that hangs must leave room for the jobs that sign. */
const QUEUES = 2;
/** With the job system's delays some 50 minutes. */
const TRIES_MAX = 9;
/** Longer than the job system waits between the last tries. */
const IDLE_MS = 90 * 60_000;
const SWEEP_EVERY_MS = 60_000;
const SWEEP_ROWS_MAX = 500;

type SealedContent = Omit<OutgoingMessage, 'messageId' | 'kind' | 'language'>;

class NotYetTaken extends Error {
  override readonly name = 'NotYetTaken';
}

/** Messages to people, durable with the transaction that they tell of. Hands its handlers to `jobs`, not yet started. */
export function createMessages(dependencies: MessagesDependencies): Messages {
  const { db, clock, vault, jobs, log, adapter } = dependencies;
  const recipientKey = vault.deriveKey('message-recipient');

  const hashOf = ({ mobile, email }: Recipient): Buffer =>
    createHmac('sha256', recipientKey)
      .update(JSON.stringify([mobile ?? null, email?.toLowerCase() ?? null]))
      .digest();

  async function addJob(executor: Database | Transaction, key: store.MessageKey, isUrgent = false): Promise<void> {
    const queue = `${DELIVER}:${Number.parseInt(key.messageId.slice(0, 4), 16) % QUEUES}`;
    const options = { key: `${DELIVER}:${key.messageId}`, attemptsMax: TRIES_MAX + 1, queue, isUrgent };
    await jobs.add(executor, DELIVER, { ...key }, options);
  }

  async function deliver(key: store.MessageKey): Promise<void> {
    const row = await store.beginTry(db, key, clock.now());
    if (!row || row.content_sealed === null) return;
    const end = (result: { state: 'sent' | 'failed'; reference?: string | null; failure?: string }): Promise<void> =>
      store.endMessage(db, key, { ...result, adapter: adapter.name, at: clock.now() });
    if (row.expires_at !== null && row.expires_at <= clock.now()) {
      return end({ state: 'failed', failure: row.failure ?? 'it was not sent in time' });
    }
    if (row.attempts > TRIES_MAX) return end({ state: 'failed', failure: row.failure ?? 'it was tried too often' });
    const content = JSON.parse(vault.open(row.content_sealed, contextOf(key)).toString('utf8')) as SealedContent;
    const { kind, language } = row;
    const outcome = await adapter.send({ messageId: key.messageId, kind, language, ...content });
    if (outcome.kind === 'taken') return end({ state: 'sent', reference: outcome.reference });
    log.warn({ messageId: key.messageId, kind, adapter: adapter.name, reason: outcome.reason }, 'message not sent');
    if (outcome.kind === 'refused') return end({ state: 'failed', failure: outcome.reason });
    await store.noteFailure(db, key, outcome.reason);
    throw new NotYetTaken(outcome.reason);
  }

  async function sweep(): Promise<void> {
    const idleSince = new Date(clock.now().getTime() - IDLE_MS);
    for (const key of await store.idleMessages(db, idleSince, SWEEP_ROWS_MAX)) await addJob(db, key);
  }

  jobs.handle(DELIVER, (payload) =>
    deliver({ appId: String(payload['appId']), messageId: String(payload['messageId']) }),
  );
  jobs.every('messages.sweep', SWEEP_EVERY_MS, sweep);

  return {
    async send(tx, message) {
      const { appId, to, kind, params, language = dependencies.language ?? 'zh' } = message;
      if (!adapter.reaches(to)) return { isReachable: false };
      const messageId = hexId();
      const key = { appId, messageId };
      const content: SealedContent = { to, params: { ...params }, ...messageText(kind, params, language) };
      const recipient = to.mobile === undefined ? maskEmail(to.email ?? '') : maskMobile(to.mobile);
      const now = clock.now();
      await store.insertMessage(tx, {
        app_id: appId,
        message_id: messageId,
        kind,
        language,
        recipient,
        recipient_hash: hashOf(to),
        content_sealed: vault.seal(Buffer.from(JSON.stringify(content), 'utf8'), contextOf(key)),
        state: 'waiting',
        adapter: null,
        adapter_reference: null,
        failure: null,
        created_at: now,
        expires_at: message.expiresAt ?? null,
        touched_at: now,
        ended_at: null,
      });
      // Somebody sits there and waits for it, and it lives for minutes: it passes the links of a hundred flows that end.
      await addJob(tx, key, kind === 'sign_code' || kind === 'view_code');
      return { isReachable: true, messageId, to: recipient, channel: to.mobile === undefined ? 'email' : 'mobile' };
    },
    countSent: (tx, { appId, to, kind, since }) =>
      store.countSent(tx, { appId, recipientHash: hashOf(to), kind, since }),
    withdraw: store.deleteWaiting,
    sweep,
  };
}

function contextOf({ appId, messageId }: store.MessageKey): string {
  return `message:${appId}:${messageId}`;
}

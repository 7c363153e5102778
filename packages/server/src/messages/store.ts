import { sql, type Insertable } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { MessageKind } from './message.ts';
import type { MessageRow, MessageTables } from './tables.ts';

export interface MessageKey {
  readonly appId: string;
  readonly messageId: string;
}

export async function insertMessage(tx: Transaction, row: Insertable<MessageTables['message']>): Promise<void> {
  await tx.withTables<MessageTables>().insertInto('message').values(row).execute();
}

/** Counts a try of a message that waits before it is made; undefined where it has ended or is not there. */
export async function beginTry(executor: Executor, key: MessageKey, at: Date): Promise<MessageRow | undefined> {
  return executor
    .withTables<MessageTables>()
    .updateTable('message')
    .set((row) => ({ attempts: row('attempts', '+', 1), touched_at: at }))
    .where('app_id', '=', key.appId)
    .where('message_id', '=', key.messageId)
    .where('state', '=', 'waiting')
    .returningAll()
    .executeTakeFirst();
}

/** Ends a message; its content goes. */
export async function endMessage(
  executor: Executor,
  key: MessageKey,
  end: { state: 'sent' | 'failed'; adapter: string; reference?: string | null; failure?: string; at: Date },
): Promise<void> {
  await executor
    .withTables<MessageTables>()
    .updateTable('message')
    .set({
      state: end.state,
      content_sealed: null,
      adapter: end.adapter,
      adapter_reference: end.reference ?? null,
      failure: end.failure ?? null,
      ended_at: end.at,
    })
    .where('app_id', '=', key.appId)
    .where('message_id', '=', key.messageId)
    .where('state', '=', 'waiting')
    .execute();
}

/** Deletes those of the messages that nobody has taken yet. */
export async function deleteWaiting(tx: Transaction, appId: string, messageIds: readonly string[]): Promise<void> {
  if (messageIds.length === 0) return;
  await tx
    .withTables<MessageTables>()
    .deleteFrom('message')
    .where('app_id', '=', appId)
    .where('message_id', 'in', [...messageIds])
    .where('state', '=', 'waiting')
    .execute();
}

export async function noteFailure(executor: Executor, key: MessageKey, failure: string): Promise<void> {
  await executor
    .withTables<MessageTables>()
    .updateTable('message')
    .set({ failure })
    .where('app_id', '=', key.appId)
    .where('message_id', '=', key.messageId)
    .execute();
}

/** Messages that wait and that nobody has tried to send since `before`, the oldest first. */
export async function idleMessages(executor: Executor, before: Date, rowsMax: number): Promise<MessageKey[]> {
  return executor
    .withTables<MessageTables>()
    .selectFrom('message')
    .select(['app_id as appId', 'message_id as messageId'])
    .where('state', '=', 'waiting')
    .where('touched_at', '<', before)
    .orderBy('touched_at')
    .limit(rowsMax)
    .execute();
}

/**
 * How many messages of a kind an address was sent since. Others that count for the same address wait until this
 * transaction ends, so that two at once do not both find room for one more.
 */
export async function countSent(
  tx: Transaction,
  sent: { appId: string; recipientHash: Buffer; kind: MessageKind; since: Date },
): Promise<number> {
  const lock = sent.recipientHash.readBigInt64BE(0).toString();
  await sql`select pg_advisory_xact_lock(${lock}::bigint)`.execute(tx);
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from message
    where app_id = ${sent.appId} and recipient_hash = ${sent.recipientHash} and kind = ${sent.kind}
      and created_at > ${sent.since}
  `.execute(tx);
  return rows[0]?.count ?? 0;
}

import type { ColumnType, Selectable } from 'kysely';
import type { Language, MessageKind } from './message.ts';

/** migrations/0020_messages.sql */
interface MessageTable {
  app_id: string;
  message_id: string;
  kind: MessageKind;
  language: Language;
  recipient: string;
  recipient_hash: Buffer;
  content_sealed: Buffer | null;
  state: 'waiting' | 'sent' | 'failed';
  attempts: ColumnType<number, number | undefined, number>;
  adapter: string | null;
  adapter_reference: string | null;
  failure: string | null;
  created_at: Date;
  expires_at: Date | null;
  touched_at: Date;
  ended_at: Date | null;
}

export type MessageTables = { message: MessageTable };
export type MessageRow = Selectable<MessageTable>;

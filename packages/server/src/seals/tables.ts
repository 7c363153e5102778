import type { ColumnType } from 'kysely';
import type { Appearance } from '../documents/index.ts';
import type { RoundSeal } from './round-seal.ts';

/** jsonb: parsed when it is read, text when it is written. */
type Json<T> = ColumnType<T, string, string>;

export type SealKind = 'company_template';
/**
 * Only an active seal signs. One that waits for its review is `pending`, one that did not pass is `rejected`; a retired
 * one stays on record for what was signed with it.
 */
export type SealStatus = 'active' | 'pending' | 'rejected' | 'retired';

export type SealTable = {
  app_id: string;
  seal_id: string;
  etc_org_no: string;
  alias: string;
  kind: SealKind;
  status: SealStatus;
  template: Json<RoundSeal>;
  drawing: Json<Appearance>;
  is_default: boolean;
  created_at: Date;
  retired_at: Date | null;
  reviewed_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
  review_reason: ColumnType<string | null, string | null | undefined, string | null>;
  is_successor: ColumnType<boolean, boolean | undefined, boolean>;
};

export type SealTables = { seal: SealTable; seal_review_setting: { app_id: string; since: Date } };

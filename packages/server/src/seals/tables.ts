import type { ColumnType } from 'kysely';
import type { Appearance } from '../documents/index.ts';
import type { RoundSeal } from './round-seal.ts';

/** jsonb: parsed when it is read, text when it is written. */
type Json<T> = ColumnType<T, string, string>;

export type SealKind = 'company_template';
/** A retired seal stays on record for what was signed with it, and signs nothing more. */
export type SealStatus = 'active' | 'retired';

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
};

export type SealTables = { seal: SealTable };

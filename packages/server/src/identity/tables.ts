import type { ColumnType, Insertable, Selectable } from 'kysely';
import type { PaymentState } from './flow.ts';
import type { AuthType, LegalRepCertType, LetterStatus, PaymentFailure, VerificationState } from './terms.ts';

/** Null unless it is set. */
type Optional<T> = ColumnType<T | null, T | null | undefined, T | null>;
type Defaulted<T> = ColumnType<T, T | undefined, T>;

export interface VerificationFlowTable {
  app_id: string;
  flow_id: string;
  origin: 'tsign' | 'etc';
  factors: number;
  state: VerificationState;
  etc_org_no: string | null;
  etc_member_no: string | null;
  company_name: string;
  org_code: string;
  legal_rep_name: string;
  legal_rep_id_sealed: Buffer | null;
  legal_rep_cert_type: LegalRepCertType | null;
  agent_flow_id: string | null;
  context_id: string | null;
  notify_url: string | null;
  channel: Optional<string>;
  sub_account_no: Optional<string>;
  main_account_name: Optional<string>;
  main_account_bank: Optional<string>;
  main_account_no: Optional<string>;
  ordered_at: Optional<Date>;
  payment: Defaulted<PaymentState>;
  payment_failure: Optional<PaymentFailure>;
  amount_fen: Optional<number>;
  payer_name: Optional<string>;
  payer_account_sealed: Optional<Buffer>;
  payer_bank_name: Optional<string>;
  traded_at: Optional<Date>;
  biz_flow_no: Optional<string>;
  transaction_id: Optional<string>;
  paid_at: Optional<Date>;
  letter_template_id: Optional<string>;
  letter_file_id: Optional<string>;
  letter_status: Optional<LetterStatus>;
  letter_opinion: Optional<string>;
  released_at: Optional<Date>;
  transfers: Defaulted<number>;
  transfer_asked_at: Optional<Date>;
  random_misses: Defaulted<number>;
  auth_type: Optional<AuthType>;
  verified_party: Defaulted<boolean>;
  end_reason: Optional<string>;
  created_at: Date;
  modified_at: Date;
  expires_at: Date;
  ended_at: Optional<Date>;
}

interface OrgAuthInfoTable {
  app_id: string;
  etc_org_no: string;
  company_name: string;
  org_code: string;
  legal_rep_name: string;
  legal_rep_id_sealed: Buffer;
  legal_rep_mobile_sealed: Buffer;
  further_sealed: Buffer;
  updated_at: Date;
}

interface CompanyRegisterTable {
  org_code: string;
  company_name: string;
  legal_rep_name: string | null;
  legal_rep_id_hash: Buffer | null;
  is_closed: boolean;
  imported_at: Date;
}

interface BankSubbranchTable {
  cnaps_code: string;
  bank_name: string;
  bank: string;
  province: string;
  city: string;
}

export type IdentityTables = {
  verification_flow: VerificationFlowTable;
  org_auth_info: OrgAuthInfoTable;
  company_register: CompanyRegisterTable;
  bank_subbranch: BankSubbranchTable;
};

export type FlowRow = Selectable<VerificationFlowTable>;
export type NewFlowRow = Insertable<VerificationFlowTable>;
export type OrgAuthInfoRow = Selectable<OrgAuthInfoTable>;
export type RegisterRow = Selectable<CompanyRegisterTable>;
export type SubbranchRow = Selectable<BankSubbranchTable>;

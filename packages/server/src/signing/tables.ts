import type { ColumnType, Insertable, Selectable } from 'kysely';
import type { FlowState, SignerState } from './flow.ts';
import type { CompanyField, CreateFlow, Individual, IndividualField } from './terms.ts';

/** jsonb: parsed when it is read, text when it is written. */
type Json<T> = ColumnType<T, string, string>;

/** A CreateFlow as it rests: times as ISO text, ID numbers and mobiles sealed and in Base64. */
export type StoredCommand = Omit<CreateFlow, 'signValidity' | 'signers'> & {
  signValidity: string | null;
  signers: readonly StoredIndividual[];
};
export type StoredIndividual = Omit<Individual, 'idNumber' | 'mobile'> & {
  /** The signer's id is chosen with the request: what is sealed is sealed for it. */
  signerId: string;
  sealedIdNumber: string;
  sealedMobile: string;
};

type RequestState = 'pending' | 'opened' | 'failed';

interface SignRequestTable {
  app_id: string;
  flow_request_id: string;
  biz_request_no: string | null;
  state: RequestState;
  command: Json<StoredCommand>;
  attempts: ColumnType<number, number | undefined, number>;
  touched_at: Date;
  flow_id: string | null;
  failure: string | null;
  created_at: Date;
  settled_at: Date | null;
}

interface SignFlowTable {
  app_id: string;
  flow_id: string;
  flow_request_id: string;
  state: FlowState;
  subject: string;
  notify_url: string | null;
  finish_notify: boolean;
  initiator_member_no: string;
  initiator_org_no: string;
  sign_validity: Date | null;
  file_id: string;
  reason: string | null;
  created_at: Date;
  touched_at: Date;
  silent_in_turn: boolean;
  ended_at: Date | null;
}

interface SignSignerTable {
  app_id: string;
  flow_id: string;
  signer_id: string;
  position: number;
  sign_order: number;
  kind: 'company' | 'individual';
  state: SignerState;
  name: string;
  org_no: string | null;
  id_number: Buffer | null;
  mobile: Buffer | null;
  ended_at: Date | null;
}

interface SignFieldTable {
  app_id: string;
  flow_id: string;
  field_id: string;
  signer_id: string;
  position: number;
  auto_execute: boolean;
  field: Json<CompanyField | IndividualField>;
  state: 'waiting' | 'signed';
  file_id: string | null;
  signed_at: Date | null;
}

export type SigningTables = {
  sign_request: SignRequestTable;
  sign_flow: SignFlowTable;
  sign_signer: SignSignerTable;
  sign_field: SignFieldTable;
};

export type RequestRow = Selectable<SignRequestTable>;
export type FlowRow = Selectable<SignFlowTable>;
export type SignerRow = Selectable<SignSignerTable>;
export type FieldRow = Selectable<SignFieldTable>;
export type NewRequestRow = Insertable<SignRequestTable>;
export type NewFlowRow = Insertable<SignFlowTable>;
export type NewSignerRow = Insertable<SignSignerTable>;
export type NewFieldRow = Insertable<SignFieldTable>;

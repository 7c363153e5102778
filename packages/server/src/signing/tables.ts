import type { ColumnType, Insertable, Selectable } from 'kysely';
import type { ActKind } from './act.ts';
import type { FieldChoice, MarkPlace } from './choices.ts';
import type { FlowState, SignerState } from './flow.ts';
import type { SignatureLevel } from './signature-level.ts';
import type { CompanyField, CreateFlow, Individual, IndividualField } from './terms.ts';

/** jsonb: parsed when it is read, text when it is written. */
type Json<T> = ColumnType<T, string, string>;

/** The database knows what stands where nothing is said. */
type Defaulted<T> = ColumnType<T, T | undefined, T>;

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
  quota_taken: ColumnType<boolean, boolean | undefined, boolean>;
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
  confirmed_at: Defaulted<Date | null>;
  document_opened_at: Defaulted<Date | null>;
  reminded_at: Defaulted<Date | null>;
  reminders: Defaulted<number>;
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
  places: ColumnType<MarkPlace[] | null, string | undefined, string>;
  signature_level: Defaulted<SignatureLevel | null>;
}

/** migrations/0018_signature_upgrades.sql */
interface SignatureUpgradeTable {
  app_id: string;
  flow_id: string;
  goal: Exclude<SignatureLevel, 'B-B'>;
  renewal: Defaulted<boolean>;
  due_at: Date;
  attempts: Defaulted<number>;
  failure: string | null;
  created_at: Date;
}

interface SignActTable {
  app_id: string;
  flow_id: string;
  act_no: ColumnType<number, never, never>;
  act_id: string;
  signer_id: string | null;
  kind: ActKind;
  actor: string;
  at: Date;
  ip: string | null;
  user_agent: string | null;
  session_id: string | null;
  message_id: string | null;
  consent_version: string | null;
  file_id: string | null;
  file_sha256: string | null;
  detail: Json<Readonly<Record<string, unknown>>>;
  content: string;
  sha256: string;
}

interface SignLinkTable {
  app_id: string;
  token_hash: Buffer;
  flow_id: string;
  signer_id: string;
  /** `copy`: signer_id is a copy's. */
  kind: 'sent' | 'handover' | 'copy';
  created_at: Date;
  expires_at: Date;
  used_at: Date | null;
}

interface SignSessionTable {
  app_id: string;
  cookie_hash: Buffer;
  session_id: string;
  flow_id: string;
  signer_id: string;
  created_at: Date;
  expires_at: Date;
  checked_at: Date | null;
  check_method: string | null;
  check_message: string | null;
  consent_version: string | null;
  consented_at: Date | null;
  /** signer_id is a copy's. */
  is_copy: Defaulted<boolean>;
}

/** migrations/0025_after_the_flow.sql */
interface SignCopyTable {
  app_id: string;
  flow_id: string;
  copy_id: string;
  name_sealed: Buffer;
  mobile_sealed: Buffer | null;
  email_sealed: Buffer | null;
  mobile_key: Buffer | null;
  added_at: Date;
}

interface SignAppSettingTable {
  app_id: string;
  reading_seconds: number | null;
  tells_end: boolean;
  updated_at: Date;
}

interface SignCodeTable {
  app_id: string;
  flow_id: string;
  signer_id: string;
  code_hash: Buffer;
  message_id: string;
  sent_at: Date;
  expires_at: Date;
  tries_left: number;
  locked_until: Date | null;
  used_at: Date | null;
}

interface SignPreviewTable {
  app_id: string;
  preview_id: string;
  flow_id: string;
  signer_id: string;
  session_id: string;
  file_id: string;
  choices: Json<FieldChoice[]>;
  places: Json<MarkPlace[]>;
  signed_fields: Json<string[]>;
  created_at: Date;
}

interface SignIntentTable {
  app_id: string;
  flow_id: string;
  signer_id: string;
  session_id: string;
  preview_id: string;
  file_id: string;
  choices: Json<FieldChoice[]>;
  consent_version: string;
  confirmed_at: Date;
}

interface SignViewTable {
  app_id: string;
  flow_id: string;
  signer_id: string;
  page: number;
  milliseconds: number;
  first_at: Date;
  last_at: Date;
}

export type SigningTables = {
  sign_request: SignRequestTable;
  sign_flow: SignFlowTable;
  sign_signer: SignSignerTable;
  sign_field: SignFieldTable;
  signature_upgrade: SignatureUpgradeTable;
  sign_act: SignActTable;
  sign_link: SignLinkTable;
  sign_session: SignSessionTable;
  sign_code: SignCodeTable;
  sign_preview: SignPreviewTable;
  sign_intent: SignIntentTable;
  sign_view: SignViewTable;
  sign_copy: SignCopyTable;
  sign_app_setting: SignAppSettingTable;
};

export type RequestRow = Selectable<SignRequestTable>;
export type FlowRow = Selectable<SignFlowTable>;
export type SignerRow = Selectable<SignSignerTable>;
export type FieldRow = Selectable<SignFieldTable>;
export type UpgradeRow = Selectable<SignatureUpgradeTable>;
export type LinkRow = Selectable<SignLinkTable>;
export type SessionRow = Selectable<SignSessionTable>;
export type CodeRow = Selectable<SignCodeTable>;
export type PreviewRow = Selectable<SignPreviewTable>;
export type IntentRow = Selectable<SignIntentTable>;
export type CopyRow = Selectable<SignCopyTable>;
export type NewCopyRow = Insertable<SignCopyTable>;
export type ViewRow = Selectable<SignViewTable>;
export type NewRequestRow = Insertable<SignRequestTable>;
export type NewFlowRow = Insertable<SignFlowTable>;
export type NewSignerRow = Insertable<SignSignerTable>;
export type NewFieldRow = Insertable<SignFieldTable>;

-- What comes after the last signature: who is told, who gets a copy, and what an application settles for its signers.

-- People who do not sign and get the signed document (抄送). A row goes when the copy is taken back or its person erased;
-- what was done stays in sign_act, masked.
create table sign_copy (
  app_id        text        not null,
  flow_id       text        not null,
  copy_id       text        not null,
  -- sealed by the vault for this row and column
  name_sealed   bytea       not null,
  mobile_sealed bytea,
  email_sealed  bytea,
  -- keyed hash of the mobile, as in sign_person_key: to erase the person, and nothing else
  mobile_key    bytea,
  added_at      timestamptz not null,
  primary key (app_id, flow_id, copy_id),
  check (mobile_sealed is not null or email_sealed is not null),
  check ((mobile_sealed is null) = (mobile_key is null))
);
create index sign_copy_mobile on sign_copy (app_id, mobile_key) where mobile_key is not null;

-- A link and a session may be those of a copy: then signer_id holds its copy_id.
alter table sign_link drop constraint sign_link_kind_check;
alter table sign_link add constraint sign_link_kind_check check (kind in ('sent', 'handover', 'copy')) not valid;
alter table sign_session add column is_copy boolean not null default false;

-- Rows from before have none of the new kinds: they need no look, which would hold up a large table.
alter table sign_act drop constraint sign_act_kind_check;
alter table sign_act add constraint sign_act_kind_check check (kind in (
  'created', 'link_sent', 'link_unsent', 'opened', 'code_sent', 'code_wrong', 'code_locked', 'identity_checked', 'consented',
  'document_opened', 'previewed', 'confirmed', 'signed', 'refused', 'handed_over', 'downloaded', 'revoked', 'expired',
  'done', 'result_sent', 'result_unsent', 'copy_added', 'copy_removed')) not valid;

-- What an application settles otherwise than the service. No row: nothing.
create table sign_app_setting (
  app_id          text        primary key,
  -- null: as the service has it
  reading_seconds integer     check (reading_seconds between 0 and 3600),
  -- whether signers are written to when a flow ends
  tells_end       boolean     not null,
  updated_at      timestamptz not null
);

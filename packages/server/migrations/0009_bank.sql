-- The operator's bank. These rows belong to the operator's accounts and not to an application, so their keys begin with
-- the channel; the application and flow that a number or a payment was for are columns.
create table bank_channel (
  channel              text        primary key check (channel ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
  main_account_name    text        not null,
  main_account_bank    text        not null,
  main_account_no      text        not null,
  -- null: the numbers are a pool that the bank gave
  rule_prefix          text,
  rule_width           smallint    check (rule_width between 1 and 15),
  -- the next number that the rule makes
  rule_next            bigint      not null default 1,
  cool_down_days       integer     not null check (cool_down_days between 0 and 3650),
  enabled              boolean     not null,
  sandbox              boolean     not null,
  number_in_remittance boolean     not null,
  -- {format, encoding, columns}: how statements are read where an import does not say otherwise
  statements           jsonb,
  watch_folder         text,
  -- Base64 of what the vault made of the secret that signs pushed notices
  secret_sealed        text,
  -- when a statement was last imported to its end
  consulted_at         timestamptz,
  created_at           timestamptz not null,
  updated_at           timestamptz not null,
  check ((rule_prefix is null) = (rule_width is null))
);

-- Numbers to pay to. One is free (no application), held by a flow, or in its cool-down (no application, and reusable_at
-- in the future).
create table bank_sub_account (
  channel        text        not null references bank_channel,
  sub_account_no text        not null,
  app_id         text,
  flow_id        text,
  allocated_at   timestamptz,
  released_at    timestamptz,
  -- null: never used
  reusable_at    timestamptz,
  primary key (channel, sub_account_no),
  check ((app_id is null) = (flow_id is null)),
  check (app_id is null or allocated_at is not null)
);

-- A flow has one number, whichever node gave it.
create unique index bank_sub_account_owner on bank_sub_account (app_id, flow_id) where app_id is not null;
-- What an allocation walks: numbers never used first, then those whose cool-down ended longest ago.
create index bank_sub_account_free on bank_sub_account (channel, reusable_at nulls first, sub_account_no)
  where app_id is null;

create table bank_import (
  import_id   text        primary key,
  channel     text        not null references bank_channel,
  format      text        not null,
  file_name   text        not null,
  -- of the bytes that were read; null while it runs
  file_sha256 bytea,
  actor       text        not null,
  started_at  timestamptz not null,
  -- null: it runs, or its node died; another import of the same file takes up where it ended
  ended_at    timestamptz,
  -- the ImportResult
  result      jsonb
);

create index bank_import_channel on bank_import (channel, started_at desc);

-- One line of a bank, once, however often it is brought. A reversal under the same reference is a line of its own.
create table bank_transaction (
  channel              text        not null references bank_channel,
  sub_account_no       text        not null,
  biz_flow_no          text        not null,
  reversal             boolean     not null,
  transaction_id       uuid        not null,
  amount_fen           bigint      not null check (amount_fen >= 0),
  currency             text        not null,
  credit_debit         text        not null check (credit_debit in ('credit', 'debit')),
  booked               boolean     not null,
  payer_name           text        not null,
  -- sealed by the vault, as the raw line is: account numbers of companies and persons
  payer_account_sealed bytea,
  payer_bank_name      text,
  traded_at            timestamptz not null,
  date_only            boolean     not null,
  remittance           text,
  source               text        not null
    check (source in ('camt052', 'camt053', 'camt054', 'mt940', 'csv', 'push', 'sandbox')),
  -- the line as the bank wrote it, and the SHA-256 of its UTF-8
  raw_sealed           bytea       not null,
  raw_sha256           bytea       not null,
  import_id            text,
  received_at          timestamptz not null,
  verdict              text        not null check (verdict in ('paid', 'failed', 'near_miss', 'unclaimed')),
  verdict_reason       text,
  -- the claim that it was matched against
  app_id               text,
  flow_id              text,
  company_name         text,
  flow_opened_at       timestamptz,
  -- of a reversal: what it takes back; of what was taken back: by which and when
  reverses             uuid,
  reversed_by          uuid,
  reversed_at          timestamptz,
  -- the manual queue
  review_state         text        check (review_state in ('open', 'accepted', 'refused')),
  -- why it did not pass by itself
  near_miss_reason     text,
  review_actor         text,
  review_reason        text,
  reviewed_at          timestamptz,
  primary key (channel, sub_account_no, biz_flow_no, reversal),
  check ((app_id is null) = (flow_id is null)),
  check ((review_state in ('accepted', 'refused')) = (reviewed_at is not null))
);

create unique index bank_transaction_id on bank_transaction (transaction_id);
create index bank_transaction_flow on bank_transaction (app_id, flow_id) where app_id is not null;
create index bank_transaction_review on bank_transaction (review_state, received_at) where review_state is not null;

-- Transfers of a random amount that the operator's bank executes.
create table bank_payment_order (
  app_id               text        not null,
  order_id             text        not null,
  flow_id              text        not null,
  channel              text        not null references bank_channel,
  amount_fen           integer     not null check (amount_fen between 1 and 99),
  payee_name           text        not null,
  payee_account_sealed bytea       not null,
  payee_bank           text        not null,
  payee_subbranch      text        not null,
  province             text,
  city                 text,
  cnaps_code           text,
  state                text        not null check (state in ('created', 'paid', 'failed')),
  biz_flow_no          text,
  failure_reason       text,
  created_at           timestamptz not null,
  ended_at             timestamptz,
  primary key (app_id, order_id),
  check ((state = 'created') = (ended_at is null))
);

create unique index bank_payment_order_id on bank_payment_order (order_id);
create index bank_payment_order_flow on bank_payment_order (app_id, flow_id, created_at desc);
create index bank_payment_order_state on bank_payment_order (state, created_at);

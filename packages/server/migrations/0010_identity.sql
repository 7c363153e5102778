-- Company verification. app_id stands first in every key of what grows with use; sealed columns hold what the vault made.

-- One verification: its factors, the receiving account, the last payment, the letter of authorisation, its end.
create table verification_flow (
  app_id              text        not null,
  -- decimal, as clients of the contract keep it in a long
  flow_id             text        not null check (flow_id ~ '^[1-9][0-9]{0,18}$'),
  -- which contract started it: it says in which form its end is told
  origin              text        not null check (origin in ('tsign', 'etc')),
  factors             smallint    not null check (factors in (3, 4)),
  state               text        not null check (state in ('open', 'verified', 'expired', 'cancelled', 'failed')),
  -- the company and the member that an account form names
  etc_org_no          text,
  etc_member_no       text,
  company_name        text        not null,
  org_code            text        not null,
  legal_rep_name      text        not null,
  legal_rep_id_sealed bytea,
  legal_rep_cert_type text,
  agent_flow_id       text,
  context_id          text,
  notify_url          text,
  -- where the company pays; all of it or nothing
  channel             text,
  sub_account_no      text,
  main_account_name   text,
  main_account_bank   text,
  main_account_no     text,
  ordered_at          timestamptz,
  -- the last payment that concerns the flow
  payment             text        not null default 'none' check (payment in ('none', 'review', 'failed', 'held', 'paid')),
  payment_failure     text        check ((payment_failure is not null) = (payment = 'failed')),
  amount_fen          bigint,
  payer_name          text,
  payer_account_sealed bytea,
  payer_bank_name     text,
  traded_at           timestamptz,
  biz_flow_no         text,
  transaction_id      text,
  paid_at             timestamptz,
  -- the letter to be signed, once it was asked for, and the signed one that came back
  letter_template_id  text,
  letter_file_id      text,
  letter_status       text        check (letter_status in ('INIT', 'ING', 'FAIL', 'TERMINATED', 'SUCCESS')),
  letter_opinion      text,
  -- when the number went back into the bank's pool
  released_at         timestamptz,
  -- transfers of a random amount that were asked for, the last one's time, and the wrong answers to all of them
  transfers           integer     not null default 0,
  transfer_asked_at   timestamptz,
  random_misses       integer     not null default 0,
  auth_type           text,
  -- the company stands verified through this flow, so a reversal takes that back
  verified_party      boolean     not null default false,
  end_reason          text,
  created_at          timestamptz not null,
  modified_at         timestamptz not null,
  expires_at          timestamptz not null,
  ended_at            timestamptz,
  primary key (app_id, flow_id),
  check ((sub_account_no is null) = (channel is null) and (sub_account_no is null) = (ordered_at is null)),
  check ((letter_file_id is null) = (letter_status is null)),
  check ((state = 'open') = (ended_at is null))
);

-- the bank asks by sub-account whose money it is
create index verification_flow_sub_account on verification_flow (channel, sub_account_no, ordered_at desc)
  where sub_account_no is not null;
create index verification_flow_member on verification_flow (app_id, etc_member_no, created_at desc)
  where etc_member_no is not null;
create index verification_flow_due on verification_flow (expires_at) where state = 'open';
-- numbers of verified flows, kept for a while in case the bank takes the payment back
create index verification_flow_kept on verification_flow (ended_at)
  where state = 'verified' and sub_account_no is not null and released_at is null;
create index verification_flow_newest on verification_flow (created_at desc);
create index verification_flow_letter on verification_flow (modified_at) where letter_status in ('INIT', 'ING');

-- What partner.org.saveOrgAuthInfo told of a company before its verification.
create table org_auth_info (
  app_id                  text        not null,
  etc_org_no              text        not null,
  company_name            text        not null,
  org_code                text        not null,
  legal_rep_name          text        not null,
  legal_rep_id_sealed     bytea       not null,
  legal_rep_mobile_sealed bytea       not null,
  further_sealed          bytea       not null,
  updated_at              timestamptz not null,
  primary key (app_id, etc_org_no)
);

-- A company register that the operator imported. It belongs to the installation, not to an application.
create table company_register (
  org_code          text        primary key,
  company_name      text        not null,
  legal_rep_name    text,
  -- keyed hash of the legal representative's ID number: it is compared and never shown
  legal_rep_id_hash bytea,
  is_closed         boolean     not null,
  imported_at       timestamptz not null
);

-- Branches of banks that the operator imported, beside the small list that comes with the service.
create table bank_subbranch (
  cnaps_code text primary key check (cnaps_code ~ '^[0-9]{12}$'),
  bank_name  text not null,
  bank       text not null,
  province   text not null,
  city       text not null
);

-- A company's consent to signing without a person. An operator who vouched for a company vouched for both.
alter table org add column silent_signing_at timestamptz;
update org set silent_signing_at = verified_at;

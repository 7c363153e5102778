-- Registered destinations of callbacks. app_id '*' is one that the operator set for every application.
create table callee (
  app_id                text        not null,
  callee_no             text        not null,
  url                   text        not null,
  profile               text        not null check (profile in ('etc-relay', 'etc-notify', 'plain')),
  sign_type             text        not null check (sign_type in ('RSA', 'RSA2')),
  enabled               boolean     not null,
  -- Base64 of what the vault made of it; null: the application's own secret
  webhook_secret_sealed text,
  -- null: the profile's rule
  acknowledge_rule      jsonb,
  -- null: the profile's delays
  delays_ms             integer[],
  created_at            timestamptz not null,
  updated_at            timestamptz not null,
  primary key (app_id, callee_no)
);

-- One message on its way to one destination. request_id is a UUID version 7, so a range of ids is a range of time:
-- partitions by request_id are partitions by time, the unique index on request_id alone remains possible, and retention
-- can drop partitions.
create table delivery (
  app_id            text        not null,
  request_id        uuid        not null,
  state             text        not null check (state in ('leased', 'waiting', 'parked', 'delivered', 'failed')),
  profile           text        not null,
  url               text        not null,
  -- the registered destination, where there is one: its present URL and settings are used at each attempt
  callee_app_id     text,
  callee_no         text,
  caller_no         text,
  message_type      text        not null,
  -- source text of one JSON value, sent byte for byte
  content           text        not null,
  attempts_max      integer,
  -- attempts begun in all, and those of the present schedule (a replay starts a new one)
  attempts          integer     not null,
  schedule_attempts integer     not null,
  -- fencing: a claim raises it, and a settlement holds only while it is still the claim's own
  lease_token       bigint      not null,
  lease_owner       text,
  -- when a dispatcher may claim it: the next attempt of a waiting delivery, the end of the lease of a leased one
  due_at            timestamptz,
  reason            text,
  accepted_at       timestamptz not null,
  occurred_at       timestamptz,
  ended_at          timestamptz,
  primary key (app_id, request_id),
  check ((state in ('leased', 'waiting')) = (due_at is not null)),
  check ((state in ('delivered', 'failed')) = (ended_at is not null))
) partition by range (request_id);

create table delivery_default partition of delivery default;

create unique index delivery_request_id on delivery (request_id);
-- what a claim walks: it holds what is under way and nothing that has ended
create index delivery_due_at on delivery (due_at) where due_at is not null;
create index delivery_callee on delivery (callee_app_id, callee_no, request_id) where callee_no is not null;
-- what switching a destination on again releases
create index delivery_parked on delivery (callee_app_id, callee_no) where state = 'parked';

create table delivery_attempt (
  app_id         text        not null,
  request_id     uuid        not null,
  number         integer     not null,
  started_at     timestamptz not null,
  duration_ms    integer     not null,
  outcome        text        not null check (outcome in ('acknowledged', 'refused', 'unacknowledged')),
  status         smallint,
  reason         text,
  -- the first bytes of the answer's body
  answer         bytea,
  url            text        not null,
  remote_address text,
  node           text        not null,
  primary key (app_id, request_id, number)
) partition by range (request_id);

create table delivery_attempt_default partition of delivery_attempt default;

-- The same key of one application is one delivery. Beside the partitions, because the key knows no time.
create table delivery_idempotency_key (
  app_id          text        not null,
  idempotency_key text        not null,
  -- SHA-256 over destination, message type and content
  fingerprint     bytea       not null,
  request_id      uuid        not null,
  created_at      timestamptz not null,
  primary key (app_id, idempotency_key)
);

create index delivery_idempotency_key_created_at on delivery_idempotency_key (created_at);

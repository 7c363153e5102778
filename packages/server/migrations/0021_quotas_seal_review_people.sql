-- How many contracts an application may still begin. No row: as many as it likes.
create table contract_quota (
  app_id     text        primary key,
  remaining  bigint      not null check (remaining between 0 and 2000000000),
  updated_at timestamptz not null
);

-- What applications ordered, for whoever sends the bill.
create table contract_order (
  app_id             text        not null,
  order_id           text        not null check (order_id ~ '^[0-9a-f]{32}$'),
  -- the caller's own number of the order; a repeat orders nothing
  biz_request_no     text,
  etc_org_no         text        not null,
  public_estate_type text        not null,
  contracts          integer     not null check (contracts > 0),
  created_at         timestamptz not null,
  primary key (app_id, order_id)
);

create unique index contract_order_biz_request_no on contract_order (app_id, biz_request_no)
  where biz_request_no is not null;
create index contract_order_created_at on contract_order (app_id, created_at);

-- Whether this request took a contract from the quota: one that comes to nothing gives it back.
alter table sign_request add column quota_taken boolean not null default false;

-- Seals that wait for a review sign nothing, and rejected ones never do.
alter table seal drop constraint seal_status_check;
alter table seal
  add constraint seal_status_check check (status in ('active', 'pending', 'rejected', 'retired')),
  add column reviewed_at   timestamptz,
  add column review_reason text,
  -- a design chosen while another seal was in use: it becomes the default when it passes
  add column is_successor  boolean not null default false,
  add check (not is_successor or (status = 'pending' and not is_default));

create index seal_pending on seal (app_id, created_at, seal_id) where status = 'pending';
create unique index seal_successor on seal (app_id, etc_org_no) where is_successor;

-- Applications whose new seals wait for a review.
create table seal_review_setting (
  app_id text        primary key,
  since  timestamptz not null
);

-- Where a person's data rests, found by a keyed hash of their ID number or mobile: to erase it, and nothing else.
create table sign_person_key (
  app_id          text  not null,
  key_hash        bytea not null,
  flow_request_id text  not null,
  signer_id       text  not null,
  primary key (app_id, key_hash, flow_request_id, signer_id)
);
create index sign_person_key_signer on sign_person_key (app_id, flow_request_id, signer_id);

-- false: from before there were keys, or not looked at yet; a job writes them
alter table sign_request add column has_person_keys boolean not null default false;
create index sign_request_without_person_keys on sign_request (created_at) where not has_person_keys;

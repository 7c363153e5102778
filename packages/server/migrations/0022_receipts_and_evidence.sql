-- Receipts: each is a document of our own that a company signs in a flow of its own.
create table receipt (
  app_id         text        not null,
  flow_id        text        not null,
  etc_org_no     text        not null,
  receipt_number text        not null,
  template_code  text        not null check (template_code in ('T001')),
  -- SHA-256 over everything it says: a repeat of the number must say the same
  facts_sha256   text        not null check (facts_sha256 ~ '^[0-9a-f]{64}$'),
  notify_url     text        not null,
  created_at     timestamptz not null,
  primary key (app_id, flow_id)
);

create unique index receipt_number on receipt (app_id, etc_org_no, receipt_number);

-- The evidence report of a flow, as it was made for one state of what it tells of.
create table evidence_report (
  app_id       text        not null,
  flow_id      text        not null,
  -- SHA-256 over everything that the report tells of
  facts_sha256 text        not null check (facts_sha256 ~ '^[0-9a-f]{64}$'),
  file_id      text        not null,
  created_at   timestamptz not null,
  primary key (app_id, flow_id, facts_sha256)
);

-- An operator names a flow by its id alone.
create index sign_flow_id on sign_flow (flow_id);

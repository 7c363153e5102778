-- The installation's own certificate authority. One row: two nodes that start at once both try to write it, and both
-- read the one that was written. Private keys are PKCS#8 DER, sealed by the vault.
create table certificate_authority (
  authority_id       text        primary key,
  key_algorithm      text        not null check (key_algorithm in ('RSA-2048', 'P-256')),
  certificate        bytea       not null,
  private_key_sealed bytea       not null,
  not_after          timestamptz not null,
  created_at         timestamptz not null
);

-- Company certificates. Those that were replaced stay: they say who signed older documents.
create table certificate (
  app_id             text        not null,
  etc_org_no         text        not null,
  serial_number      text        not null check (serial_number ~ '^[0-9a-f]{40}$'),
  authority_id       text        not null references certificate_authority,
  company_name       text        not null,
  social_credit_code text,
  key_algorithm      text        not null check (key_algorithm in ('RSA-2048', 'P-256')),
  certificate        bytea       not null,
  private_key_sealed bytea       not null,
  not_before         timestamptz not null,
  not_after          timestamptz not null,
  superseded_at      timestamptz,
  created_at         timestamptz not null,
  primary key (app_id, etc_org_no, serial_number)
);

-- A company has one current certificate; of two nodes that issue at once, one loses and takes the other's.
create unique index certificate_current on certificate (app_id, etc_org_no) where superseded_at is null;

-- Calling applications. Sealed columns hold what the vault made; public_key and relay_public_key are SPKI PEM.
create table app (
  app_id                   text        primary key check (app_id ~ '^[A-Z0-9]{16}$'),
  name                     text        not null,
  public_key               text        not null,
  sign_type                text        not null check (sign_type in ('RSA', 'RSA2')),
  app_secret_sealed        bytea       not null,
  -- keyed hash of the secret: equality is asked of it, so that the secret is opened only to be shown
  app_secret_hash          bytea       not null,
  webhook_secret_sealed    bytea       not null,
  relay_private_key_sealed bytea       not null,
  relay_public_key         text        not null,
  allow_ips                cidr[]      not null,
  notify_url               text,
  -- api codes, or '*' alone for every one
  grants                   text[]      not null check (cardinality(grants) > 0),
  notify_code              text        not null check (notify_code in ('sign_process', 'auth_process')),
  allow_weak_key           boolean     not null,
  refuse_nested_params     boolean     not null,
  rate_per_second_max      integer     not null check (rate_per_second_max > 0),
  disabled_at              timestamptz,
  created_at               timestamptz not null
);

-- Nonces of the last minute. A row older than 60 s may be taken over, so pruning is only for space.
create table app_nonce (
  app_id  text        not null,
  nonce   text        not null,
  used_at timestamptz not null,
  primary key (app_id, nonce)
);

create index app_nonce_used_at on app_nonce (used_at);

-- Access tokens of calling applications (OAuth mode of the e签宝 API). Tokens rest as keyed hashes; nobody can read one
-- out of here.
create table app_access_token (
  app_id             text        not null,
  token_hash         bytea       not null,
  refresh_token_hash bytea       not null,
  -- the hash of the app secret under which it was given out: a new secret ends the tokens of the old one
  app_secret_hash    bytea       not null,
  issued_at          timestamptz not null,
  expires_at         timestamptz not null,
  refresh_expires_at timestamptz not null,
  primary key (app_id, token_hash)
);

create unique index app_access_token_refresh on app_access_token (app_id, refresh_token_hash);

-- Files of an app: what was fetched to be signed, and each signed revision of it. The bytes rest in the file store.
create table document_file (
  app_id      text        not null,
  file_id     text        not null check (file_id ~ '^[0-9a-f]{32}$'),
  file_name   text        not null,
  storage_key text        not null,
  sha256      text        not null check (sha256 ~ '^[0-9a-f]{64}$'),
  byte_length bigint      not null check (byte_length >= 0),
  created_at  timestamptz not null,
  primary key (app_id, file_id)
);

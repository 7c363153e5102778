-- Who did what, hash-chained per application: each entry's hash is SHA-256 over the hash before it and the entry's
-- own text, so that an edited, removed or reordered entry shows. app_id '*' is the operator's own chain.
create table audit_chain (
  app_id   text   primary key,
  sequence bigint not null,
  hash     bytea  not null
);

create table audit_entry (
  app_id   text        not null,
  sequence bigint      not null,
  at       timestamptz not null,
  actor    text        not null,
  action   text        not null,
  subject  text        not null,
  detail   jsonb       not null,
  -- the exact text that was hashed: a JSON array of app_id, at, actor, action, subject, detail
  content  text        not null,
  hash     bytea       not null,
  primary key (app_id, sequence)
);

create index audit_entry_subject on audit_entry (app_id, subject);

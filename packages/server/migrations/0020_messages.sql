-- Short messages and e-mails to people: a link to sign, a one-time code. Written in the transaction of what they tell of,
-- delivered by a job.
create table message (
  app_id        text        not null,
  message_id    text        not null,
  kind          text        not null,
  language      text        not null check (language in ('zh', 'en')),
  -- masked, for people
  recipient     text        not null,
  -- keyed hash, so that how often somebody is written to can be counted
  recipient_hash bytea      not null,
  -- address and text, sealed by the vault; gone once it is delivered or given up: it may hold a code or a link
  content_sealed bytea,
  state         text        not null check (state in ('waiting', 'sent', 'failed')),
  attempts      integer     not null default 0,
  -- which adapter took it, and the number it gave
  adapter       text,
  adapter_reference text,
  failure       text,
  created_at    timestamptz not null,
  -- of no use afterwards: a code that has run out
  expires_at    timestamptz,
  touched_at    timestamptz not null,
  ended_at      timestamptz,
  primary key (app_id, message_id)
);
create index message_waiting on message (touched_at) where state = 'waiting';
create index message_failed on message (ended_at) where state = 'failed';
create index message_recipient on message (app_id, recipient_hash, kind, created_at);

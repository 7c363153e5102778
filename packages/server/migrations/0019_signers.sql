-- How a person signs: the links they are sent, their sessions, one-time codes, previews and intents; and every act of it,
-- which the evidence report reads. app_id stands first in every key.

-- Everything that somebody did with a flow, and what the service did for it, in order. Written once: the trigger below
-- refuses every change. Each act has an entry in the hash-chained audit too, whose detail holds act_id and sha256.
create table sign_act (
  app_id          text        not null,
  flow_id         text        not null,
  act_no          bigint      not null generated always as identity,
  act_id          text        not null,
  -- whose act it is; null where no signer acts (created, revoked, expired, done)
  signer_id       text,
  kind            text        not null check (kind in (
    'created', 'link_sent', 'link_unsent', 'opened', 'code_sent', 'code_wrong', 'code_locked', 'identity_checked', 'consented',
    'document_opened', 'previewed', 'confirmed', 'signed', 'refused', 'handed_over', 'downloaded', 'revoked', 'expired',
    'done')),
  -- as in the audit: signer:ID, member:NO, system
  actor           text        not null,
  at              timestamptz not null,
  -- null where no browser was there
  ip              text,
  user_agent      text,
  session_id      text,
  -- the message of a link or a code
  message_id      text,
  consent_version text,
  -- the revision that was shown, agreed to or made, with its SHA-256 in lower-case hex
  file_id         text,
  file_sha256     text,
  -- by kind; masked, no secret
  detail          jsonb       not null,
  -- the exact text that was hashed: a JSON array of all of the above but act_no
  content         text        not null,
  sha256          text        not null check (sha256 ~ '^[0-9a-f]{64}$'),
  primary key (app_id, flow_id, act_no)
);

create function sign_act_is_final() returns trigger language plpgsql as $$
begin
  raise exception 'acts of signing are written once';
end $$;
create trigger sign_act_is_final before update or delete on sign_act
  for each row execute function sign_act_is_final();

-- A link that opens the signing page for one signer. The token is known to who holds the link alone: here is its hash.
create table sign_link (
  app_id     text        not null,
  token_hash bytea       not null,
  flow_id    text        not null,
  signer_id  text        not null,
  -- sent: by a message; handover: shown by a session to the signer's other device, for one session and a short while
  kind       text        not null check (kind in ('sent', 'handover')),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at    timestamptz,
  primary key (app_id, token_hash)
);
create index sign_link_signer on sign_link (app_id, flow_id, signer_id, created_at);

-- A browser in which a link was opened. What was proved in it holds for it alone.
create table sign_session (
  app_id          text        not null,
  -- SHA-256 of the cookie
  cookie_hash     bytea       not null,
  session_id      text        not null,
  flow_id         text        not null,
  signer_id       text        not null,
  created_at      timestamptz not null,
  expires_at      timestamptz not null,
  -- when who sits there was found to be the signer, and how
  checked_at      timestamptz,
  check_method    text,
  check_message   text,
  consent_version text,
  consented_at    timestamptz,
  primary key (app_id, cookie_hash)
);
create index sign_session_signer on sign_session (app_id, flow_id, signer_id, created_at);
create index sign_session_expiry on sign_session (expires_at);

-- The one-time code under way for a signer, kept as an HMAC.
create table sign_code (
  app_id       text        not null,
  flow_id      text        not null,
  signer_id    text        not null,
  code_hash    bytea       not null,
  message_id   text        not null,
  sent_at      timestamptz not null,
  expires_at   timestamptz not null,
  tries_left   integer     not null,
  locked_until timestamptz,
  used_at      timestamptz,
  primary key (app_id, flow_id, signer_id)
);

-- What a signer was shown before they confirmed: their choices over one revision, in one session.
create table sign_preview (
  app_id     text        not null,
  preview_id text        not null,
  flow_id    text        not null,
  signer_id  text        not null,
  session_id text        not null,
  file_id    text        not null,
  -- one for each field: form, seal or handwriting, points of a free placement
  choices    jsonb       not null,
  -- where on which page something of theirs stands: [{page, rect}]
  places     jsonb       not null,
  -- fields that were signed when it was made: a signature since then is not in the picture
  signed_fields jsonb    not null,
  created_at timestamptz not null,
  primary key (app_id, preview_id)
);
create index sign_preview_session on sign_preview (app_id, session_id, created_at);
create index sign_preview_age on sign_preview (created_at);

-- What a signer confirmed: from here on their signatures are made by a job, whatever becomes of their browser.
create table sign_intent (
  app_id          text        not null,
  flow_id         text        not null,
  signer_id       text        not null,
  session_id      text        not null,
  preview_id      text        not null,
  -- the revision that the preview showed
  file_id         text        not null,
  choices         jsonb       not null,
  consent_version text        not null,
  confirmed_at    timestamptz not null,
  primary key (app_id, flow_id, signer_id),
  foreign key (app_id, flow_id, signer_id) references sign_signer (app_id, flow_id, signer_id)
);

-- How long a signer looked at a page.
create table sign_view (
  app_id       text        not null,
  flow_id      text        not null,
  signer_id    text        not null,
  page         integer     not null check (page >= 1),
  milliseconds bigint      not null,
  first_at     timestamptz not null,
  last_at      timestamptz not null,
  primary key (app_id, flow_id, signer_id, page)
);

alter table sign_signer
  -- when they confirmed: their fields need no person any more
  add column confirmed_at       timestamptz,
  -- when the document was shown to them first: the reading time counts from here
  add column document_opened_at timestamptz,
  add column reminded_at        timestamptz,
  add column reminders          integer not null default 0;

-- where the field's seals stand, once it is signed: [{page, rect}]
alter table sign_field add column places jsonb;

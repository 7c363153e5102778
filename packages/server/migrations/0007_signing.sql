-- Sign flows. app_id stands first in every key and every statement names it, so that the tables distribute by it.

-- A request to make a flow, from its acceptance until the flow exists or cannot exist.
create table sign_request (
  app_id          text        not null,
  flow_request_id text        not null,
  -- the caller's own id of the request; a repeat answers the first flow_request_id
  biz_request_no  text,
  state           text        not null check (state in ('pending', 'opened', 'failed')),
  -- the command as it came; ID numbers and mobiles in it are sealed by the vault
  command         jsonb       not null,
  -- how often its job began; counted before the work, so that a request which ends the process ends too
  attempts        integer     not null default 0,
  touched_at      timestamptz not null,
  flow_id         text,
  -- why there is no flow, for a person
  failure         text,
  created_at      timestamptz not null,
  settled_at      timestamptz,
  primary key (app_id, flow_request_id)
);

create unique index sign_request_biz_request_no on sign_request (app_id, biz_request_no)
  where biz_request_no is not null;
create index sign_request_pending on sign_request (touched_at) where state = 'pending';

create table sign_flow (
  app_id              text        not null,
  flow_id             text        not null,
  flow_request_id     text        not null,
  state               text        not null check (state in ('draft', 'signing', 'done', 'revoked', 'expired', 'refused')),
  subject             text        not null,
  notify_url          text,
  finish_notify       boolean     not null,
  initiator_member_no text        not null,
  initiator_org_no    text        not null,
  sign_validity       timestamptz,
  -- the newest revision of the document; each signature replaces it by the next
  file_id             text        not null,
  reason              text,
  created_at          timestamptz not null,
  -- the last signature, or the last time that signing was tried
  touched_at          timestamptz not null,
  -- whether a silent field waits whose turn it is: there is work that needs no person
  silent_in_turn      boolean     not null,
  ended_at            timestamptz,
  primary key (app_id, flow_id)
);

create index sign_flow_silent on sign_flow (touched_at) where state = 'signing' and silent_in_turn;
create index sign_flow_deadline on sign_flow (sign_validity) where state = 'signing' and sign_validity is not null;

create table sign_signer (
  app_id     text    not null,
  flow_id    text    not null,
  signer_id  text    not null,
  -- as listed in the request, from 0
  position   integer not null,
  sign_order integer not null check (sign_order >= 1),
  kind       text    not null check (kind in ('company', 'individual')),
  state      text    not null check (state in ('waiting', 'signing', 'signed', 'refused')),
  name       text    not null,
  -- the company that signs; null for an individual
  org_no     text,
  -- sealed by the vault; null for a company
  id_number  bytea,
  mobile     bytea,
  ended_at   timestamptz,
  primary key (app_id, flow_id, signer_id),
  foreign key (app_id, flow_id) references sign_flow (app_id, flow_id)
);

create table sign_field (
  app_id       text    not null,
  flow_id      text    not null,
  field_id     text    not null,
  signer_id    text    not null,
  -- as listed for the signer, from 0
  position     integer not null,
  auto_execute boolean not null,
  -- placement, width, date and allowed forms as the request gave them
  field        jsonb   not null,
  state        text    not null check (state in ('waiting', 'signed')),
  -- the revision that this field's signature made
  file_id      text,
  signed_at    timestamptz,
  primary key (app_id, flow_id, field_id),
  foreign key (app_id, flow_id, signer_id) references sign_signer (app_id, flow_id, signer_id)
);

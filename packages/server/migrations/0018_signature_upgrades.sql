-- Timestamps and what makes signatures hold for years (docs/long-term.md).

-- What each signature of the field has reached (ETSI EN 319 142-1): the least of them, where the field has several.
alter table sign_field
  add column signature_level text check (signature_level in ('B-B', 'B-T', 'B-LT', 'B-LTA'));
update sign_field set signature_level = 'B-B' where state = 'signed';

-- Flows whose newest revision has not reached its level, or whose last timestamp is to be renewed. The row is written in
-- the transaction that counts the signature, and gone when nothing is left to do.
create table signature_upgrade (
  app_id     text        not null,
  flow_id    text        not null,
  goal       text        not null check (goal in ('B-T', 'B-LT', 'B-LTA')),
  -- the goal is reached; another timestamp stands in before the last one's certificate ends
  renewal    boolean     not null default false,
  -- when it is tried next; a node that tries moves it ahead first, so that its death is noticed
  due_at     timestamptz not null,
  -- since the last success
  attempts   integer     not null default 0,
  -- why the last attempt did not reach the goal
  failure    text,
  created_at timestamptz not null,
  primary key (app_id, flow_id),
  foreign key (app_id, flow_id) references sign_flow (app_id, flow_id)
);

create index signature_upgrade_due on signature_upgrade (due_at);

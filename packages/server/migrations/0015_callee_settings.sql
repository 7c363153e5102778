-- Settings of a destination's own. Null everywhere: the profile's, the relay's, or none.
alter table callee
  -- counts the URLs it has had: callee_url holds them
  add column url_version         integer          not null default 1 check (url_version > 0),
  -- where a retry goes: to the newest URL, or to that of the time of acceptance
  add column url_pinning         text             not null default 'newest' check (url_pinning in ('newest', 'pinned')),
  -- a list of rules: an answer that one of them fits ends the delivery
  add column refuse_rules        jsonb,
  -- {"statuses": […], "path": "…"}: when the answer names the least wait before the next attempt
  add column retry_after_rule    jsonb,
  add column attempt_timeout_ms  integer          check (attempt_timeout_ms > 0),
  add column in_flight_max       integer          check (in_flight_max > 0),
  add column rate_per_second     double precision check (rate_per_second > 0),
  -- {"failures": n, "coolDownMs": n}, or "off"
  add column circuit             jsonb,
  -- from where the ordering key of a message is taken: at most one of the two
  add column ordering_key_path   text,
  add column ordering_key_header text,
  add column latest_only         boolean          not null default false,
  -- keys and certificates beside webhook_secret_sealed: public parts, and what the vault made of the private ones
  add column credentials         jsonb,
  add check (ordering_key_path is null or ordering_key_header is null);

create table callee_url (
  app_id     text        not null,
  callee_no  text        not null,
  version    integer     not null,
  url        text        not null,
  set_by     text        not null,
  set_at     timestamptz not null,
  primary key (app_id, callee_no, version),
  foreign key (app_id, callee_no) references callee
);

insert into callee_url (app_id, callee_no, version, url, set_by, set_at)
select app_id, callee_no, 1, url, 'operator', updated_at from callee;

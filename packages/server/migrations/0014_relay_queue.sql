-- The relay's hot path: a delivery is written once, what is under way stands in a small table of its own, and both
-- `delivery` and `delivery_attempt` are cut into days, so that retention drops tables and claims do not know history.

-- What is under way, and nothing that has ended: a delivered delivery has no row here and no `failed_at`.
create table delivery_queue (
  app_id            text        not null,
  request_id        uuid        not null,
  -- the destination as dispatchers see it: CALLEE_APP_ID/CALLEE_NO, or APP_ID/ORIGIN of a bare URL
  lane              text        not null,
  -- queued: behind an earlier message of its ordering key; parked: held by an operator
  state             text        not null check (state in ('leased', 'waiting', 'queued', 'parked')),
  -- attempts begun in all, and those of the present schedule (a replay starts a new one)
  attempts          integer     not null,
  schedule_attempts integer     not null,
  -- fencing: a claim raises it, and a settlement holds only while it is still the claim's own
  lease_token       bigint      not null,
  lease_owner       text,
  -- the next attempt of a waiting delivery, the end of the lease of a leased one
  due_at            timestamptz,
  ordering_key      text,
  -- the order of commits within one ordering key, whatever the clocks of nodes say
  position          bigint      generated always as identity,
  reason            text,
  content_bytes     integer     not null,
  accepted_at       timestamptz not null,
  primary key (app_id, request_id),
  check ((state in ('leased', 'waiting')) = (due_at is not null))
) with (
  -- rows live for milliseconds: vacuum by count, whatever the table's size, and without pauses; giving the file's end back
  -- would lock the table, for nothing: the next rows want it again
  vacuum_truncate = off, fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000
);

-- what a claim walks, lane by lane
create index delivery_queue_waiting on delivery_queue (lane, due_at) where state = 'waiting';
-- leases that have ended
create index delivery_queue_leased on delivery_queue (due_at) where state = 'leased';
create index delivery_queue_ordering on delivery_queue (lane, ordering_key, position) where ordering_key is not null;
-- whether something of a key is under way, however much is queued behind it
create index delivery_queue_ordering_head on delivery_queue (lane, ordering_key)
  where ordering_key is not null and state in ('leased', 'waiting');
create index delivery_queue_parked on delivery_queue (lane, request_id) where state = 'parked';

-- Destinations whose circuit is not closed. open: nothing is claimed until probe_at; half-open: one attempt is under
-- way to find out, until probe_at at most.
create table relay_lane (
  lane      text        primary key,
  circuit   text        not null check (circuit in ('open', 'half-open')),
  -- consecutive failures that opened it, and the last one's reason
  failures  integer     not null,
  reason    text        not null,
  opened_at timestamptz not null,
  -- how often it has opened without closing: the wait before a probe doubles with it
  openings  integer     not null,
  probe_at  timestamptz not null,
  node      text        not null
);

-- Nodes that are alive: they divide each destination's cap and rate among them.
create table relay_node (
  node         text        primary key,
  heartbeat_at timestamptz not null
);

insert into delivery_queue (app_id, request_id, lane, state, attempts, schedule_attempts, lease_token, lease_owner,
                            due_at, reason, content_bytes, accepted_at)
select app_id, request_id,
       case when callee_no is null then app_id || '/' || coalesce(lower(substring(url from '^[a-zA-Z]+://[^/?#]+')), url)
            else callee_app_id || '/' || callee_no end,
       case when state = 'parked' then 'waiting' else state end,
       attempts, schedule_attempts, lease_token, lease_owner, coalesce(due_at, accepted_at), reason,
       octet_length(content), accepted_at
from delivery
where state in ('leased', 'waiting', 'parked');

drop index delivery_due_at, delivery_parked, delivery_callee;
alter table delivery
  -- the callee's version of the URL at acceptance; null for a bare URL
  add column url_version integer,
  add column trace_parent text,
  -- for good: refused, tries used up, skipped, superseded
  add column failed_at timestamptz,
  -- SHA-256 of a content that was dropped before its delivery's record
  add column content_sha256 bytea;
update delivery set failed_at = ended_at where state = 'failed';
-- stands in the queue now
update delivery set reason = null where state in ('leased', 'waiting', 'parked') and reason is not null;
alter table delivery
  drop column state, drop column attempts, drop column schedule_attempts, drop column lease_token,
  drop column lease_owner, drop column due_at, drop column ended_at,
  alter column content drop not null;
create index delivery_callee on delivery (callee_app_id, callee_no, request_id) where callee_no is not null;
create index delivery_failed on delivery (app_id, request_id) where failed_at is not null;

alter table delivery_attempt
  -- SHA-256 of the peer's certificate; null over plain http
  add column tls_fingerprint bytea,
  -- SHA-256 of the exact bytes of the request's body
  add column request_sha256 bytea;

-- Every attempt in a chain per application: one link for each batch that was settled. `entries` is, for each attempt of
-- the batch, 16 bytes of request id, 4 of its number (big-endian) and 32 of SHA-256 over the attempt's canonical text;
-- `hash` is SHA-256 over the entries in the first link, and over the hash before and SHA-256 of the entries in others.
create table delivery_chain (
  app_id   text   primary key,
  sequence bigint not null,
  hash     bytea  not null
);

create table delivery_attempt_link (
  app_id   text        not null,
  sequence bigint      not null,
  at       timestamptz not null,
  entries  bytea       not null,
  hash     bytea       not null,
  primary key (app_id, sequence, at)
) partition by range (at);
create table delivery_attempt_link_default partition of delivery_attempt_link default;

-- What there is so far becomes the partition of everything before tomorrow. A partition's name says the day it ends
-- before; later days are made by the service.
do $$
declare
  ends_before date := greatest(current_date + 1, (select max((to_timestamp(
    ('x' || lpad(replace(left(request_id::text, 13), '-', ''), 16, '0'))::bit(64)::bigint / 1000.0) at time zone 'UTC')::date + 1)
    from delivery));
  boundary uuid := lpad(to_hex((extract(epoch from (ends_before::timestamp at time zone 'UTC')) * 1000)::bigint), 12, '0') || repeat('0', 20);
  suffix text := to_char(ends_before, 'YYYYMMDD');
  parent text;
begin
  foreach parent in array array['delivery', 'delivery_attempt'] loop
    execute format('alter table %I detach partition %I', parent, parent || '_default');
    execute format('alter table %I rename to %I', parent || '_default', parent || '_before_' || suffix);
    execute format('alter table %I attach partition %I for values from (minvalue) to (%L)', parent, parent || '_before_' || suffix, boundary);
    execute format('create table %I partition of %I default', parent || '_default', parent);
  end loop;
end $$;

-- Accepted messages whose first attempt is being made, a batch in a row: on disk before anything goes out, at the price of
-- one small row. Each message gets rows of its own when its attempt has ended or takes long; then the row goes. What a node
-- left here when it died is taken up by others once the lease has ended.
create table delivery_journal (
  id            uuid        primary key,
  lease_ends_at timestamptz not null,
  request_ids   uuid[]      not null,
  -- a JSON array: what `delivery` and `delivery_queue` are to hold of each message, as `journal-store.ts` writes it
  entries       text        not null
) with (
  -- a batch of ordinary messages stands in its row itself
  toast_tuple_target = 8160,
  -- rows live for a tenth of a second
  vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 200000,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000,
  toast.vacuum_truncate = off, toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 20000,
  toast.autovacuum_vacuum_cost_delay = 0
);
-- compressing what is deleted a moment later is work for nothing
alter table delivery_journal alter column entries set storage external;

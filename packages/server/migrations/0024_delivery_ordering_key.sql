-- The ordering key of a message outlives its place in the queue: a replay queues it under its key again, and where only
-- the latest counts it is known that a later one was accepted.
alter table delivery
  add column ordering_key text,
  -- the `position` in the queue that it had at acceptance
  add column ordering_position bigint;

update delivery set ordering_key = queue.ordering_key, ordering_position = queue.position
from delivery_queue queue
where queue.app_id = delivery.app_id and queue.request_id = delivery.request_id and queue.ordering_key is not null;

-- whether a later one of a key was accepted
create index delivery_ordering on delivery (callee_app_id, callee_no, ordering_key, ordering_position)
  where ordering_key is not null;

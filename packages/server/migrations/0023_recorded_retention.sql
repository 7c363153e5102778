-- From here on retention writes down what it drops (relay/retention-store.ts), and a link that is missing without such a
-- record was taken out. What had been dropped before is written down here, once, as it is found.
create function pg_temp.append_audit(of_app text, subject_of text, told jsonb) returns void language plpgsql as $$
declare
  moment timestamptz := date_trunc('milliseconds', now());
  said text := json_build_array(of_app, to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'system',
                                'relay.retention', subject_of, told)::text;
  head audit_chain;
begin
  insert into audit_chain as chain (app_id, sequence, hash) values (of_app, 1, sha256(convert_to(said, 'UTF8')))
  on conflict (app_id) do update
    set sequence = chain.sequence + 1, hash = sha256(chain.hash || convert_to(said, 'UTF8'))
  returning * into head;
  insert into audit_entry (app_id, sequence, at, actor, action, subject, detail, content, hash)
  values (of_app, head.sequence, moment, 'system', 'relay.retention', subject_of, told, said, head.hash);
end $$;

-- Links that are missing between the first that there was and each chain's head; also where none is, so that nobody can
-- say afterwards that some were.
select pg_temp.append_audit(app_id, 'delivery_attempt_link', jsonb_build_object('migration', 23, 'runs', runs, 'before', (
         select to_char(min(at) at time zone 'UTC', 'YYYY-MM-DD') from delivery_attempt_link link
         where link.app_id = gap.app_id)))
from (
  select app_id, coalesce(jsonb_agg(jsonb_build_object('first', first, 'last', last, 'hash', null) order by first)
                            filter (where first <= last), '[]') as runs
  from (
    select app_id, coalesce(lag(sequence) over (partition by app_id order by sequence), 0) + 1 as first, sequence - 1 as last
    from (
      select app_id, sequence from delivery_attempt_link
      union
      -- what is missing at the end of a chain is missing up to its head
      select app_id, sequence + 1 from delivery_chain
    ) as known
  ) as between_links
  group by app_id
) as gap
order by app_id;

-- Days of deliveries and attempts of which the first partition no longer begins with everything before it.
select pg_temp.append_audit('*', parent, jsonb_build_object('migration', 23, 'before', to_char(to_timestamp(
         ('x' || lpad(replace(left(bound, 13), '-', ''), 16, '0'))::bit(64)::bigint / 1000.0) at time zone 'UTC', 'YYYY-MM-DD')))
from (
  select parent.relname::text as parent,
         case when not bool_or(pg_get_expr(child.relpartbound, child.oid) like 'FOR VALUES FROM (MINVALUE)%') then
         min(substring(pg_get_expr(child.relpartbound, child.oid) from 'FROM \(''([^'']+)''')) end as bound
  from pg_inherits join pg_class child on child.oid = inhrelid join pg_class parent on parent.oid = inhparent
  where parent.relname in ('delivery', 'delivery_attempt') and parent.relnamespace = current_schema::regnamespace
  group by parent.relname
) as kept
-- A new installation has nothing to tell of.
where exists (select from delivery_chain)
order by parent;

drop function pg_temp.append_audit(text, text, jsonb);

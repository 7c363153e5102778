-- Deliveries in the style of the e签宝 API, and waits of a message's own.
alter table callee drop constraint callee_profile_check;
alter table callee add constraint callee_profile_check
  check (profile in ('etc-relay', 'etc-notify', 'plain', 'tsign'));

-- null: the profile's delays
alter table delivery add column delays_ms integer[];

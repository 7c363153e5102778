-- Who of an application's partners is told of which of its events.
create table event_subscription (
  app_id              text        not null,
  -- UUID version 7: ids sort by the time of subscribing
  subscription_id     uuid        not null,
  -- one to four whole levels, joined by dots: the key of an event or a beginning of it
  event_key           text        not null,
  callback_url        text        not null,
  -- of the URL in its normal form; a URL of 2,048 characters does not fit an index
  callback_url_sha256 bytea       not null,
  subscriber          text,
  is_signature        boolean     not null,
  created_at          timestamptz not null,
  primary key (app_id, subscription_id)
);

-- what publishing looks up, and what makes a second subscription of the same a duplicate
create unique index event_subscription_place on event_subscription (app_id, event_key, callback_url_sha256);
create unique index event_subscription_id on event_subscription (subscription_id);

-- The same key of one application is one published event.
create table event_idempotency_key (
  app_id          text        not null,
  idempotency_key text        not null,
  -- SHA-256 over event key and content
  fingerprint     bytea       not null,
  event_id        uuid        not null,
  deliveries      integer     not null,
  created_at      timestamptz not null,
  primary key (app_id, idempotency_key)
);

create index event_idempotency_key_created_at on event_idempotency_key (created_at);

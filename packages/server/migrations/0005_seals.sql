-- The seals of companies. What a seal looks like is kept as it was drawn, so that it stays the same when the font or
-- the layout of a later version does not.
create table seal (
  app_id      text        not null,
  seal_id     text        not null check (seal_id ~ '^[0-9a-f]{32}$'),
  etc_org_no  text        not null,
  alias       text        not null,
  kind        text        not null check (kind in ('company_template')),
  status      text        not null check (status in ('active', 'retired')),
  -- the words the drawing was made from: {name, line?, number?}
  template    jsonb       not null,
  -- the drawing: {width, height, paths} in points
  drawing     jsonb       not null,
  is_default  boolean     not null,
  created_at  timestamptz not null,
  retired_at  timestamptz,
  primary key (app_id, seal_id),
  check ((status = 'retired') = (retired_at is not null)),
  check (not (is_default and status = 'retired'))
);

create unique index seal_default on seal (app_id, etc_org_no) where is_default;
create index seal_org on seal (app_id, etc_org_no, created_at);

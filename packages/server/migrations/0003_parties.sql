-- Companies that a calling application told of. Sealed columns hold what the vault made.
create table org (
  app_id                text        not null,
  etc_org_no            text        not null check (etc_org_no ~ '^[0-9a-f]{32}$'),
  biz_org_no            text        not null,
  org_type              text        not null check (org_type in ('01', '02', '03')),
  org_name              text        not null,
  parent_biz_org_no     text,
  social_credit_code    text,
  legal_person          text,
  -- the rest of what was told (addresses, contacts), kept for the people who verify: a JSON object, sealed
  details_sealed        bytea        not null,
  -- keyed hash over everything told: a repeat of biz_org_no must say the same
  told_hash             bytea        not null,
  verified_at           timestamptz,
  created_at            timestamptz not null,
  primary key (app_id, etc_org_no),
  unique (app_id, biz_org_no)
);

create index org_etc_org_no on org (etc_org_no);

create table member (
  app_id         text        not null,
  etc_member_no  text        not null check (etc_member_no ~ '^[0-9a-f]{32}$'),
  etc_org_no     text        not null,
  biz_member_no  text        not null,
  member_name    text        not null,
  mobile_sealed  bytea,
  role_type      text check (role_type in ('01', '02', '03', '04', '05', '06')),
  told_hash      bytea        not null,
  created_at     timestamptz not null,
  primary key (app_id, etc_member_no),
  unique (app_id, etc_org_no, biz_member_no),
  foreign key (app_id, etc_org_no) references org (app_id, etc_org_no)
);

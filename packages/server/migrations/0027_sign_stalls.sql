-- Signers whose next signature cannot be made for now: why, and since when. The row is written when an attempt fails, and
-- gone with the signature or the end of the flow.
create table sign_stall (
  app_id     text        not null,
  flow_id    text        not null,
  signer_id  text        not null,
  -- signing/stall.ts
  reason     text        not null,
  -- what the operator may read of it
  detail     text        not null,
  -- the company whose certificate, key or seal it is; null where it is the file, or a person
  org_no     text,
  -- the first attempt that failed since the last signature
  since      timestamptz not null,
  attempts   integer     not null default 1,
  -- when one of those with this reason may be tried again
  due_at     timestamptz not null,
  primary key (app_id, flow_id, signer_id),
  foreign key (app_id, flow_id, signer_id) references sign_signer (app_id, flow_id, signer_id)
);

create index sign_stall_company on sign_stall (app_id, org_no, due_at) where org_no is not null;

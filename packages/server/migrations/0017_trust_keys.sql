-- The authority has two steps from here on: a root, whose private key may be taken out of the service, and under it an
-- issuing authority, which is renewed while the root stays.
alter table certificate_authority drop constraint certificate_authority_key_algorithm_check;
alter table certificate_authority
  add check (key_algorithm in ('RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256')),
  -- null: taken out
  alter column private_key_sealed drop not null,
  -- null: the root
  add column issuer_id     text references certificate_authority,
  -- of an issuing authority that issues no more; it still signs revocation lists until its end
  add column superseded_at timestamptz,
  add column revoked_at    timestamptz,
  -- RFC 5280, 5.3.1
  add column revocation_reason integer check (revocation_reason in (0, 1, 2, 3, 4, 5)),
  add check ((revoked_at is null) = (revocation_reason is null)),
  add check (issuer_id is null or private_key_sealed is not null);

-- Of two nodes that make an issuing authority at once, one loses and takes the other's.
create unique index certificate_authority_issuing on certificate_authority ((1))
  where issuer_id is not null and superseded_at is null;

-- Certificates of companies and of people, ours and those of other authorities.
alter table certificate rename column etc_org_no to holder_key;
alter table certificate rename column company_name to holder_name;
-- a company's 统一社会信用代码; of a person a pseudonym, the same for the same ID number in one application
alter table certificate rename column social_credit_code to holder_identifier;
alter table certificate drop constraint certificate_key_algorithm_check;
alter table certificate drop constraint certificate_serial_number_check;
alter table certificate drop constraint certificate_pkey;
drop index certificate_current;
alter table certificate
  add column holder_kind       text not null default 'company' check (holder_kind in ('company', 'person')),
  add check (key_algorithm in ('RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256')),
  add check (serial_number ~ '^([0-9a-f]{2}){1,20}$'),
  -- null: of another authority, whose certificates are issuer_chain, DER one after another, the one that signed first
  alter column authority_id drop not null,
  add column issuer_chain      bytea,
  -- where the private key rests; null for key_store 'database', whose key is private_key_sealed
  add column key_store         text not null default 'database' check (key_store in ('database', 'pkcs12', 'pkcs11')),
  add column key_reference     text,
  -- the key's, or of a PKCS#12 file the passphrase's; null in PKCS#11, whose PIN is the configuration's, and when erased
  alter column private_key_sealed drop not null,
  add column revoked_at        timestamptz,
  -- RFC 5280, 5.3.1
  add column revocation_reason integer check (revocation_reason in (0, 1, 3, 4, 5, 9)),
  add primary key (app_id, holder_kind, holder_key, serial_number),
  add check ((authority_id is null) = (issuer_chain is not null)),
  add check ((key_store = 'database') = (key_reference is null)),
  add check ((revoked_at is null) = (revocation_reason is null));
alter table certificate alter column holder_kind drop default, alter column key_store drop default;

create unique index certificate_current on certificate (app_id, holder_kind, holder_key) where superseded_at is null;
-- Who asks for a certificate's status names its serial number, and no application.
create index certificate_serial_number on certificate (serial_number);
create index certificate_revoked on certificate (authority_id) where revoked_at is not null;

-- The service's own certificates under the issuing authority: who answers OCSP, who stamps times in development.
create table service_certificate (
  authority_id       text        not null references certificate_authority,
  serial_number      text        not null,
  purpose            text        not null check (purpose in ('ocsp', 'timestamp')),
  key_algorithm      text        not null,
  certificate        bytea       not null,
  private_key_sealed bytea       not null,
  not_before         timestamptz not null,
  not_after          timestamptz not null,
  primary key (authority_id, serial_number)
);

-- The newest list of each authority, the same from every node. Its number only grows (RFC 5280, 5.2.3).
create table revocation_list (
  authority_id text        primary key references certificate_authority,
  number       bigint      not null,
  list         bytea       not null,
  this_update  timestamptz not null,
  next_update  timestamptz not null
);

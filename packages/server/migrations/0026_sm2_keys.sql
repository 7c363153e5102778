-- SM2 (GB/T 32918) beside RSA and P-256, where the configuration says so.
alter table certificate_authority drop constraint certificate_authority_key_algorithm_check;
alter table certificate_authority
  add check (key_algorithm in ('RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256', 'SM2'));

alter table certificate drop constraint certificate_key_algorithm_check;
alter table certificate add check (key_algorithm in ('RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256', 'SM2'));

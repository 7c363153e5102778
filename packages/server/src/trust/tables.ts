import type { KeyAlgorithm } from './keys/signing-key.ts';

/** migrations/0004_trust.sql, migrations/0017_trust_keys.sql */
export type TrustTables = {
  certificate_authority: {
    authority_id: string;
    key_algorithm: KeyAlgorithm;
    certificate: Buffer;
    private_key_sealed: Buffer | null;
    not_after: Date;
    created_at: Date;
    issuer_id: string | null;
    superseded_at: Date | null;
    revoked_at: Date | null;
    revocation_reason: number | null;
  };
  certificate: {
    app_id: string;
    holder_kind: 'company' | 'person';
    holder_key: string;
    serial_number: string;
    authority_id: string | null;
    issuer_chain: Buffer | null;
    holder_name: string;
    holder_identifier: string | null;
    key_algorithm: KeyAlgorithm;
    certificate: Buffer;
    key_store: 'database' | 'pkcs12' | 'pkcs11';
    key_reference: string | null;
    private_key_sealed: Buffer | null;
    not_before: Date;
    not_after: Date;
    superseded_at: Date | null;
    created_at: Date;
    revoked_at: Date | null;
    revocation_reason: number | null;
  };
  service_certificate: {
    authority_id: string;
    serial_number: string;
    purpose: 'ocsp' | 'timestamp';
    key_algorithm: KeyAlgorithm;
    certificate: Buffer;
    private_key_sealed: Buffer;
    not_before: Date;
    not_after: Date;
  };
  revocation_list: {
    authority_id: string;
    number: number;
    list: Buffer;
    this_update: Date;
    next_update: Date;
  };
};

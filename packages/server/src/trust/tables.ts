import type { KeyAlgorithm } from './cms.ts';

/** migrations/0004_trust.sql */
export type TrustTables = {
  certificate_authority: {
    authority_id: string;
    key_algorithm: KeyAlgorithm;
    certificate: Buffer;
    private_key_sealed: Buffer;
    not_after: Date;
    created_at: Date;
  };
  certificate: {
    app_id: string;
    etc_org_no: string;
    serial_number: string;
    authority_id: string;
    company_name: string;
    social_credit_code: string | null;
    key_algorithm: KeyAlgorithm;
    certificate: Buffer;
    private_key_sealed: Buffer;
    not_before: Date;
    not_after: Date;
    superseded_at: Date | null;
    created_at: Date;
  };
};

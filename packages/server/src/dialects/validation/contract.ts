/** The words of `POST /api/verify`, which the public page reads. Times are ISO 8601. */

export type Verdict = 'valid' | 'valid_with_changes' | 'changed' | 'broken' | 'indeterminate' | 'not_signed';

/** Why a file gets no verdict. */
export type VerificationError =
  | 'not_a_pdf'
  | 'too_large'
  | 'damaged'
  | 'encrypted'
  | 'too_complex'
  | 'validation_busy'
  | 'too_many_requests'
  | 'internal';

export interface Words {
  zh: string;
  en: string;
}

export interface ChangeAnswer {
  code: string;
  /** Whether the signature lets it be. */
  allowed: boolean;
  /** How often, where several are told as one. */
  count: number;
  /** From 1. */
  page: number | null;
  /** The form's field. */
  field: string | null;
  /** The save that made it, from 1. */
  revision: number;
  words: Words;
}

export interface CertificateAnswer {
  commonName: string | null;
  organization: string | null;
  subject: string;
  issuer: string;
  serialNumber: string;
  notBefore: string;
  notAfter: string;
}

export interface SignatureAnswer {
  fieldName: string;
  kind: 'signature' | 'timestamp';
  verdict: Exclude<Verdict, 'not_signed'>;
  words: Words;
  /** The gravest first. */
  problems: { code: string; words: Words }[];
  signer: CertificateAnswer | null;
  /** The signer's own word. */
  claimed: { at: string | null; name: string | null; reason: string | null; location: string | null };
  /** What a trusted timestamp vouches for. */
  provenTime: { at: string; source: 'signature_timestamp' | 'document_timestamp'; authority: string } | null;
  integrity: 'intact' | 'broken';
  trust: {
    state: 'trusted' | 'unknown';
    source: 'built_in' | 'operator' | 'given' | null;
    root: string | null;
  };
  revocation: {
    state: 'good' | 'revoked' | 'unknown';
    source: 'crl' | 'ocsp' | 'authority' | null;
    at: string | null;
  };
  /** PAdES. */
  level: 'B-B' | 'B-T' | 'B-LT' | 'B-LTA' | null;
  format: string | null;
  page: number | null;
  /** The save it covers, from 1. */
  revision: number | null;
  coversWholeFile: boolean;
  permits: 1 | 2 | 3 | null;
  changes: ChangeAnswer[];
  changesLeftOut: number;
}

export interface VerificationAnswer {
  verdict: Verdict;
  words: Words;
  checkedAt: string;
  file: { sha256: string; bytes: number; revisions: number; pages: number };
  signatures: SignatureAnswer[];
}

export interface VerificationRefusal {
  error: VerificationError;
  message: string;
}

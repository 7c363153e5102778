import type { ChangeCode } from './changes/index.ts';
import type { ProblemCode } from './problems.ts';

/**
 * - `valid`: every byte is as it was signed, by certificates that are trusted
 * - `valid_with_changes`: as signed; what came later is what the signatures allow
 * - `changed`: as signed, but something came later that they do not allow
 * - `broken`: a signature does not hold
 * - `indeterminate`: whole, but it cannot be said whether the signer is who it says
 * - `not_signed`
 */
export type Verdict = 'valid' | 'valid_with_changes' | 'changed' | 'broken' | 'indeterminate' | 'not_signed';

/** A text for people, in both languages. */
export type Words = { zh: string; en: string };

export type Level = 'B-B' | 'B-T' | 'B-LT' | 'B-LTA';

export type ReportedChange = {
  code: ChangeCode;
  allowed: boolean;
  /** How often, where several are told as one. */
  count: number;
  page: number | null;
  field: string | null;
  /** The save that made it, from 1; the number after the last is what stands behind it. */
  revision: number;
  words: Words;
};

export type ReportedCertificate = {
  commonName: string | null;
  organization: string | null;
  /** Every attribute of the name, such as `CN=…, O=…`. */
  subject: string;
  issuer: string;
  /** Hex. */
  serialNumber: string;
  notBefore: string;
  notAfter: string;
};

export type ReportedSignature = {
  fieldName: string;
  kind: 'signature' | 'timestamp';
  verdict: Exclude<Verdict, 'not_signed'>;
  words: Words;
  /** What is wrong, or cannot be said; the gravest first. */
  problems: readonly { code: ProblemCode; words: Words }[];
  signer: ReportedCertificate | null;
  /** What the signer states: nobody vouches for it. */
  claimed: { at: string | null; name: string | null; reason: string | null; location: string | null };
  /** The earliest moment that a trusted timestamp vouches for. */
  provenTime: { at: string; source: 'signature_timestamp' | 'document_timestamp'; authority: string } | null;
  integrity: 'intact' | 'broken';
  trust: { state: 'trusted' | 'unknown'; source: 'built_in' | 'operator' | 'given' | null; root: string | null };
  revocation: { state: 'good' | 'revoked' | 'unknown'; source: 'crl' | 'ocsp' | 'authority' | null; at: string | null };
  /** PAdES (ETSI EN 319 142-1), or null where the signature is of another kind or does not hold. */
  level: Level | null;
  /** `ETSI.CAdES.detached` and such. */
  format: string | null;
  page: number | null;
  /** The save it covers, from 1; null where it covers none. */
  revision: number | null;
  coversWholeFile: boolean;
  /** DocMDP: 1 no changes, 2 filling in and signing, 3 annotations too. */
  permits: 1 | 2 | 3 | null;
  changes: readonly ReportedChange[];
  /** Changes that are not told one by one. */
  changesLeftOut: number;
};

export type ValidationReport = {
  verdict: Verdict;
  words: Words;
  checkedAt: string;
  file: { sha256: string; bytes: number; revisions: number; pages: number };
  signatures: readonly ReportedSignature[];
};

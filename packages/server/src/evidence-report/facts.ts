import type { ChainedEntry } from '../audit/index.ts';
import type { FlowEvidence } from '../signing/index.ts';

/** One signature of the document as its certificate describes it. */
export interface SignatureFact {
  readonly fieldName: string;
  readonly kind: 'signature' | 'timestamp';
  /** Who signed, by the certificate's subject; null where it cannot be read. */
  readonly certificate: CertificateFact | null;
  /** B-B, B-T, B-LT or B-LTA (ETSI EN 319 142-1); null where the service did not make it. */
  readonly level: string | null;
  /** Whether a timestamp is inside of the signature. */
  readonly hasTimestamp: boolean;
  /** SHA-256 over the bytes that it covers, hex. */
  readonly coveredSha256: string;
  readonly coveredBytes: number;
}

export interface CertificateFact {
  readonly subject: string;
  readonly issuer: string;
  /** Hex. */
  readonly serialNumber: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** SHA-256 of the certificate, hex. */
  readonly sha256: string;
}

/** A state of the document, the first being the file as it came. */
export interface RevisionFact {
  readonly fileId: string;
  readonly sha256: string;
  /** Null where the bytes are gone. */
  readonly byteLength: number | null;
  readonly at: Date;
  /** What made it: the number of the act, or null for the one it came to by itself (a later timestamp). */
  readonly actNo: number | null;
}

export interface CompanyFact {
  readonly etcOrgNo: string;
  readonly name: string;
  readonly socialCreditCode: string | null;
}

/** Everything that a report says. The audit chain stands apart: it grows with every act of the application. */
export interface EvidenceFacts {
  readonly evidence: FlowEvidence;
  readonly companies: readonly CompanyFact[];
  readonly initiatorName: string | null;
  readonly revisions: readonly RevisionFact[];
  readonly signatures: readonly SignatureFact[];
}

export interface AuditFacts {
  readonly entries: readonly ChainedEntry[];
  readonly head: { readonly sequence: number; readonly hash: Buffer } | null;
}

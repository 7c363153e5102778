import { signed } from './authority.ts';
import type { Issuer } from './authority.ts';
import { authorityKeyIdentifierExtension, extension, subjectKeyIdentifierOf } from './certificate-profile.ts';
import { readCertificate } from './certificate-reader.ts';
import * as der from './der.ts';
import { signatureAlgorithm } from './signature-algorithm.ts';

/** RFC 5280, 5.3.1: why a certificate is good no more. `removeFromCRL` and `certificateHold` are not offered. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  key_compromise: 1,
  affiliation_changed: 3,
  superseded: 4,
  cessation_of_operation: 5,
  privilege_withdrawn: 9,
} as const;

export type RevocationReason = keyof typeof REVOCATION_REASONS;

export type Revocation = {
  /** Hex. */
  serialNumber: string;
  revokedAt: Date;
  /** The number of RFC 5280, 5.3.1. */
  reason: number;
};

const EXTENSION = { number: '2.5.29.20', reason: '2.5.29.21', expiredCertificates: '2.5.29.60' } as const;

/**
 * A complete certificate revocation list (RFC 5280, 5), DER. Certificates stay in it after their own end, and it says so
 * (ITU-T X.509, expiredCertsOnCRL): who checks an old signature must be able to see that its key was lost in time.
 *
 * @param number only grows, below 2^48
 */
export async function createRevocationList(
  issuer: Issuer,
  list: { number: number; thisUpdate: Date; nextUpdate: Date; revocations: readonly Revocation[] },
): Promise<Buffer> {
  const { subject, notBefore } = readCertificate(issuer.certificate);
  const entries = list.revocations.map(revokedCertificate);
  const number = Buffer.alloc(6);
  number.writeUIntBE(list.number, 0, 6);
  const extensions = [
    authorityKeyIdentifierExtension(subjectKeyIdentifierOf(issuer.certificate)),
    extension(EXTENSION.number, der.unsignedInteger(number)),
    extension(EXTENSION.expiredCertificates, der.generalizedTime(notBefore)),
  ];
  const toBeSigned = der.sequence(
    der.integer(1),
    signatureAlgorithm(issuer.key.algorithm),
    subject,
    der.time(list.thisUpdate),
    der.time(list.nextUpdate),
    // An empty list is left out (5.1.2.6).
    ...(entries.length > 0 ? [der.sequence(...entries)] : []),
    der.explicit(0, der.sequence(...extensions)),
  );
  return signed(toBeSigned, issuer.key);
}

function revokedCertificate({ serialNumber, revokedAt, reason }: Revocation): Buffer {
  return der.sequence(
    der.unsignedInteger(Buffer.from(serialNumber, 'hex')),
    der.time(revokedAt),
    // Unspecified is said by saying nothing (5.3.1).
    ...(reason === REVOCATION_REASONS.unspecified
      ? []
      : [der.sequence(extension(EXTENSION.reason, der.enumerated(reason)))]),
  );
}

import * as der from './der.ts';
import type { DigestAlgorithm, KeyAlgorithm } from './keys/signing-key.ts';

const RSA_ENCRYPTION = '1.2.840.113549.1.1.1';
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11';
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
/** GM/T 0006. */
const SM2_WITH_SM3 = '1.2.156.10197.1.501';

/** GB/T 32905 names SM3; RFC 5754, 2 SHA-256. */
const DIGESTS = { sha256: '2.16.840.1.101.3.4.2.1', sm3: '1.2.156.10197.1.401' } as const;

/** `AlgorithmIdentifier` of a certificate's, list's or answer's signature (RFC 4055, RFC 5758, GM/T 0015). */
export function signatureAlgorithm(algorithm: KeyAlgorithm): Buffer {
  return ofElliptic(algorithm) ?? der.sequence(der.oid(SHA256_WITH_RSA), der.nullValue());
}

/** The same in a CMS, where RSA leaves the digest to the field beside it (RFC 5754, 3.2). */
export function cmsSignatureAlgorithm(algorithm: KeyAlgorithm): Buffer {
  return ofElliptic(algorithm) ?? der.sequence(der.oid(RSA_ENCRYPTION), der.nullValue());
}

function ofElliptic(algorithm: KeyAlgorithm): Buffer | undefined {
  if (algorithm === 'P-256') return der.sequence(der.oid(ECDSA_WITH_SHA256));
  if (algorithm === 'SM2') return der.sequence(der.oid(SM2_WITH_SM3));
  return undefined;
}

export function digestAlgorithmIdentifier(digest: DigestAlgorithm): Buffer {
  return der.sequence(der.oid(DIGESTS[digest]));
}

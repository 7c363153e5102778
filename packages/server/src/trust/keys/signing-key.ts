/**
 * How a key signs: PKCS#1 v1.5 (RFC 8017, 8.2) or ECDSA (FIPS 186-5) over SHA-256, or SM2 (GB/T 32918.2) over SM3 under
 * the identity of GM/T 0009.
 */
export type KeyAlgorithm = 'RSA-2048' | 'RSA-3072' | 'RSA-4096' | 'P-256' | 'SM2';

/** Node's name of a digest that is signed; each is of 32 bytes. */
export type DigestAlgorithm = 'sha256' | 'sm3';

/** The digest that belongs to a key's signatures. */
export function digestAlgorithmOf(algorithm: KeyAlgorithm): DigestAlgorithm {
  return algorithm === 'SM2' ? 'sm3' : 'sha256';
}

/**
 * A private key wherever it rests: sealed in the database, in a PKCS#12 file, in a PKCS#11 token. All that is asked of it
 * is a signature, so that a key that cannot leave its device is as good as any.
 */
export type SigningKey = {
  readonly algorithm: KeyAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Buffer;
  /**
   * Signs bytes, which are hashed by its digest: RSA as long as the modulus, ECDSA and SM2 as SEQUENCE { r, s } in DER
   * (RFC 3279, GM/T 0009).
   */
  sign(bytes: Buffer): Promise<Buffer>;
};

/** The longest signature of each: the modulus, or two 33-byte integers in a DER sequence. */
export const SIGNATURE_BYTES_MAX: Readonly<Record<KeyAlgorithm, number>> = {
  'RSA-2048': 256,
  'RSA-3072': 384,
  'RSA-4096': 512,
  'P-256': 72,
  SM2: 72,
};

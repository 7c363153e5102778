import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes, type KeyObject } from 'node:crypto';
import type { EncryptionAlgorithm } from './callee-credentials.ts';

/** A destination's public key, ready to encrypt to. */
export interface Encrypter {
  readonly key: KeyObject;
  /** The protected header as it is sent (Base64url of its JSON), which is authenticated with the content. */
  readonly header: string;
}

const CONTENT_KEY_BYTES = 32;
const NONCE_BYTES = 12;
const MODULUS_BITS_MIN = 2_048;
const MODULUS_BITS_MAX = 8_192;

/**
 * Reads a PEM public key or certificate. @returns the key as a PEM public key, or what would be right
 */
export function readEncryptionKey(pem: string): { readonly publicKeyPem: string } | { readonly expected: string } {
  const expected = `an RSA public key or certificate in PEM, ${MODULUS_BITS_MIN} to ${MODULUS_BITS_MAX} bits`;
  if (pem.includes('PRIVATE KEY')) return { expected: `${expected}; a private key is not to leave its owner` };
  let key: KeyObject;
  try {
    key = createPublicKey(pem);
  } catch {
    return { expected };
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < MODULUS_BITS_MIN || bits > MODULUS_BITS_MAX) return { expected };
  return { publicKeyPem: key.export({ format: 'pem', type: 'spki' }).toString() };
}

/** @param encryption as `readEncryptionKey` gave it */
export function createEncrypter(encryption: {
  readonly algorithm: EncryptionAlgorithm;
  readonly publicKeyPem: string;
  readonly keyId?: string;
}): Encrypter {
  const { algorithm, publicKeyPem, keyId } = encryption;
  const header = { alg: algorithm, enc: 'A256GCM', cty: 'json', ...(keyId !== undefined && { kid: keyId }) };
  return {
    key: createPublicKey(publicKeyPem),
    header: Buffer.from(JSON.stringify(header), 'utf8').toString('base64url'),
  };
}

/** A body as JWE in compact serialisation (RFC 7516, 7.1) under a content key of its own. */
export function encryptBody(body: Buffer, { key, header }: Encrypter): Buffer {
  const contentKey = randomBytes(CONTENT_KEY_BYTES);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const encryptedKey = publicEncrypt({ key, padding, oaepHash: 'sha256' }, contentKey);
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', contentKey, nonce);
  cipher.setAAD(Buffer.from(header, 'ascii'));
  const ciphertext = Buffer.concat([cipher.update(body), cipher.final()]);
  const parts = [encryptedKey, nonce, ciphertext, cipher.getAuthTag()].map((part) => part.toString('base64url'));
  return Buffer.from([header, ...parts].join('.'), 'ascii');
}

import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { X509Certificate } from 'node:crypto';
import { DomainError } from '../platform/errors.ts';

const PASSPHRASE_CHARACTERS_MIN = 12;

/**
 * An authority's certificate and private key for a safe: PEM, the key in PKCS#8 under the passphrase (PBES2, AES-256), so
 * that openssl opens it too.
 *
 * @throws DomainError `passphrase_weak`
 */
export function writeKeyFile(certificate: Buffer, privateKey: KeyObject, passphrase: string): string {
  if (Array.from(passphrase).length < PASSPHRASE_CHARACTERS_MIN) {
    throw new DomainError('passphrase_weak', { characters: String(PASSPHRASE_CHARACTERS_MIN) });
  }
  const key = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
  return `${new X509Certificate(certificate).toString().trimEnd()}\n${key.toString()}`;
}

/**
 * The private key of such a file, if it is the certificate's.
 *
 * @throws DomainError `key_file_invalid`
 */
export function readKeyFile(pem: string, passphrase: string, certificate: Buffer): KeyObject {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey({ key: pem, format: 'pem', passphrase });
  } catch (error) {
    throw new DomainError('key_file_invalid', { reason: 'the passphrase does not open it' }, { cause: error });
  }
  const expected = new X509Certificate(certificate).publicKey;
  if (!createPublicKey(privateKey).equals(expected)) {
    throw new DomainError('key_file_invalid', { reason: 'its key is not that of the root' });
  }
  return privateKey;
}

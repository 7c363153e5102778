import { createPublicKey, generateKeyPair, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { appInvalid } from './app.ts';

const KEY_TEXT_LENGTH_MAX = 16_384;
const MODULUS_BITS_MIN = 2048;
const WEAK_MODULUS_BITS_MIN = 1024;
/** Beyond this a single verification would hold a core for too long. */
const MODULUS_BITS_MAX = 8192;
const RELAY_KEY_BITS = 2048;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Reads a caller's RSA public key: an SPKI or PKCS#1 PEM, a certificate PEM, or the Base64 of the DER of an SPKI or a
 * certificate, white space allowed anywhere (the key tools of the field print it wrapped).
 *
 * @returns the key as SPKI PEM
 * @throws DomainError `app_invalid` with field `public_key`
 */
export function readPublicKey(text: string, allowWeakKey: boolean): string {
  if (text.length > KEY_TEXT_LENGTH_MAX) throw refused('at most 16384 characters');
  if (text.includes('PRIVATE KEY')) throw refused('the public key: a private key never leaves its holder');
  const key = parsePublicKey(text);
  if (key === undefined) throw refused('an RSA public key or certificate, as PEM or as Base64 of its DER');
  if (key.asymmetricKeyType !== 'rsa') throw refused('an RSA key');
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  const least = allowWeakKey ? WEAK_MODULUS_BITS_MIN : MODULUS_BITS_MIN;
  if (modulusLength < least || modulusLength > MODULUS_BITS_MAX) {
    throw refused(`an RSA key of ${least} to ${MODULUS_BITS_MAX} bits, this one has ${modulusLength}`);
  }
  // With e = 1 every message would be its own signature.
  if (publicExponent < 3n) throw refused('an RSA key with a public exponent of 3 or more');
  return key.export({ type: 'spki', format: 'pem' }).toString();
}

function refused(expected: string): Error {
  return appInvalid('public_key', expected);
}

function parsePublicKey(text: string): KeyObject | undefined {
  const pem = text.trim();
  if (pem.startsWith('-----BEGIN CERTIFICATE')) return firstThatReads(() => new X509Certificate(pem).publicKey);
  if (pem.startsWith('-----BEGIN')) return firstThatReads(() => createPublicKey(pem));
  const base64 = pem.replaceAll(/\s/g, '');
  if (!BASE64.test(base64)) return undefined;
  const der = Buffer.from(base64, 'base64');
  return firstThatReads(
    () => createPublicKey({ key: der, format: 'der', type: 'spki' }),
    () => new X509Certificate(der).publicKey,
  );
}

function firstThatReads(...readers: readonly (() => KeyObject)[]): KeyObject | undefined {
  for (const read of readers) {
    try {
      return read();
    } catch {
      // Not this form; the next may be.
    }
  }
  return undefined;
}

const generate = promisify(generateKeyPair);

/** A fresh RSA-2048 pair, made on a thread of the pool: private as PKCS#8 PEM, public as SPKI PEM. */
export async function generateRelayKey(): Promise<{ privateKey: string; publicKey: string }> {
  return generate('rsa', {
    modulusLength: RELAY_KEY_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

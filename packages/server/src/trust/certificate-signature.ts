import { verify } from 'node:crypto';
import type { KeyObject, X509Certificate } from 'node:crypto';
import { isSignedBySm2, isSm2Key } from '../platform/sm2.ts';
import * as der from './der.ts';
import type { DerElement } from './der.ts';

/** Digests of the signature algorithms of X.509 that are believed: PKCS#1 v1.5 and ECDSA over SHA-2. */
const DIGESTS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};
const SM2_WITH_SM3 = '1.2.156.10197.1.501';

/**
 * What stands in a thing that is signed as X.509 signs (a certificate, a list, an answer), once its signature holds under
 * the key.
 *
 * @throws RangeError
 */
export function contentSignedBy(element: DerElement | undefined, key: KeyObject): DerElement {
  const [toBeSigned, algorithm, signature] = der.readElements(element?.contents ?? Buffer.alloc(0));
  const [identifier] = der.readElements(algorithm?.contents ?? Buffer.alloc(0));
  const named = identifier === undefined ? '' : der.readOid(identifier);
  const digest = DIGESTS[named];
  const isKnown = digest !== undefined || named === SM2_WITH_SM3;
  if (toBeSigned === undefined || signature?.tag !== der.TAG.bitString || !isKnown) {
    throw new RangeError('not signed as X.509 signs, or by an algorithm that is not believed');
  }
  const value = signature.contents.subarray(1);
  const holds =
    digest === undefined
      ? isSm2Key(key) && isSignedBySm2(key, toBeSigned.bytes, value)
      : verify(digest, toBeSigned.bytes, key, value);
  if (!holds) throw new RangeError('a wrong signature');
  return toBeSigned;
}

/** Whether the issuer's name and key fit the certificate. Node's own check takes SM2 with an empty identity. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  if (!certificate.checkIssued(issuer)) return false;
  const key = issuer.publicKey;
  if (!isSm2Key(key)) return certificate.verify(key);
  try {
    contentSignedBy(der.readElements(certificate.raw)[0], key);
    return true;
  } catch {
    return false;
  }
}

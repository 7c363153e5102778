import { createHash } from 'node:crypto';
import { readCertificate } from './certificate-reader.ts';
import * as der from './der.ts';
import { digestAlgorithmOf, SIGNATURE_BYTES_MAX } from './keys/signing-key.ts';
import type { DigestAlgorithm, SigningKey } from './keys/signing-key.ts';
import { cmsSignatureAlgorithm, digestAlgorithmIdentifier } from './signature-algorithm.ts';

const OID = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
} as const;

export type CmsIdentity = {
  key: SigningKey;
  /** DER. */
  certificate: Buffer;
  /** The issuers' certificates, DER, up to and with the root. */
  chain: readonly Buffer[];
};

/**
 * Makes detached CMS SignedData (RFC 5652) as PAdES B-B wants it (ETSI EN 319 142-1, 5.3; EN 319 122-1): signed attributes
 * content-type, message-digest and signing-certificate-v2 (RFC 5035), and no signing-time, which PAdES keeps in the
 * signature dictionary's /M. What all signatures of an identity have in common is encoded once: 28 µs each took it else,
 * beside 420 µs for RSA itself.
 *
 * SM2 has the same shape, with SM3 in every place of SHA-256 and the object identifiers of RFC 5652: those that GB/T 35275
 * (GM/T 0010) has for SignedData and data are known to no PDF reader and to no openssl.
 */
export type CmsSigner = {
  /** By which the content is hashed. */
  digestAlgorithm: DigestAlgorithm;
  /** @param digest of the content that is signed */
  signDetached: (digest: Buffer) => Promise<Buffer>;
  /** No signature by this identity is longer than this. Only an ECDSA signature is ever shorter, by a few bytes. */
  bytesMax: number;
};

export function createCmsSigner({ key, certificate, chain }: CmsIdentity): CmsSigner {
  const contentType = attribute(OID.contentType, der.oid(OID.data));
  const digestAlgorithm = digestAlgorithmOf(key.algorithm);
  const signingCertificate = attribute(OID.signingCertificateV2, signingCertificateOf(certificate, digestAlgorithm));
  const digestIdentifier = digestAlgorithmIdentifier(digestAlgorithm);
  const issuerAndSerial = issuerAndSerialNumber(certificate);
  const signatureAlgorithm = cmsSignatureAlgorithm(key.algorithm);
  const beforeSignerInfo = Buffer.concat([
    der.integer(1),
    der.setOf(digestIdentifier),
    der.sequence(der.oid(OID.data)),
    der.implicitSetOf(0, certificate, ...chain),
  ]);
  const signedDataType = der.oid(OID.signedData);

  const attributesOf = (digest: Buffer): Buffer[] => [
    contentType,
    attribute(OID.messageDigest, der.octetString(digest)),
    signingCertificate,
  ];
  const assembled = (attributes: readonly Buffer[], signature: Buffer): Buffer => {
    const signerInfo = der.sequence(
      der.integer(1),
      issuerAndSerial,
      digestIdentifier,
      der.implicitSetOf(0, ...attributes),
      signatureAlgorithm,
      der.octetString(signature),
    );
    return der.sequence(signedDataType, der.explicit(0, der.sequence(beforeSignerInfo, der.setOf(signerInfo))));
  };

  return {
    digestAlgorithm,
    async signDetached(digest) {
      const attributes = attributesOf(digest);
      // What is signed is the attributes as a SET OF, what is stored carries the tag [0] instead (RFC 5652, 5.4).
      return assembled(attributes, await key.sign(der.setOf(...attributes)));
    },
    bytesMax: assembled(attributesOf(Buffer.alloc(32)), Buffer.alloc(SIGNATURE_BYTES_MAX[key.algorithm])).length,
  };
}

/**
 * ESSCertIDv2 with its default hash, SHA-256, left out, as DER requires; the optional issuerSerial says nothing that the
 * signer's identifier does not.
 */
function signingCertificateOf(certificate: Buffer, digest: DigestAlgorithm): Buffer {
  const hash = der.octetString(createHash(digest).update(certificate).digest());
  const named = digest === 'sha256' ? [hash] : [digestAlgorithmIdentifier(digest), hash];
  return der.sequence(der.sequence(der.sequence(...named)));
}

function attribute(type: string, value: Buffer): Buffer {
  return der.sequence(der.oid(type), der.setOf(value));
}

/** Names the signer's certificate by its issuer and serial number, both copied as the certificate encodes them. */
function issuerAndSerialNumber(certificate: Buffer): Buffer {
  const { issuer, serialNumber } = readCertificate(certificate);
  return der.sequence(issuer, der.unsignedInteger(serialNumber));
}

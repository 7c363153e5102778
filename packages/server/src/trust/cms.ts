import { createHash } from 'node:crypto';
import { readCertificate } from './certificate-reader.ts';
import * as der from './der.ts';
import { SIGNATURE_BYTES_MAX } from './keys/signing-key.ts';
import type { SigningKey } from './keys/signing-key.ts';

const OID = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  sha256: '2.16.840.1.101.3.4.2.1',
  rsaEncryption: '1.2.840.113549.1.1.1',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

export type CmsIdentity = {
  key: SigningKey;
  /** DER. */
  certificate: Buffer;
  /** The issuers' certificates, DER, up to and with the root. */
  chain: readonly Buffer[];
};

/**
 * A detached CMS SignedData (RFC 5652) as PAdES B-B wants it (ETSI EN 319 142-1, 5.3; EN 319 122-1): signed attributes
 * content-type, message-digest and signing-certificate-v2 (RFC 5035), and no signing-time, which PAdES keeps in the
 * signature dictionary's /M.
 *
 * @param sha256 the digest of the content that is signed
 */
export async function signDetachedCms(sha256: Buffer, identity: CmsIdentity): Promise<Buffer> {
  const attributes = signedAttributes(sha256, identity.certificate);
  // What is signed is the attributes as a SET OF, what is stored carries the tag [0] instead (RFC 5652, 5.4).
  const signature = await identity.key.sign(der.setOf(...attributes));
  return assemble(attributes, signature, identity);
}

/** No signature by this identity is longer than this. Only an ECDSA signature is ever shorter, by a few bytes. */
export function cmsBytesMax(identity: CmsIdentity): number {
  const attributes = signedAttributes(Buffer.alloc(32), identity.certificate);
  return assemble(attributes, Buffer.alloc(SIGNATURE_BYTES_MAX[identity.key.algorithm]), identity).length;
}

function signedAttributes(messageDigest: Buffer, certificate: Buffer): Buffer[] {
  const certificateHash = createHash('sha256').update(certificate).digest();
  // ESSCertIDv2 with its default hash, SHA-256, left out, as DER requires; the optional issuerSerial says nothing that
  // the signer's identifier does not.
  const signingCertificate = der.sequence(der.sequence(der.sequence(der.octetString(certificateHash))));
  return [
    attribute(OID.contentType, der.oid(OID.data)),
    attribute(OID.messageDigest, der.octetString(messageDigest)),
    attribute(OID.signingCertificateV2, signingCertificate),
  ];
}

function attribute(type: string, value: Buffer): Buffer {
  return der.sequence(der.oid(type), der.setOf(value));
}

function assemble(attributes: readonly Buffer[], signature: Buffer, identity: CmsIdentity): Buffer {
  const digestAlgorithm = der.sequence(der.oid(OID.sha256));
  const signerInfo = der.sequence(
    der.integer(1),
    issuerAndSerialNumber(identity.certificate),
    digestAlgorithm,
    der.implicitSetOf(0, ...attributes),
    identity.key.algorithm === 'P-256'
      ? der.sequence(der.oid(OID.ecdsaWithSha256))
      : der.sequence(der.oid(OID.rsaEncryption), der.nullValue()),
    der.octetString(signature),
  );
  const signedData = der.sequence(
    der.integer(1),
    der.setOf(digestAlgorithm),
    der.sequence(der.oid(OID.data)),
    der.implicitSetOf(0, identity.certificate, ...identity.chain),
    der.setOf(signerInfo),
  );
  return der.sequence(der.oid(OID.signedData), der.explicit(0, signedData));
}

/** Names the signer's certificate by its issuer and serial number, both copied as the certificate encodes them. */
function issuerAndSerialNumber(certificate: Buffer): Buffer {
  const { issuer, serialNumber } = readCertificate(certificate);
  return der.sequence(issuer, der.unsignedInteger(serialNumber));
}

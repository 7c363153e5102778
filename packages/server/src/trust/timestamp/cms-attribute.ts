import * as der from '../der.ts';
import type { DerElement } from '../der.ts';
import { childrenOf, onlyElement } from './asn1.ts';

/** id-aa-timeStampToken (RFC 3161, appendix A). */
const TIMESTAMP_TOKEN_OID = '1.2.840.113549.1.9.16.2.14';
const SIGNED_ATTRIBUTES = 0xa0;
const UNSIGNED_ATTRIBUTES = 0xa1;
/** The attribute around a token, and the longer length fields of everything around it. */
const AROUND_TOKEN_BYTES = 64;

/** How much longer a CMS becomes at most by a token of so many bytes. */
export function signatureTimestampBytesMax(tokenBytesMax: number): number {
  return tokenBytesMax + AROUND_TOKEN_BYTES;
}

/** The value of the one signature of a CMS SignedData: what its timestamp is about. @throws RangeError */
export function signatureValueOf(cms: Buffer): Buffer {
  return partsOf(cms).signature.contents;
}

/** The timestamp of the one signature, if it has one: a TimeStampToken. @throws RangeError */
export function signatureTimestampOf(cms: Buffer): Buffer | undefined {
  const { unsigned } = partsOf(cms);
  for (const attribute of unsigned ? childrenOf(unsigned, UNSIGNED_ATTRIBUTES) : []) {
    const [type, values] = childrenOf(attribute, der.TAG.sequence);
    if (type && der.readOid(type) === TIMESTAMP_TOKEN_OID) return childrenOf(values, der.TAG.set)[0]?.bytes;
  }
  return undefined;
}

/** Who made the one signature: issuer and serial number as one SEQUENCE, DER. @throws RangeError */
export function signerIdentifierOf(cms: Buffer): Buffer {
  return partsOf(cms).signer[1]?.bytes ?? Buffer.alloc(0);
}

/** All certificates that the SignedData holds, DER. @throws RangeError */
export function certificatesOf(cms: Buffer): Buffer[] {
  const certificates = partsOf(cms).beforeSigners.find(({ tag }) => tag === 0xa0);
  const all = certificates ? der.readElements(certificates.contents) : [];
  return all.filter(({ tag }) => tag === der.TAG.sequence).map(({ bytes }) => bytes);
}

/**
 * The CMS with the token as an unsigned attribute of its one signature (ETSI EN 319 122-1, 5.3). The signed part stays as
 * it is, byte for byte.
 *
 * @throws RangeError where it is no SignedData with one signature
 */
export function withSignatureTimestamp(cms: Buffer, token: Buffer): Buffer {
  const { contentType, beforeSigners, signer, signature, unsigned } = partsOf(cms);
  const known = unsigned ? childrenOf(unsigned, UNSIGNED_ATTRIBUTES).map(({ bytes }) => bytes) : [];
  const attribute = der.sequence(der.oid(TIMESTAMP_TOKEN_OID), der.setOf(token));
  const signedPart = signer.slice(0, signer.indexOf(signature) + 1).map(({ bytes }) => bytes);
  const signerInfo = der.sequence(...signedPart, der.implicitSetOf(1, ...known, attribute));
  const signedData = der.sequence(...beforeSigners.map(({ bytes }) => bytes), der.setOf(signerInfo));
  return der.sequence(contentType.bytes, der.explicit(0, signedData));
}

/**
 * The DER value at the start of `bytes`, without the zeros that fill up the room of a PDF's /Contents.
 *
 * @throws RangeError
 */
export function withoutPadding(bytes: Buffer): Buffer {
  const first = bytes[1] ?? 0;
  const lengthBytes = first > 0x80 ? first & 0x7f : 0;
  if (first === 0x80 || lengthBytes > 4 || bytes.length < 2 + lengthBytes) throw new RangeError('not a DER value');
  const length = lengthBytes > 0 ? bytes.readUIntBE(2, lengthBytes) : first;
  return onlyElement(bytes.subarray(0, 2 + lengthBytes + length)).bytes;
}

type Parts = {
  contentType: DerElement;
  /** Version, digests, content, certificates and CRLs. */
  beforeSigners: readonly DerElement[];
  signer: readonly DerElement[];
  signature: DerElement;
  unsigned: DerElement | undefined;
};

function partsOf(cms: Buffer): Parts {
  const [contentType, wrapped] = childrenOf(onlyElement(cms), der.TAG.sequence);
  const [signedData] = childrenOf(wrapped, 0xa0);
  const fields = childrenOf(signedData, der.TAG.sequence);
  const signers = childrenOf(fields.at(-1), der.TAG.set);
  if (!contentType || signers.length !== 1) throw new RangeError('not signed data with one signature');
  const signer = childrenOf(signers[0], der.TAG.sequence);
  // version, sid, digest, [0] signed attributes, signature algorithm, signature, [1] unsigned attributes
  const signature = signer[3]?.tag === SIGNED_ATTRIBUTES ? signer[5] : signer[4];
  if (signature?.tag !== der.TAG.octetString) throw new RangeError('no signature value');
  const unsigned = signer.find(({ tag }, index) => tag === UNSIGNED_ATTRIBUTES && index > signer.indexOf(signature));
  return { contentType, beforeSigners: fields.slice(0, -1), signer, signature, unsigned };
}

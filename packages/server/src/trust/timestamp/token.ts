import * as der from '../der.ts';
import type { DerElement } from '../der.ts';
import { childrenOf, definiteLengths, onlyElement, readGeneralizedTime } from './asn1.ts';
import { TimestampError } from './fault.ts';
import { decodeImprint, unsignedBytes } from './query.ts';

const SIGNED_DATA_OID = '1.2.840.113549.1.7.2';
export const TST_INFO_OID = '1.2.840.113549.1.9.16.1.4';
const STATUS_GRANTED_MAX = 1;

/** A TimeStampToken (RFC 3161, 2.4.2), read and not yet believed. */
export type TimestampToken = {
  /** The whole token with definite lengths. */
  der: Buffer;
  policy: string;
  hashAlgorithm: string;
  hash: Buffer;
  serialNumber: Buffer;
  time: Date;
  nonce: Buffer | undefined;
  /** TSTInfo as it was signed. */
  content: Buffer;
  /** DER, in the order of the token. */
  certificates: readonly Buffer[];
  signer: SignerInfo;
};

export type SignerInfo = {
  /** Issuer and serial number as one SEQUENCE, or a subject key identifier with its tag [0]. */
  identifier: DerElement;
  digestAlgorithm: string;
  /** AlgorithmIdentifier. */
  signatureAlgorithm: DerElement;
  /** By type; each attribute's only value. */
  attributes: ReadonlyMap<string, DerElement>;
  /** What the signature is over: the attributes as a SET OF (RFC 5652, 5.4). */
  signedBytes: Buffer;
  signature: Buffer;
};

/**
 * The token of a TimeStampResp.
 *
 * @throws TimestampError `not_granted`, `malformed`
 */
export function readTimestampResponse(bytes: Buffer): TimestampToken {
  return asMalformed(() => {
    const [statusInfo, token] = childrenOf(onlyElement(definiteLengths(bytes)), der.TAG.sequence);
    const [status] = childrenOf(statusInfo, der.TAG.sequence);
    const granted = status?.tag === der.TAG.integer && status.contents.length === 1 ? status.contents[0] : undefined;
    if (granted === undefined) throw new RangeError('no status');
    if (granted > STATUS_GRANTED_MAX) throw new TimestampError('not_granted', `status ${granted}`);
    if (!token) throw new RangeError('granted without a token');
    return tokenOf(token.bytes);
  });
}

/** @throws TimestampError `malformed` */
export function readTimestampToken(bytes: Buffer): TimestampToken {
  return asMalformed(() => tokenOf(definiteLengths(bytes)));
}

function asMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof TimestampError) throw cause;
    throw new TimestampError('malformed', cause instanceof Error ? cause.message : undefined, { cause });
  }
}

function tokenOf(bytes: Buffer): TimestampToken {
  const [contentType, wrapped] = childrenOf(onlyElement(bytes), der.TAG.sequence);
  if (!contentType || der.readOid(contentType) !== SIGNED_DATA_OID) throw new RangeError('not signed data');
  const [signedData] = childrenOf(wrapped, 0xa0);
  const [, , encapsulated, ...rest] = childrenOf(signedData, der.TAG.sequence);
  const [innerType, innerWrapped] = childrenOf(encapsulated, der.TAG.sequence);
  if (!innerType || der.readOid(innerType) !== TST_INFO_OID) throw new RangeError('not a TSTInfo');
  const [octets] = childrenOf(innerWrapped, 0xa0);
  if (octets?.tag !== der.TAG.octetString) throw new RangeError('no TSTInfo');
  const certificates = rest.find(({ tag }) => tag === 0xa0);
  const signers = childrenOf(rest.at(-1), der.TAG.set);
  // RFC 3161, 2.4.2: only the service signs.
  if (signers.length !== 1) throw new RangeError('not one signer');
  return {
    der: bytes,
    ...readContent(octets.contents),
    content: octets.contents,
    certificates: (certificates ? der.readElements(certificates.contents) : [])
      .filter(({ tag }) => tag === der.TAG.sequence)
      .map((each) => each.bytes),
    signer: readSigner(signers[0]),
  };
}

function readContent(content: Buffer) {
  const [version, policy, imprint, serialNumber, time, ...optional] = childrenOf(
    onlyElement(content),
    der.TAG.sequence,
  );
  if (version?.contents[0] !== 1 || !policy || serialNumber?.tag !== der.TAG.integer || !time) {
    throw new RangeError('not a TSTInfo of version 1');
  }
  const nonce = optional.find(({ tag }) => tag === der.TAG.integer);
  return {
    policy: der.readOid(policy),
    ...decodeImprint(childrenOf(imprint, der.TAG.sequence)),
    serialNumber: serialNumber.contents,
    time: readGeneralizedTime(time),
    nonce: nonce && unsignedBytes(nonce.contents),
  };
}

function readSigner(signerInfo: DerElement | undefined): SignerInfo {
  const [version, identifier, digest, attributes, algorithm, signature] = childrenOf(signerInfo, der.TAG.sequence);
  if (version?.tag !== der.TAG.integer || !identifier || !algorithm || signature?.tag !== der.TAG.octetString) {
    throw new RangeError('not a signer with signed attributes');
  }
  const [digestAlgorithm] = childrenOf(digest, der.TAG.sequence);
  if (!digestAlgorithm) throw new RangeError('no digest algorithm');
  const byType = new Map<string, DerElement>();
  for (const attribute of childrenOf(attributes, 0xa0)) {
    const [type, values] = childrenOf(attribute, der.TAG.sequence);
    const [value, ...others] = childrenOf(values, der.TAG.set);
    if (!type || !value || others.length > 0) throw new RangeError('an attribute without one value');
    if (byType.has(der.readOid(type))) throw new RangeError('an attribute twice');
    byType.set(der.readOid(type), value);
  }
  return {
    identifier,
    digestAlgorithm: der.readOid(digestAlgorithm),
    signatureAlgorithm: algorithm,
    attributes: byType,
    signedBytes: der.element(der.TAG.set, attributes?.contents ?? Buffer.alloc(0)),
    signature: signature.contents,
  };
}

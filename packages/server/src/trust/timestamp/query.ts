import * as der from '../der.ts';
import { childrenOf, objectIdentifier, onlyElement } from './asn1.ts';

export const SHA256_OID = '2.16.840.1.101.3.4.2.1';

/** RFC 3161, 2.4.1. */
export type TimestampQuery = {
  hashAlgorithm: string;
  hash: Buffer;
  policy: string | undefined;
  /** Big-endian, non-negative. */
  nonce: Buffer | undefined;
  certificateWanted: boolean;
};

/** TimeStampReq for a SHA-256 digest, with a nonce and certReq. */
export function encodeQuery({ sha256, nonce, policy }: { sha256: Buffer; nonce: Buffer; policy?: string }): Buffer {
  return der.sequence(
    der.integer(1),
    messageImprint(sha256),
    ...(policy === undefined ? [] : [objectIdentifier(policy)]),
    der.unsignedInteger(nonce),
    der.trueValue(),
  );
}

export function messageImprint(sha256: Buffer): Buffer {
  return der.sequence(der.sequence(der.oid(SHA256_OID), der.nullValue()), der.octetString(sha256));
}

/** @throws RangeError for what is no TimeStampReq, or has extensions, none of which is known here */
export function decodeQuery(bytes: Buffer): TimestampQuery {
  const [version, imprint, ...optional] = childrenOf(onlyElement(bytes), der.TAG.sequence);
  if (version?.tag !== der.TAG.integer || version.contents.length !== 1 || version.contents[0] !== 1) {
    throw new RangeError('a version that is not 1');
  }
  const { hashAlgorithm, hash } = decodeImprint(childrenOf(imprint, der.TAG.sequence));
  const take = (tag: number) => (optional[0]?.tag === tag ? optional.shift() : undefined);
  const policy = take(der.TAG.oid);
  const nonce = take(der.TAG.integer);
  const certificateWanted = take(der.TAG.boolean);
  if (optional.length > 0) throw new RangeError('a field that is not known');
  return {
    hashAlgorithm,
    hash,
    policy: policy && der.readOid(policy),
    nonce: nonce && unsignedBytes(nonce.contents),
    certificateWanted: certificateWanted?.contents[0] === 0xff,
  };
}

/** MessageImprint: which digest of the content, and its value. */
export function decodeImprint([algorithm, hash]: readonly der.DerElement[]): { hashAlgorithm: string; hash: Buffer } {
  const [identifier] = childrenOf(algorithm, der.TAG.sequence);
  if (!identifier || hash?.tag !== der.TAG.octetString) throw new RangeError('not a message imprint');
  return { hashAlgorithm: der.readOid(identifier), hash: hash.contents };
}

/** An INTEGER's contents without the byte that only says that it is not negative. */
export function unsignedBytes(contents: Buffer): Buffer {
  if ((contents[0] ?? 0x80) >= 0x80) throw new RangeError('an integer that is negative or empty');
  let from = 0;
  while (from < contents.length - 1 && contents[from] === 0) from += 1;
  return contents.subarray(from);
}

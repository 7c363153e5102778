import { constants, createHash, verify } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import * as der from '../der.ts';
import { childrenOf } from './asn1.ts';
import { TimestampError } from './fault.ts';
import { SHA256_OID } from './query.ts';
import { signerChain } from './signer-certificate.ts';
import { TST_INFO_OID } from './token.ts';
import type { SignerInfo, TimestampToken } from './token.ts';

/** What the token has to be about. */
export type TimestampExpectation = {
  sha256: Buffer;
  nonce?: Buffer;
  policy?: string;
  /** DER; undefined where nobody said whom to trust. */
  roots?: readonly Buffer[];
};

/** A token that holds, and the certificates it rests on: the signer's first, as far up as they are known. */
export type VerifiedTimestamp = {
  token: TimestampToken;
  chain: readonly Buffer[];
  /** The earliest end among the chain's. */ notAfter: Date;
};

const ATTRIBUTE = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
};

/** SHA-1 is not among them: a signature by it proves nothing today. */
const DIGESTS: Readonly<Record<string, string>> = {
  [SHA256_OID]: 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

const RSA_PSS_OID = '1.2.840.113549.1.1.10';
/** Algorithms of signatures; null takes the digest that the signer names beside it. */
const SIGNATURES: Readonly<Record<string, string | null>> = {
  '1.2.840.113549.1.1.1': null,
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

/**
 * Checks everything about a token but whether its time is the present: what it is about, who signed it, whether they
 * might, and whether the signature holds.
 *
 * @throws TimestampError
 */
export function verifyTimestamp(token: TimestampToken, expected: TimestampExpectation): VerifiedTimestamp {
  const { sha256, nonce, policy, roots } = expected;
  if (token.hashAlgorithm !== SHA256_OID || !token.hash.equals(sha256)) throw new TimestampError('wrong_imprint');
  if (nonce !== undefined && token.nonce?.equals(nonce) !== true) throw new TimestampError('wrong_nonce');
  if (policy !== undefined && token.policy !== policy) throw new TimestampError('wrong_policy');
  try {
    const chain = signerChain(token, roots);
    checkSignature(token, chain[0]);
    const notAfter = new Date(Math.min(...chain.map((each) => new Date(each.validTo).getTime())));
    return { token, chain: chain.map(({ raw }) => raw), notAfter };
  } catch (cause) {
    if (cause instanceof TimestampError) throw cause;
    throw new TimestampError('malformed', cause instanceof Error ? cause.message : undefined, { cause });
  }
}

function checkSignature({ signer, content }: TimestampToken, certificate: X509Certificate | undefined): void {
  if (!certificate) throw new TimestampError('certificate_missing');
  const digest = DIGESTS[signer.digestAlgorithm];
  if (digest === undefined) throw new TimestampError('malformed', 'a digest that is not known');
  const { attributes } = signer;
  const type = attributes.get(ATTRIBUTE.contentType);
  const messageDigest = attributes.get(ATTRIBUTE.messageDigest);
  const isAboutContent =
    type !== undefined &&
    der.readOid(type) === TST_INFO_OID &&
    messageDigest?.contents.equals(createHash(digest).update(content).digest()) === true;
  const holds = isAboutContent && namesCertificate(signer, certificate) && signatureHolds(signer, digest, certificate);
  if (!holds) throw new TimestampError('signature_invalid');
}

/** The hash of the certificate is signed too (RFC 3161, 2.4.2; RFC 5816), so that no other can be put in its place. */
function namesCertificate({ attributes }: SignerInfo, certificate: X509Certificate): boolean {
  const v2 = attributes.get(ATTRIBUTE.signingCertificateV2);
  const [ids] = childrenOf(v2 ?? attributes.get(ATTRIBUTE.signingCertificate), der.TAG.sequence);
  const [id] = childrenOf(ids, der.TAG.sequence);
  const fields = childrenOf(id, der.TAG.sequence);
  const [first, second] = fields;
  const named = v2 && first?.tag === der.TAG.sequence ? digestOf(first) : undefined;
  const hash = named === undefined ? first : second;
  // The first version of the attribute is SHA-1 by definition; here it only tells certificates apart.
  const algorithm = v2 ? (named ?? 'sha256') : 'sha1';
  return (
    hash?.tag === der.TAG.octetString && hash.contents.equals(createHash(algorithm).update(certificate.raw).digest())
  );
}

function signatureHolds(signer: SignerInfo, digest: string, certificate: X509Certificate): boolean {
  const [identifier, parameters] = childrenOf(signer.signatureAlgorithm, der.TAG.sequence);
  const algorithm = identifier ? der.readOid(identifier) : '';
  const key = certificate.publicKey;
  if (algorithm === RSA_PSS_OID) {
    const hash = parameters && pssDigest(parameters);
    if (hash === undefined) throw new TimestampError('malformed', 'PSS with a digest that is not known');
    const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
    return verify(hash, signer.signedBytes, { key, ...padding }, signer.signature);
  }
  const named = SIGNATURES[algorithm];
  if (named === undefined) throw new TimestampError('malformed', 'a signature algorithm that is not known');
  return verify(named ?? digest, signer.signedBytes, key, signer.signature);
}

/** The digest that an AlgorithmIdentifier names. */
function digestOf(algorithm: der.DerElement | undefined): string | undefined {
  const [identifier] = childrenOf(algorithm, der.TAG.sequence);
  return identifier && DIGESTS[der.readOid(identifier)];
}

/** RSASSA-PSS-params (RFC 4055, 3.1): `[0]` the digest, SHA-1 where it is left out. */
function pssDigest(parameters: der.DerElement): string | undefined {
  const wrapped = childrenOf(parameters, der.TAG.sequence).find(({ tag }) => tag === 0xa0);
  return digestOf(childrenOf(wrapped, 0xa0)[0]);
}

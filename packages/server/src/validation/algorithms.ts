import { constants, createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isSignedBySm2, isSm2Key } from '../platform/sm2.ts';
import { childrenOf, MalformedAsn1, oidOf, readElements, smallIntegerOf, TAG } from './der.ts';
import type { Element } from './der.ts';

/** Names as node:crypto has them. */
export type HashName = 'md5' | 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512' | 'sm3';

const HASHES: Readonly<Record<string, HashName>> = {
  '1.2.840.113549.2.5': 'md5',
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '1.2.156.10197.1.401': 'sm3',
};

/** Two files with the same digest can be made of these in a day. */
const WEAK_HASHES: ReadonlySet<HashName> = new Set(['md5', 'sha1']);

type Scheme =
  | { kind: 'pkcs1' | 'ecdsa' | 'dsa'; hash: HashName | undefined }
  | { kind: 'pss' }
  | { kind: 'eddsa' }
  | { kind: 'sm2' };

const SCHEMES: Readonly<Record<string, Scheme>> = {
  '1.2.840.113549.1.1.1': { kind: 'pkcs1', hash: undefined },
  '1.2.840.113549.1.1.4': { kind: 'pkcs1', hash: 'md5' },
  '1.2.840.113549.1.1.5': { kind: 'pkcs1', hash: 'sha1' },
  '1.2.840.113549.1.1.14': { kind: 'pkcs1', hash: 'sha224' },
  '1.2.840.113549.1.1.11': { kind: 'pkcs1', hash: 'sha256' },
  '1.2.840.113549.1.1.12': { kind: 'pkcs1', hash: 'sha384' },
  '1.2.840.113549.1.1.13': { kind: 'pkcs1', hash: 'sha512' },
  '1.2.840.113549.1.1.10': { kind: 'pss' },
  '1.2.840.10045.2.1': { kind: 'ecdsa', hash: undefined },
  '1.2.840.10045.4.1': { kind: 'ecdsa', hash: 'sha1' },
  '1.2.840.10045.4.3.1': { kind: 'ecdsa', hash: 'sha224' },
  '1.2.840.10045.4.3.2': { kind: 'ecdsa', hash: 'sha256' },
  '1.2.840.10045.4.3.3': { kind: 'ecdsa', hash: 'sha384' },
  '1.2.840.10045.4.3.4': { kind: 'ecdsa', hash: 'sha512' },
  '1.2.840.10040.4.3': { kind: 'dsa', hash: 'sha1' },
  '2.16.840.1.101.3.4.3.2': { kind: 'dsa', hash: 'sha256' },
  '1.3.101.112': { kind: 'eddsa' },
  '1.3.101.113': { kind: 'eddsa' },
  '1.2.156.10197.1.501': { kind: 'sm2' },
  '1.2.156.10197.1.301.1': { kind: 'sm2' },
};

/** An algorithm that we do not know: nothing can be said of what was signed with it. */
export class UnknownAlgorithm extends Error {
  override readonly name = 'UnknownAlgorithm';
}

export function isWeak(hash: HashName): boolean {
  return WEAK_HASHES.has(hash);
}

/** An AlgorithmIdentifier of a digest; its parameters are absent or NULL (RFC 5754, 2). */
export function hashOf(element: Element | undefined): HashName {
  const [oid, parameters, ...others] = childrenOf(element, TAG.sequence);
  if (others.length > 0) throw new MalformedAsn1('digest algorithm');
  assertNoParameters(parameters);
  const dotted = oidOf(oid);
  const hash = HASHES[dotted];
  if (!hash) throw new UnknownAlgorithm(dotted);
  return hash;
}

function assertNoParameters(parameters: Element | undefined): void {
  if (parameters === undefined) return;
  if (parameters.tag !== TAG.null || parameters.contents.length > 0) throw new MalformedAsn1('algorithm parameters');
}

/**
 * Whether `signature` over `content` is by this key.
 *
 * @param algorithm an AlgorithmIdentifier
 * @param digestHash the hash that is named elsewhere, for algorithms that name none
 * @throws UnknownAlgorithm
 */
export function isSignedBy(
  publicKey: KeyObject,
  algorithm: Element | undefined,
  digestHash: HashName | undefined,
  content: Buffer,
  signature: Buffer,
): { ok: boolean; hash: HashName | undefined } {
  const [oid, parameters, ...others] = childrenOf(algorithm, TAG.sequence);
  if (others.length > 0) throw new MalformedAsn1('signature algorithm');
  const dotted = oidOf(oid);
  const scheme = SCHEMES[dotted];
  if (!scheme) throw new UnknownAlgorithm(dotted);
  if (scheme.kind === 'pss') {
    const { hash, saltLength } = pssParameters(parameters);
    const key = { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength };
    return { ok: isKind(publicKey, 'rsa', 'rsa-pss') && verify(hash, content, key, signature), hash };
  }
  // A curve may be named once more beside the signature; it is the key's that counts.
  if (scheme.kind !== 'ecdsa' || parameters?.tag !== TAG.oid) assertNoParameters(parameters);
  if (scheme.kind === 'eddsa') {
    return {
      ok: isKind(publicKey, 'ed25519', 'ed448') && verify(null, content, publicKey, signature),
      hash: undefined,
    };
  }
  if (scheme.kind === 'sm2') {
    // No other digest belongs to it (GM/T 0009).
    if (digestHash !== undefined && digestHash !== 'sm3') throw new MalformedAsn1('SM2 without SM3');
    return { ok: isSm2Key(publicKey) && isSignedBySm2(publicKey, content, signature), hash: 'sm3' };
  }
  const hash = scheme.hash ?? digestHash;
  if (hash === undefined || hash === 'sm3') throw new UnknownAlgorithm(dotted);
  if (scheme.hash !== undefined && digestHash !== undefined && scheme.hash !== digestHash) {
    throw new MalformedAsn1('two digest algorithms of one signature');
  }
  const kinds = { pkcs1: ['rsa'], ecdsa: ['ec'], dsa: ['dsa'] }[scheme.kind];
  return { ok: isKind(publicKey, ...kinds) && verify(hash, content, publicKey, signature), hash };
}

function isKind(key: KeyObject, ...kinds: readonly string[]): boolean {
  return kinds.includes(key.asymmetricKeyType ?? '');
}

/** RSASSA-PSS-params (RFC 4055, 3.1). */
function pssParameters(element: Element | undefined): { hash: HashName; saltLength: number } {
  const result: { hash: HashName; saltLength: number } = { hash: 'sha1', saltLength: 20 };
  let maskHash: HashName = 'sha1';
  for (const field of childrenOf(element, TAG.sequence)) {
    const [inner] = readElements(field.contents);
    if (field.tag === 0xa0) result.hash = hashOf(inner);
    else if (field.tag === 0xa1) maskHash = hashOf(childrenOf(inner, TAG.sequence)[1]);
    else if (field.tag === 0xa2) result.saltLength = smallIntegerOf(inner);
    else if (field.tag !== 0xa3 || smallIntegerOf(inner) !== 1) throw new MalformedAsn1('PSS parameters');
  }
  // Node takes one hash for both.
  if (maskHash !== result.hash) throw new UnknownAlgorithm('PSS with two hashes');
  return result;
}

/** A SubjectPublicKeyInfo as a key, or undefined where it is of no kind that is known here. */
export function publicKeyOf(spki: Buffer): KeyObject | undefined {
  try {
    return createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

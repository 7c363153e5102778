import { createHash } from 'node:crypto';
import { DomainError } from '../platform/errors.ts';
import { hashOf } from './algorithms.ts';
import type { HashName } from './algorithms.ts';
import { timeOf } from './certificate.ts';
import { verifyCms } from './cms.ts';
import type { Cms } from './cms.ts';
import { childrenOf, octetsOf, readElement, TAG } from './der.ts';

export type TimestampToken = {
  cms: Cms;
  /** What the service says; believed only where the token holds and its service is trusted. */
  at: Date | undefined;
  /** Over what was given. */
  isOver: boolean;
};

const TIMESTAMPING = '1.3.6.1.5.5.7.3.8';

/**
 * Verifies a timestamp token (RFC 3161, 2.4.2) over content that has this digest.
 *
 * @param digest of what was stamped, by a hash
 */
export function verifyTimestampToken(der: Buffer, digest: (hash: HashName) => Buffer): TimestampToken {
  const cms = verifyCms(der, 'timestampInfo', () => Buffer.alloc(0));
  if (!cms.content) return { cms: { ...cms, fault: cms.fault ?? 'cms_malformed' }, at: undefined, isOver: false };
  try {
    // TSTInfo: version, policy, messageImprint, serialNumber, genTime, …
    const [, , imprint, , at] = childrenOf(readElement(cms.content).element, TAG.sequence);
    const [algorithm, hashed] = childrenOf(imprint, TAG.sequence);
    const isOver = octetsOf(hashed).equals(digest(hashOf(algorithm)));
    const isService = cms.signer === undefined || cms.signer.extendedKeyUsage.includes(TIMESTAMPING);
    return { cms: isService ? cms : { ...cms, fault: cms.fault ?? 'cms_malformed' }, at: timeOf(at), isOver };
  } catch (error) {
    if (error instanceof DomainError) throw error;
    return { cms: { ...cms, fault: cms.fault ?? 'cms_malformed' }, at: undefined, isOver: false };
  }
}

/** Of bytes that are at hand. */
export function digestOf(bytes: Buffer): (hash: HashName) => Buffer {
  return (hash) => createHash(hash).update(bytes).digest();
}

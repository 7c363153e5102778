import { createHash } from 'node:crypto';
import type { DocumentSigner } from '../signers.ts';
import { signatureTimestampBytesMax, signatureValueOf, withSignatureTimestamp } from './cms-attribute.ts';
import type { Timestamps } from './timestamps.ts';

export type TimestampedSigner = DocumentSigner & {
  /** How many of the signatures so far have no timestamp, since no service gave one. */
  readonly unstamped: () => number;
};

/**
 * A signer whose signatures carry a timestamp each (PAdES B-T), or room for one where no service gives it now. A
 * signature is never kept waiting for a second round: once a service failed, the rest of this signer's signatures are
 * made without asking again.
 */
export function timestampedSigner(signer: DocumentSigner, timestamps: Timestamps): TimestampedSigner {
  let unstamped = 0;
  return {
    ...signer,
    signatureBytesMax: signer.signatureBytesMax + signatureTimestampBytesMax(timestamps.tokenBytesMax),
    unstamped: () => unstamped,
    async signDetached(digest) {
      const cms = await signer.signDetached(digest);
      const answer = unstamped > 0 ? undefined : await timestamps.timestamp(digestOfSignature(cms));
      if (answer?.kind === 'token') return withSignatureTimestamp(cms, answer.der);
      unstamped += 1;
      return cms;
    },
  };
}

/** What a signature timestamp is about: the signature's value (ETSI EN 319 122-1, 5.3). @throws RangeError */
export function digestOfSignature(cms: Buffer): Buffer {
  return createHash('sha256').update(signatureValueOf(cms)).digest();
}

import { createHash, type Hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EmbeddedSignature } from '../documents/index.ts';

/** Content is hashed in turns of the event loop, so that 50 MB do not hold up other requests for their whole length. */
const HASH_BYTES_PER_TURN = 4 * 1024 * 1024;

/** What a signature covers. */
export interface CoveredBytes {
  readonly sha256: string;
  readonly length: number;
}

/**
 * What each of a document's signatures covers, in their order. What they have in common is hashed once: 200 signatures of
 * 40 MB are 40 MB to hash and not 8 GB.
 */
export async function coveredBytes(
  pdf: Buffer,
  signatures: readonly Pick<EmbeddedSignature, 'byteRange'>[],
): Promise<CoveredBytes[]> {
  const found = new Map<(typeof signatures)[number], CoveredBytes>();
  const common = createHash('sha256');
  let at = 0;
  for (const signature of signatures.toSorted((a, b) => a.byteRange[1] - b.byteRange[1])) {
    const [, before, after, behind] = signature.byteRange;
    await update(common, pdf.subarray(at, before));
    at = before;
    const own = common.copy();
    await update(own, pdf.subarray(after, after + behind));
    found.set(signature, { sha256: own.digest('hex'), length: before + behind });
  }
  return signatures.flatMap((signature) => found.get(signature) ?? []);
}

async function update(hash: Hash, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += HASH_BYTES_PER_TURN) {
    if (at > 0) await nextTurn();
    hash.update(bytes.subarray(at, at + HASH_BYTES_PER_TURN));
  }
}

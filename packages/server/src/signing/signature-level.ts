import { SIGNATURE_LEVELS } from '../platform/timestamp-settings.ts';
import { timestampedSigner, type DocumentSigner, type Timestamps } from '../trust/index.ts';

/**
 * How long a signature can be judged (ETSI EN 319 142-1, 6): B-B while its certificate is valid, B-T has a time that does
 * not hang on our clock's word, B-LT holds what a validator needs, B-LTA protects that by further timestamps.
 */
export type SignatureLevel = (typeof SIGNATURE_LEVELS)[number];

/** What signatures are to reach, and who gives the timestamps for it. */
export type LongTerm = { level: 'B-B' } | { level: Exclude<SignatureLevel, 'B-B'>; timestamps: Timestamps };

/**
 * Signatures of one act that have a timestamp each. A longer act, such as a seal across 200 pages, has none of its own: a
 * timestamp of the whole document takes their place when the flow is done, one in place of 200.
 */
const TIMESTAMPED_SIGNATURES_MAX = 16;

/** Room for timestamps in as many signatures as a flow may have, beside what the signatures themselves take. */
const TIMESTAMP_BYTES_MAX = 48 * 1024 * 1024;

/** What a revision may grow to by signatures of this level, where without timestamps it may grow to `revisionBytesMax`. */
export function signedBytesMax({ level }: LongTerm, revisionBytesMax: number): number {
  return level === 'B-B' ? revisionBytesMax : revisionBytesMax + TIMESTAMP_BYTES_MAX;
}

export function reaches(level: SignatureLevel, wanted: SignatureLevel): boolean {
  return SIGNATURE_LEVELS.indexOf(level) >= SIGNATURE_LEVELS.indexOf(wanted);
}

/** Who signs in one act, once the number of its signatures is known, and the level that all of them reached. */
export function levelledAct(
  longTerm: LongTerm,
  signer: DocumentSigner,
): { signer: (signatures: number) => DocumentSigner; level: () => 'B-B' | 'B-T' } {
  let level: () => 'B-B' | 'B-T' = () => 'B-B';
  return {
    signer(signatures) {
      if (longTerm.level === 'B-B' || signatures > TIMESTAMPED_SIGNATURES_MAX) return signer;
      const timestamped = timestampedSigner(signer, longTerm.timestamps);
      level = () => (timestamped.unstamped() === 0 ? 'B-T' : 'B-B');
      return timestamped;
    },
    level: () => level(),
  };
}

import type { ByteRangeFault } from './byte-range.ts';
import type { CmsFault } from './cms.ts';

/** It does not hold. */
export type BreakingProblem =
  | ByteRangeFault
  | Exclude<CmsFault, 'cms_unknown_algorithm'>
  | 'timestamp_broken'
  | 'certificate_revoked'
  | 'certificate_not_valid_then';

/** It cannot be said whether it holds. */
export type DoubtProblem =
  | 'cms_unknown_algorithm'
  | 'format_unsupported'
  | 'weak_digest'
  | 'issuer_unknown'
  | 'issuer_not_allowed'
  | 'certificate_not_for_signing'
  | 'certificate_expired'
  | 'certificate_revoked_since'
  | 'certificate_unvouched'
  | 'timestamp_untrusted';

/** Worth knowing. */
export type NoteProblem = 'signing_certificate_missing' | 'time_not_proven';

export type ProblemCode = BreakingProblem | DoubtProblem | NoteProblem;

const GRAVITY: Readonly<Record<ProblemCode, 'breaking' | 'doubt' | 'note'>> = {
  byte_range_malformed: 'breaking',
  byte_range_not_from_start: 'breaking',
  byte_range_hole: 'breaking',
  byte_range_beyond_file: 'breaking',
  byte_range_not_a_revision: 'breaking',
  contents_malformed: 'breaking',
  contents_padding: 'breaking',
  signature_dictionary_ambiguous: 'breaking',
  cms_malformed: 'breaking',
  cms_digest_differs: 'breaking',
  cms_signature_wrong: 'breaking',
  cms_certificate_missing: 'breaking',
  cms_certificate_replaced: 'breaking',
  cms_certificate_damaged: 'breaking',
  timestamp_broken: 'breaking',
  certificate_revoked: 'breaking',
  certificate_not_valid_then: 'breaking',
  cms_unknown_algorithm: 'doubt',
  format_unsupported: 'doubt',
  weak_digest: 'doubt',
  issuer_unknown: 'doubt',
  issuer_not_allowed: 'doubt',
  certificate_not_for_signing: 'doubt',
  certificate_expired: 'doubt',
  certificate_revoked_since: 'doubt',
  certificate_unvouched: 'doubt',
  timestamp_untrusted: 'doubt',
  signing_certificate_missing: 'note',
  time_not_proven: 'note',
};

export function gravityOf(code: ProblemCode): 'breaking' | 'doubt' | 'note' {
  return GRAVITY[code];
}

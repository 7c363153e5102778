import { reaches, type SignatureLevel } from './signature-level.ts';

/** What is known of a signature or document timestamp in the file, in the file's order. */
export type SignatureState = {
  fieldName: string;
  kind: 'signature' | 'timestamp';
  /** Of the flow, and not of whoever signed the file before it came. */
  isOwn: boolean;
  /** Carries a timestamp of its own. */
  stamped: boolean;
};

/** What can be done to a revision. */
export type UpgradeStep =
  /** A timestamp into the last signature's own room. */
  | 'stamp-last-signature'
  /** A timestamp of the whole document. */
  | 'stamp-document'
  /** What validators need, for everything in the file. */
  | 'add-evidence';

/**
 * The steps that bring a revision to its goal, in their order.
 *
 * A signature's own timestamp stands in its unsigned part; the signatures after it cover those bytes too, so it can be put
 * in only while nothing stands behind. A timestamp of the whole document proves the same of every signature before it
 * (ETSI EN 319 142-1, 6.3, table 1: signature-time-stamp or document time-stamp). While a flow is in signing nothing is
 * appended: the next signer's signature may come at any time, and one timestamp at the end does for all.
 *
 * @param isFinal no signature follows
 */
export function upgradeSteps(
  signatures: readonly SignatureState[],
  {
    goal,
    isFinal,
    isLastOpen,
  }: {
    goal: SignatureLevel;
    isFinal: boolean;
    /** Nothing stands behind the last one, and it has room for a timestamp. */
    isLastOpen: boolean;
  },
): UpgradeStep[] {
  const last = signatures.at(-1);
  const canStampLast = isLastOpen && last?.kind === 'signature' && last.isOwn && !last.stamped;
  const steps: UpgradeStep[] = canStampLast ? ['stamp-last-signature'] : [];
  if (!isFinal) return steps;
  const later = canStampLast && last ? [...signatures.slice(0, -1), { ...last, stamped: true }] : signatures;
  const isUnproved = [...provedSignatures(later).values()].includes(false);
  if (goal === 'B-LTA') return [...steps, 'add-evidence', 'stamp-document'];
  if (isUnproved) steps.push('stamp-document');
  if (goal === 'B-LT') steps.push('add-evidence');
  return steps;
}

/** Whether each of the flow's signatures has a timestamp, its own or one of the document behind it. */
export function provedSignatures(signatures: readonly SignatureState[]): Map<string, boolean> {
  const lastTimestamp = signatures.findLastIndex(({ kind }) => kind === 'timestamp');
  const proved = new Map<string, boolean>();
  for (const [index, { kind, fieldName, isOwn, stamped }] of signatures.entries()) {
    if (kind === 'signature' && isOwn) proved.set(fieldName, stamped || index < lastTimestamp);
  }
  return proved;
}

/** The level of a field, the least of its signatures'; `reached` is what the document as a whole has. */
export function fieldLevel(proved: readonly boolean[], reached: SignatureLevel): SignatureLevel {
  if (!proved.every(Boolean)) return 'B-B';
  return reaches(reached, 'B-T') ? reached : 'B-T';
}

const RETRY_FIRST_MS = 30_000;
const RETRY_MAX_MS = 3_600_000;

/** When an upgrade that did not reach its goal is tried again. `jitter` is a factor near 1, drawn by the caller. */
export function retryAt(attempts: number, now: Date, jitter: number): Date {
  const delayMs = Math.min(RETRY_FIRST_MS * 2 ** Math.min(attempts - 1, 12), RETRY_MAX_MS);
  return new Date(now.getTime() + delayMs * jitter);
}

const RENEWAL_MARGIN_MS = 60 * 86_400_000;

/**
 * When a document timestamp is followed by the next: two months before the first certificate that it rests on ends, or
 * after three quarters of the time that is left where that is short. Spread over half of that, so that a service's
 * certificate does not make all documents due at once.
 *
 * @param share drawn by the caller, from 0 to 1
 */
export function renewalAt(notAfter: Date, now: Date, share: number): Date {
  const leftMs = Math.max(0, notAfter.getTime() - now.getTime());
  const marginMs = Math.min(RENEWAL_MARGIN_MS, leftMs / 4);
  return new Date(notAfter.getTime() - marginMs * (1 + share));
}

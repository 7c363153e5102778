/** What an attempt came to, as the sender of a message sees it. */
export type Outcome =
  | { readonly kind: 'acknowledged' }
  /** For good: another attempt could not end otherwise. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** No answer, or one that does not acknowledge. The destination may name the least wait before the next attempt. */
  | { readonly kind: 'unacknowledged'; readonly reason: string; readonly retryAfterMs?: number };

export interface RetryPolicy {
  /** The wait after the first, second, … attempt. One attempt more than there are delays is made in all. */
  readonly delaysMs: readonly number[];
}

export type Next =
  | { readonly state: 'delivered' }
  | { readonly state: 'failed'; readonly reason: string }
  | { readonly state: 'waiting'; readonly reason: string; readonly nextAttemptAt: Date };

/** A destination may ask for a longer wait by Retry-After, but not for one that is as good as never. */
export const RETRY_AFTER_MAX_MS = 24 * 3_600_000;

/** How far a delay is stretched or shortened, so that what failed together does not come back together. */
const JITTER = 0.1;

/**
 * What becomes of a delivery after an attempt: the whole retry policy.
 *
 * @param delivery `attempts` counts those of the present schedule, this one included
 * @param jitter a factor near 1, drawn by the caller (`drawJitter`)
 */
export function afterAttempt(
  delivery: { readonly attempts: number; readonly policy: RetryPolicy },
  outcome: Outcome,
  now: Date,
  jitter: number,
): Next {
  if (outcome.kind === 'acknowledged') return { state: 'delivered' };
  if (outcome.kind === 'refused') return { state: 'failed', reason: outcome.reason };
  const delayMs = delivery.policy.delaysMs[delivery.attempts - 1];
  if (delayMs === undefined) return { state: 'failed', reason: outcome.reason };
  const waitMs = Math.max(delayMs * jitter, Math.min(outcome.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS));
  return { state: 'waiting', reason: outcome.reason, nextAttemptAt: new Date(now.getTime() + waitMs) };
}

/** A factor between 0.9 and 1.1. @param random as `Math.random` */
export function drawJitter(random: () => number): number {
  return 1 + JITTER * (2 * random() - 1);
}

/** The policy cut so that at most `attemptsMax` attempts are made; null leaves it as it is. */
export function withAttemptsMax(policy: RetryPolicy, attemptsMax: number | null): RetryPolicy {
  return attemptsMax === null ? policy : { delaysMs: policy.delaysMs.slice(0, Math.max(0, attemptsMax - 1)) };
}

import type { RelayLimits } from '../../src/relay/index.ts';

/** A fifteenth of what a service runs with, so that a round is over in seconds; their order is the same. */
export const SHORT_LIMITS: Partial<RelayLimits> = {
  answerWaitMs: 400,
  attemptTimeoutMs: 800,
  leaseMs: 2_000,
  pollMs: 100,
  drainMs: 3_000,
};

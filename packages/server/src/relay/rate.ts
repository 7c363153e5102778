/** A token bucket: `ratePerSecond` tokens a second, and as many as a second brings can be saved up, one at least. */
export interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/**
 * Takes up to `wanted` tokens. @returns the bucket after, how many were taken, and, where fewer than wanted, in how many
 * milliseconds the next will be there
 */
export function takeTokens(
  bucket: Bucket | null,
  ratePerSecond: number,
  wanted: number,
  nowMs: number,
): { bucket: Bucket; taken: number; waitMs: number } {
  const size = Math.max(1, ratePerSecond);
  const saved = bucket === null ? size : bucket.tokens + (Math.max(0, nowMs - bucket.at) * ratePerSecond) / 1_000;
  const tokens = Math.min(size, saved);
  const taken = Math.min(wanted, Math.floor(tokens + 1e-9));
  const left = tokens - taken;
  const waitMs = taken === wanted ? 0 : Math.ceil(((1 - left) * 1_000) / ratePerSecond);
  return { bucket: { tokens: left, at: nowMs }, taken, waitMs };
}

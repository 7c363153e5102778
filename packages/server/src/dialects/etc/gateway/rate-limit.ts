/** A bucket of tokens: a request takes one, time brings them back. `at` is the moment `tokens` was true, in ms. */
export interface Bucket {
  readonly tokens: number;
  readonly at: number;
}

/**
 * Takes one token at `nowMs`. The bucket holds one second's worth, so an idle caller may send that many at once.
 * A clock that steps back brings nothing and takes nothing away.
 */
export function takeToken(
  bucket: Bucket | undefined,
  ratePerSecondMax: number,
  nowMs: number,
): { readonly allowed: boolean; readonly bucket: Bucket } {
  const before = bucket ?? { tokens: ratePerSecondMax, at: nowMs };
  const elapsedMs = Math.max(0, nowMs - before.at);
  const tokens = Math.min(ratePerSecondMax, before.tokens + (elapsedMs * ratePerSecondMax) / 1_000);
  const at = Math.max(nowMs, before.at);
  return tokens >= 1
    ? { allowed: true, bucket: { tokens: tokens - 1, at } }
    : { allowed: false, bucket: { tokens, at } };
}

/** Answers whether an app may go on. Counted in this process: with several nodes each allows the full rate. */
export type RateLimiter = (appId: string, ratePerSecondMax: number, nowMs: number) => boolean;

/** One bucket for each app that has shown a signature that holds, so their number is that of the apps. */
export function createRateLimiter(): RateLimiter {
  const buckets = new Map<string, Bucket>();
  return (appId, ratePerSecondMax, nowMs) => {
    const { allowed, bucket } = takeToken(buckets.get(appId), ratePerSecondMax, nowMs);
    buckets.set(appId, bucket);
    return allowed;
  };
}

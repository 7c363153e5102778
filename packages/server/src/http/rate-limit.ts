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

/** A bucket is full again after this long, so who is refused may come back then. */
export const RETRY_AFTER_SECONDS = 1;

/** Counts requests by a key of any kind, in this process: with several nodes each allows the full rate. */
export interface RateLimiter {
  /** Whether the key may send one more request now. */
  take(key: string, ratePerSecondMax: number, nowMs: number): boolean;
  /** Takes the last request back: it turned out to be one that another limit counts. */
  giveBack(key: string, ratePerSecondMax: number): void;
}

/** About 1 MiB. Whoever has more addresses than that is stopped by no limit of one address. */
const KEYS_MAX = 10_000;

/** Keeps the keys that were seen last; a forgotten one starts with a full bucket, as it would after a second. */
export function createRateLimiter(keysMax = KEYS_MAX): RateLimiter {
  const buckets = new Map<string, Bucket>();
  const keep = (key: string, bucket: Bucket): void => {
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size <= keysMax) return;
    for (const [oldest] of buckets) {
      buckets.delete(oldest);
      return;
    }
  };
  return {
    take(key, ratePerSecondMax, nowMs) {
      const { allowed, bucket } = takeToken(buckets.get(key), ratePerSecondMax, nowMs);
      keep(key, bucket);
      return allowed;
    },
    giveBack(key, ratePerSecondMax) {
      const bucket = buckets.get(key);
      if (bucket !== undefined) {
        buckets.set(key, { ...bucket, tokens: Math.min(ratePerSecondMax, bucket.tokens + 1) });
      }
    },
  };
}

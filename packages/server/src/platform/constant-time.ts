import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * Compares a secret with what a caller claims it to be. Both are hashed under a key of this call alone, so neither where
 * they differ nor whether their lengths do shows in the time it takes. A text counts as its UTF-8 bytes.
 */
export function equalConstantTime(a: string | Buffer, b: string | Buffer): boolean {
  const key = randomBytes(32);
  const digest = (value: string | Buffer): Buffer => createHmac('sha256', key).update(value).digest();
  return timingSafeEqual(digest(a), digest(b));
}

import { webcrypto } from 'node:crypto';
import { PrefixDigest } from './prefix-digest.ts';

/**
 * SHA-256 in lower-case hexadecimal of pieces that follow one another. One piece is hashed on libuv's pool, several in
 * turns: a file of 50 MB does not hold up other requests.
 */
export async function sha256Hex(...pieces: readonly Buffer[]): Promise<string> {
  const [first = Buffer.alloc(0), ...others] = pieces;
  if (others.length === 0) return Buffer.from(await webcrypto.subtle.digest('SHA-256', first)).toString('hex');
  const digest = new PrefixDigest();
  for (const piece of pieces) await digest.extend(piece);
  return digest.digestWith().toString('hex');
}

import { webcrypto } from 'node:crypto';

/** SHA-256 in lower-case hexadecimal, computed on libuv's pool: a file of 50 MB does not hold up other requests. */
export async function sha256Hex(bytes: Buffer): Promise<string> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
}

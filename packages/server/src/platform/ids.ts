import { randomBytes, randomInt } from 'node:crypto';

/** 32 lower-case hex digits from 16 random bytes: flow ids, file ids, member and organisation numbers. */
export function hexId(): string {
  return randomBytes(16).toString('hex');
}

const UPPER_ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** `length` characters drawn evenly from `alphabet`. */
function randomText(length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}

/** A calling application's id: 16 upper-case letters and digits (contracts/etc-gateway.md, app_id). */
export function newAppId(): string {
  return randomText(16, UPPER_ALPHANUMERIC);
}

/** `length` random letters and digits: nonces of 6 (contracts/relay.md), request ids of 20 (seed 000's flow_request_id). */
export function randomAlphanumeric(length: number): string {
  return randomText(length, ALPHANUMERIC);
}

/**
 * A UUID version 7 (RFC 9562, 5.7): 48 bits of Unix milliseconds, then randomness. Request ids sort by the time they
 * were accepted, so an index on them grows at one end and a range of them is a range of time.
 */
export function uuidV7(at: Date): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(at.getTime(), 0, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

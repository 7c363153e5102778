import { randomBytes, randomFillSync } from 'node:crypto';

/** 32 lower-case hex digits from 16 random bytes: flow ids, file ids, member and organisation numbers. */
export function hexId(): string {
  return randomBytes(16).toString('hex');
}

const UPPER_ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

const POOL_BYTES = 4_096;
const pool = Buffer.alloc(POOL_BYTES);
let poolUsed = POOL_BYTES;

/** `count` random bytes out of a draw of many: a draw costs as much for 16 bytes as for 4,096. Valid until the next call. */
function drawBytes(count: number): Buffer {
  if (poolUsed + count > POOL_BYTES) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  poolUsed += count;
  return pool.subarray(poolUsed - count, poolUsed);
}

/** `length` characters drawn evenly from `alphabet`, which has 256 at most. */
function randomText(length: number, alphabet: string): string {
  // A byte beyond the last whole multiple would favour the first characters.
  const bytesMax = 256 - (256 % alphabet.length);
  let text = '';
  while (text.length < length) {
    const byte = drawBytes(1)[0] ?? 255;
    if (byte < bytesMax) text += alphabet[byte % alphabet.length] ?? '';
  }
  return text;
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
  const bytes = drawBytes(16);
  bytes.writeUIntBE(at.getTime(), 0, 6);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** When a UUID of version 7 was made, in Unix milliseconds. Of another UUID it is some other number. */
export function uuidInstantMs(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}

/** The least UUID of version 7 for a moment: the bound between ids before it and ids from it on. */
export function uuidLowerBound(at: Date): string {
  const hex = at.getTime().toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

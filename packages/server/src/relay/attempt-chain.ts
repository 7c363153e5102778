import { createHash, hash } from 'node:crypto';
import type { Attempt } from './delivery.ts';

/** Bytes of one attempt in a link of the chain: request id, number, SHA-256 of the attempt's text. */
export const CHAIN_ENTRY_BYTES = 52;

/**
 * The text of an attempt that is hashed: a JSON array in a fixed order, so that anybody can build it again from what the
 * evidence shows. Bytes stand as lower-case hex, times as ISO 8601 in UTC with milliseconds.
 */
export function attemptText(appId: string, requestId: string, attempt: Attempt): string {
  return JSON.stringify([
    appId,
    requestId,
    attempt.number,
    attempt.startedAt.toISOString(),
    attempt.durationMs,
    attempt.outcome,
    attempt.status,
    attempt.reason,
    attempt.url,
    attempt.remoteAddress,
    attempt.tlsFingerprint?.toString('hex') ?? null,
    attempt.requestSha256?.toString('hex') ?? null,
    attempt.answer?.toString('hex') ?? null,
    attempt.node,
  ]);
}

/** Bytes of an entry that say whose it is. */
export const ENTRY_PREFIX_BYTES = 20;

/** The beginning of an entry: 16 bytes of request id, 4 of the number (big-endian). */
export function entryPrefix(requestId: string, number: number): Buffer {
  const prefix = Buffer.alloc(ENTRY_PREFIX_BYTES);
  prefix.write(requestId.replaceAll('-', ''), 0, 16, 'hex');
  prefix.writeUInt32BE(number, 16);
  return prefix;
}

/** One attempt's part of a link: `entryPrefix`, then 32 bytes of SHA-256 over its text. */
export function chainEntry(appId: string, requestId: string, attempt: Attempt): Buffer {
  const entry = Buffer.alloc(CHAIN_ENTRY_BYTES);
  entryPrefix(requestId, attempt.number).copy(entry);
  hash('sha256', attemptText(appId, requestId, attempt), 'buffer').copy(entry, ENTRY_PREFIX_BYTES);
  return entry;
}

/** The hash of a link: over its entries in the first of a chain, else over the hash before and SHA-256 of the entries. */
export function linkHash(previous: Uint8Array | null, entries: Uint8Array): Buffer {
  const own = createHash('sha256').update(entries).digest();
  return previous === null ? own : createHash('sha256').update(previous).update(own).digest();
}

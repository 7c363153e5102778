import { createHash } from 'node:crypto';
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

/** One attempt's part of a link: 16 bytes of request id, 4 of the number (big-endian), 32 of SHA-256 over its text. */
export function chainEntry(appId: string, requestId: string, attempt: Attempt): Buffer {
  const entry = Buffer.alloc(CHAIN_ENTRY_BYTES);
  entry.write(requestId.replaceAll('-', ''), 0, 16, 'hex');
  entry.writeUInt32BE(attempt.number, 16);
  createHash('sha256')
    .update(attemptText(appId, requestId, attempt), 'utf8')
    .digest()
    .copy(entry, 20);
  return entry;
}

/** The hash of a link: over its entries in the first of a chain, else over the hash before and SHA-256 of the entries. */
export function linkHash(previous: Uint8Array | null, entries: Uint8Array): Buffer {
  const own = createHash('sha256').update(entries).digest();
  return previous === null ? own : createHash('sha256').update(previous).update(own).digest();
}

import { createHash, hash } from 'node:crypto';
import type { AcceptedDelivery, Attempt } from './delivery.ts';

/** Bytes of one attempt in a link of the chain: request id, number, SHA-256 of the attempt's text. */
export const CHAIN_ENTRY_BYTES = 52;

/**
 * The text of a delivery that is hashed: what was accepted, which nothing changes afterwards, and the SHA-256 of its
 * content in lower-case hex. In the form of `attemptText`.
 */
export function deliveryText(accepted: AcceptedDelivery, contentSha256: string | null): string {
  return JSON.stringify([
    accepted.appId,
    accepted.requestId,
    accepted.profile,
    accepted.url,
    accepted.calleeAppId,
    accepted.calleeNo,
    accepted.callerNo,
    accepted.messageType,
    accepted.acceptedAt.toISOString(),
    accepted.occurredAt?.toISOString() ?? null,
    contentSha256,
  ]);
}

/** SHA-256 over `deliveryText`, in lower-case hex: as text it costs a fraction of what a Buffer does. */
export function deliverySha256(accepted: AcceptedDelivery, contentSha256: string | null): string {
  return hash('sha256', deliveryText(accepted, contentSha256), 'hex');
}

/**
 * The text of an attempt that is hashed: a JSON array in a fixed order, so that anybody can build it again from what the
 * evidence shows. Bytes stand as lower-case hex, times as ISO 8601 in UTC with milliseconds.
 *
 * @param ofDelivery `deliverySha256`, the last of 15 places; null: the text of 14 of an attempt that was recorded before
 * deliveries were hashed too. The number of places is the text's version
 */
export function attemptText(appId: string, requestId: string, attempt: Attempt, ofDelivery: string | null): string {
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
    ...(ofDelivery === null ? [] : [ofDelivery]),
  ]);
}

/** Bytes of an entry that say whose it is. */
export const ENTRY_PREFIX_BYTES = 20;

/** The beginning of an entry: 16 bytes of request id, 4 of the number (big-endian). */
export function entryPrefix(requestId: string, number: number): Buffer {
  return Buffer.from(prefixHex(requestId, number), 'hex');
}

function prefixHex(requestId: string, number: number): string {
  return requestId.replaceAll('-', '') + number.toString(16).padStart(8, '0');
}

/** One attempt's part of a link in hex: `entryPrefix`, then 32 bytes of SHA-256 over its text. */
export function chainEntryHex(appId: string, requestId: string, attempt: Attempt, ofDelivery: string | null): string {
  return (
    prefixHex(requestId, attempt.number) + hash('sha256', attemptText(appId, requestId, attempt, ofDelivery), 'hex')
  );
}

/** `chainEntryHex` as bytes. */
export function chainEntry(appId: string, requestId: string, attempt: Attempt, ofDelivery: string | null): Buffer {
  return Buffer.from(chainEntryHex(appId, requestId, attempt, ofDelivery), 'hex');
}

/** The hash of a link: over its entries in the first of a chain, else over the hash before and SHA-256 of the entries. */
export function linkHash(previous: Uint8Array | null, entries: Uint8Array): Buffer {
  const own = createHash('sha256').update(entries).digest();
  return previous === null ? own : createHash('sha256').update(previous).update(own).digest();
}

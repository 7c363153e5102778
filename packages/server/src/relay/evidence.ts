import { createPublicKey, hash, sign, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { DomainError } from '../platform/errors.ts';
import {
  attemptText,
  CHAIN_ENTRY_BYTES,
  chainEntry,
  deliverySha256,
  deliveryText,
  entryPrefix,
  ENTRY_PREFIX_BYTES,
} from './attempt-chain.ts';
import type { WholeDelivery } from './delivery-store.ts';
import type { Attempt } from './delivery.ts';
import type { AnchoredLink, ChainHead } from './evidence-store.ts';
import type { RelayErrorCode } from './relay.ts';

export const EVIDENCE_FORMAT = 'yinxin-delivery-evidence/2';

/**
 * What is known of one delivery, signed by its application's relay key, in a form that a third party checks with
 * openssl, jq, base64 and sha256sum: docs/evidence.md has the recipe.
 */
export interface Evidence {
  /** Base64 of the exact bytes that are signed: a JSON text in UTF-8. */
  readonly statement: string;
  readonly algorithm: 'RSA-SHA256';
  /** Base64 of the PKCS #1 v1.5 signature over the statement's bytes. */
  readonly signature: string;
  /** SPKI PEM; the same key stands under `GET /api/keys/APP_ID`. */
  readonly public_key: string;
}

export interface EvidenceRecord {
  readonly delivery: WholeDelivery;
  readonly attempts: readonly Attempt[];
  readonly links: readonly AnchoredLink[];
  readonly head: ChainHead | null;
  readonly at: Date;
}

/** What the places of an attempt's text mean, in the order of `attemptText`. */
const ATTEMPT_FIELDS = [
  'app_id',
  'request_id',
  'number',
  'started_at',
  'duration_ms',
  'outcome',
  'status',
  'reason',
  'url',
  'remote_address',
  'tls_fingerprint',
  'request_sha256',
  'answer',
  'node',
  // Not there in attempts of before deliveries were hashed too.
  'delivery_sha256',
] as const;

/** What the places of the delivery's text mean, in the order of `deliveryText`. */
const DELIVERY_FIELDS = [
  'app_id',
  'request_id',
  'profile',
  'url',
  'callee_app_id',
  'callee_no',
  'caller_no',
  'message_type',
  'accepted_at',
  'occurred_at',
  'content_sha256',
] as const;

/**
 * The statement's text. Binary values of links stand in Base64, so that a shell can hash them joined; `parts` of a link
 * are its entries in order, each run of other deliveries' as bytes and each of this delivery's by its attempt's number.
 *
 * Throws `delivery_record_changed` where the record is not what the chain's links have of it: nothing that is known to be
 * untrue is signed.
 */
export function evidenceStatement({ delivery, attempts, links, head, at }: EvidenceRecord): string {
  const { appId, requestId, content, contentSha256 } = delivery;
  const sha256 = content === null ? (contentSha256?.toString('hex') ?? null) : hash('sha256', content, 'hex');
  const ofDelivery = deliverySha256(delivery, sha256);
  const told = attempts.map((attempt) => textOf(delivery, attempt, { ofDelivery, links }));
  assertWhole(delivery, attempts, links);
  return JSON.stringify({
    format: EVIDENCE_FORMAT,
    exported_at: at,
    delivery: {
      request_id: requestId,
      app_id: appId,
      state: delivery.state,
      profile: delivery.profile,
      url: delivery.url,
      callee_app_id: delivery.calleeAppId,
      callee_no: delivery.calleeNo,
      caller_no: delivery.callerNo,
      message_type: delivery.messageType,
      reason: delivery.reason,
      accepted_at: delivery.acceptedAt,
      occurred_at: delivery.occurredAt,
      ended_at: delivery.endedAt,
    },
    message: { content, sha256 },
    delivery_fields: DELIVERY_FIELDS,
    delivery_text: deliveryText(delivery, sha256),
    attempt_fields: ATTEMPT_FIELDS,
    attempts: told,
    links: links.map((link) => ({
      sequence: link.sequence,
      previous_hash: link.previousHash?.toString('base64') ?? null,
      parts: partsOf(link.entries, requestId),
      hash: link.hash.toString('base64'),
    })),
    chain_head: head === null ? null : { sequence: head.sequence, hash: head.hash.toString('base64') },
  });
}

/** An attempt as the statement tells it: its text is the one that its link has. */
function textOf(
  { appId, requestId }: WholeDelivery,
  attempt: Attempt,
  { ofDelivery, links }: { readonly ofDelivery: string; readonly links: readonly AnchoredLink[] },
): { number: number; text: string; entry_prefix: string; link: number | null } {
  const prefix = entryPrefix(requestId, attempt.number);
  const link = links.find(({ entries }) => findEntry(entries, prefix) !== null);
  const at = link === undefined ? null : findEntry(link.entries, prefix);
  const version = [ofDelivery, null].find(
    (of) =>
      link === undefined ||
      at === null ||
      chainEntry(appId, requestId, attempt, of).equals(link.entries.subarray(at, at + CHAIN_ENTRY_BYTES)),
  );
  if (version === undefined) throw changed(requestId, attempt.number);
  return {
    number: attempt.number,
    text: attemptText(appId, requestId, attempt, version),
    entry_prefix: prefix.toString('base64'),
    link: link?.sequence ?? null,
  };
}

/** Every attempt of it that a link holds is there, and what is delivered was acknowledged. */
function assertWhole(
  { requestId, state }: WholeDelivery,
  attempts: readonly Attempt[],
  links: readonly AnchoredLink[],
): void {
  const numbers = new Set(attempts.map((attempt) => attempt.number));
  for (const part of links.flatMap((link) => partsOf(link.entries, requestId))) {
    if ('attempt' in part && !numbers.has(part.attempt)) throw changed(requestId, part.attempt);
  }
  if (state === 'delivered' && !attempts.some((attempt) => attempt.outcome === 'acknowledged')) {
    throw changed(requestId, null);
  }
}

function changed(requestId: string, number: number | null): DomainError<RelayErrorCode> {
  return new DomainError('delivery_record_changed', { requestId, ...(number !== null && { number: `${number}` }) });
}

/** Signs a statement. The work is done off the main thread. */
export async function signEvidence(statement: string, privateKey: KeyObject): Promise<Evidence> {
  const bytes = Buffer.from(statement, 'utf8');
  const signature = await promisify(sign)('RSA-SHA256', bytes, privateKey);
  return {
    statement: bytes.toString('base64'),
    algorithm: 'RSA-SHA256',
    signature: signature.toString('base64'),
    public_key: createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }).toString(),
  };
}

/** Where an entry begins in a link; null where none of its entries begins so. */
function findEntry(entries: Buffer, prefix: Buffer): number | null {
  for (let at = 0; at < entries.length; at += CHAIN_ENTRY_BYTES) {
    if (entries.subarray(at, at + ENTRY_PREFIX_BYTES).equals(prefix)) return at;
  }
  return null;
}

type Part = { readonly entries: string } | { readonly attempt: number };

function partsOf(entries: Buffer, requestId: string): Part[] {
  const own = Buffer.from(requestId.replaceAll('-', ''), 'hex');
  const parts: Part[] = [];
  let othersFrom = 0;
  const endOthers = (at: number): void => {
    if (at > othersFrom) parts.push({ entries: entries.subarray(othersFrom, at).toString('base64') });
    othersFrom = at + CHAIN_ENTRY_BYTES;
  };
  for (let at = 0; at < entries.length; at += CHAIN_ENTRY_BYTES) {
    if (!entries.subarray(at, at + own.length).equals(own)) continue;
    endOthers(at);
    parts.push({ attempt: entries.readUInt32BE(at + own.length) });
  }
  endOthers(entries.length);
  return parts;
}

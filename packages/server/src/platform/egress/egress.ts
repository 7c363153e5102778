import { DomainError } from '../errors.ts';
import type { TlsIdentity } from './tls-identity.ts';

/** One outgoing request. Only http and https; a redirect is an answer like any other and is never followed. */
export interface EgressRequest {
  readonly method: 'GET' | 'POST';
  /** Absolute http or https URL without credentials. */
  readonly url: string;
  /** Host, framing and hop-by-hop headers are ours to set: naming one fails with `request_invalid`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with its Content-Length; a GET has none. */
  readonly body?: Buffer | string;
  /** From the call until the request can be written on a connection, waiting for a free one included. */
  readonly connectTimeoutMs?: number;
  /** From the call until the last byte of the answer. */
  readonly totalTimeoutMs: number;
  /** Bytes of the answer's body that are kept at most. */
  readonly responseBytesMax: number;
  /** What a longer body becomes: an error (the default), or an answer with `truncated: true`. */
  readonly onOverflow?: 'fail' | 'truncate';
  readonly signal?: AbortSignal;
  /** Over https; without it no certificate is shown and the usual authorities are believed. */
  readonly tls?: TlsIdentity;
  /** Called when the request is about to be written, so that a failed attempt knows its peer too. */
  readonly onPeer?: (peer: EgressPeer) => void;
}

/** Who is at the other end of a connection. */
export interface EgressPeer {
  readonly remoteAddress: string;
  /** SHA-256 of the peer's certificate (DER) in lower-case hex; null over plain http. */
  readonly tlsFingerprint: string | null;
}

export interface EgressAnswer {
  readonly status: number;
  /** Names in lower case; a header that came more than once is a list. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** The bytes as they came: no encoding is asked for and none is undone. */
  readonly body: Buffer;
  /** True when the body was longer than `responseBytesMax` and its rest was not read. */
  readonly truncated: boolean;
  readonly remoteAddress: string;
  /** As in `EgressPeer`. */
  readonly tlsFingerprint: string | null;
  readonly durationMs: number;
}

/** What a look at the URL alone can tell; names are judged again by their addresses at every connection. */
export type UrlCheck =
  | { readonly ok: true; readonly url: URL }
  | { readonly ok: false; readonly code: 'url_invalid' | 'address_forbidden'; readonly reason: string };

export interface Egress {
  /** Sends one request. Rejects with `EgressError` only. */
  request(request: EgressRequest): Promise<EgressAnswer>;
  /** Pure: no name is resolved. For refusing a URL when it is registered. */
  checkUrl(url: string): UrlCheck;
  /** Lets requests under way end, refuses new ones, closes idle connections. */
  close(): Promise<void>;
}

/**
 * How far the request had come: `before` a byte of it was written, `during` (written, perhaps in part; the peer may
 * have acted on it), `after` the head of the answer had arrived.
 */
export type EgressStage = 'before' | 'during' | 'after';

/** The short texts that may stand in a public answer; whatever is more precise is in `cause`. */
const REASONS = {
  request_invalid: 'the request is not valid',
  url_invalid: 'the URL is not valid',
  address_forbidden: 'the address is not permitted',
  dns_failed: 'the name could not be resolved',
  connect_failed: 'the connection failed',
  connect_timeout: 'the connection timed out',
  tls_failed: 'the TLS handshake failed',
  connection_lost: 'the connection was lost',
  response_timeout: 'the answer timed out',
  response_too_large: 'the answer is too large',
  response_invalid: 'the answer is not valid HTTP',
  aborted: 'the request was aborted',
} as const;

export type EgressErrorCode = keyof typeof REASONS;

/** Why a request has no answer. `reason` is a short English text fit for the public. */
export class EgressError extends DomainError<EgressErrorCode> {
  readonly stage: EgressStage;
  readonly reason: string;

  constructor(code: EgressErrorCode, stage: EgressStage, options: { reason?: string; cause?: unknown } = {}) {
    super(code, { stage }, options.cause === undefined ? {} : { cause: options.cause });
    this.stage = stage;
    this.reason = options.reason ?? REASONS[code];
  }
}

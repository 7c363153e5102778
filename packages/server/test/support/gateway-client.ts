import { createSign } from 'node:crypto';
import type { KeyLike } from 'node:crypto';

/**
 * A partner's client of `POST /api/gateway`, written from the contract alone and on none of the server's code: it
 * builds what it signs and sends it over a socket.
 */
export interface PartnerClient {
  readonly url: string;
  readonly appId: string;
  readonly privateKey: KeyLike;
  readonly algorithm: 'RSA-SHA1' | 'RSA-SHA256';
  readonly now: () => number;
}

let nonces = 0;

/** Counted, not drawn: two requests of one test must never meet by chance. */
export function freshNonce(): string {
  nonces += 1;
  return nonces.toString(36).padStart(6, 'N');
}

export function signPairs(client: PartnerClient, pairs: Record<string, string>): string {
  const text = Object.keys(pairs)
    .sort()
    .map((key) => `${key}=${pairs[key]}`)
    .join('&');
  return createSign(client.algorithm).update(text, 'utf8').sign(client.privateKey, 'base64');
}

/** A signed body of the newer dialect; `more` replaces fields after signing. */
export function newerBody(client: PartnerClient, apiCode: string, params?: unknown, more: object = {}): string {
  const nonce = freshNonce();
  const timestamp = client.now();
  const content = params === undefined ? {} : { request_content: JSON.stringify(params) };
  const pairs = { api_code: apiCode, app_id: client.appId, nonce, timestamp: String(timestamp), ...content };
  return JSON.stringify({ ...pairs, timestamp, sign: signPairs(client, pairs), ...more });
}

/** A signed body of the older dialect; `more` replaces fields after signing. */
export function olderBody(
  client: PartnerClient,
  apiCode: string,
  params?: Record<string, unknown>,
  more: object = {},
): string {
  const nonce = freshNonce();
  const timestamp = client.now();
  const pairs: Record<string, string> = { apiCode, appId: client.appId, nonce, timestamp: String(timestamp) };
  for (const [key, value] of Object.entries(params ?? {})) {
    if (typeof value === 'string') pairs[key] = value;
    if (typeof value === 'number' || typeof value === 'boolean') pairs[key] = JSON.stringify(value);
  }
  const head = { appId: client.appId, nonce, timestamp, apiCode, sign: signPairs(client, pairs) };
  return JSON.stringify({ ...head, ...(params === undefined ? {} : { params }), ...more });
}

/** Sends a body as it is and answers the text of the answer. */
export async function send(client: PartnerClient, body: string | Uint8Array, init: RequestInit = {}): Promise<string> {
  const headers = { 'content-type': 'application/json', ...(init.headers as Record<string, string> | undefined) };
  const response = await fetch(client.url, { method: 'POST', body, ...init, headers });
  if (response.status !== 200) throw new Error(`HTTP ${response.status}`);
  return response.text();
}

export interface OlderAnswer {
  readonly requestId: string;
  readonly responseCode: string;
  readonly responseMsg: string;
  readonly data: unknown;
}

export async function callOlder(
  client: PartnerClient,
  apiCode: string,
  params?: Record<string, unknown>,
  more: object = {},
): Promise<OlderAnswer> {
  return JSON.parse(await send(client, olderBody(client, apiCode, params, more))) as OlderAnswer;
}

export interface NewerAnswer {
  readonly request_id: string;
  readonly code: string;
  readonly msg: string;
  readonly data: unknown;
}

export async function callNewer(
  client: PartnerClient,
  apiCode: string,
  params?: unknown,
  more: object = {},
): Promise<NewerAnswer> {
  return JSON.parse(await send(client, newerBody(client, apiCode, params, more))) as NewerAnswer;
}

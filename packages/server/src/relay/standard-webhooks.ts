import { createHmac } from 'node:crypto';

const SECRET_PREFIX = 'whsec_';
const KEY_BYTES_MIN = 24;
const KEY_BYTES_MAX = 64;

/** `whsec_` and the Base64 of 24 to 64 bytes (Standard Webhooks 1.0.0, Symmetric). */
export function isWebhookSecret(text: string): boolean {
  if (!text.startsWith(SECRET_PREFIX)) return false;
  const encoded = text.slice(SECRET_PREFIX.length);
  const key = Buffer.from(encoded, 'base64');
  return key.toString('base64') === encoded && key.length >= KEY_BYTES_MIN && key.length <= KEY_BYTES_MAX;
}

/**
 * The three headers of Standard Webhooks over the exact bytes of a body.
 *
 * @param id constant over retries, so that a receiver knows a repeat
 * @param at the time of this attempt
 * @param secret `whsec_…`
 */
export function standardWebhookHeaders(id: string, at: Date, body: Buffer, secret: string): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  sign,
  type KeyObject,
} from 'node:crypto';

const SECRET_PREFIX = 'whsec_';
const PRIVATE_KEY_PREFIX = 'whsk_';
const PUBLIC_KEY_PREFIX = 'whpk_';
const KEY_BYTES_MIN = 24;
const KEY_BYTES_MAX = 64;

/** `whsec_` and the Base64 of 24 to 64 bytes (Standard Webhooks 1.0.0, Symmetric). */
export function isWebhookSecret(text: string): boolean {
  if (!text.startsWith(SECRET_PREFIX)) return false;
  const key = secretBytes(text);
  const isCanonical = key.toString('base64') === text.slice(SECRET_PREFIX.length);
  return isCanonical && key.length >= KEY_BYTES_MIN && key.length <= KEY_BYTES_MAX;
}

/** The HMAC key of a `whsec_…`: to be kept, since to make one of its bytes costs more than to sign with it. */
export function webhookSecretKey(secret: string): KeyObject {
  return createSecretKey(secretBytes(secret));
}

function secretBytes(secret: string): Buffer {
  return Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
}

/** A new ed25519 pair in the serialisation of Standard Webhooks 1.0.0, Asymmetric: `whsk_…` and `whpk_…`, 32 bytes each. */
export function newEd25519Pair(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d, x } = privateKey.export({ format: 'jwk' });
  if (d === undefined || x === undefined) throw new TypeError('an ed25519 key has both parts');
  return { privateKey: serialised(PRIVATE_KEY_PREFIX, d), publicKey: serialised(PUBLIC_KEY_PREFIX, x) };
}

function serialised(prefix: string, base64url: string): string {
  return `${prefix}${Buffer.from(base64url, 'base64url').toString('base64')}`;
}

/** What stands before the 32 bytes of an ed25519 private key in PKCS #8 (RFC 8410, 7). */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');
/** And before those of a public one in SubjectPublicKeyInfo (RFC 8410, 4). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');

/** The key of a `whsk_…`. */
export function ed25519PrivateKey(text: string): KeyObject {
  const seed = Buffer.from(text.slice(PRIVATE_KEY_PREFIX.length), 'base64');
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, seed]), format: 'der', type: 'pkcs8' });
}

/** The key of a `whpk_…`. */
export function ed25519PublicKey(text: string): KeyObject {
  const bytes = Buffer.from(text.slice(PUBLIC_KEY_PREFIX.length), 'base64');
  return createPublicKey({ key: Buffer.concat([SPKI_HEAD, bytes]), format: 'der', type: 'spki' });
}

/** The keys that sign one message. Each makes a signature of its own; a receiver needs one that it knows. */
export interface WebhookKeys {
  readonly hmac: readonly KeyObject[];
  readonly ed25519: readonly KeyObject[];
}

/**
 * The three headers of Standard Webhooks over the exact bytes of a body.
 *
 * @param id constant over retries, so that a receiver knows a repeat
 * @param at the time of this attempt
 */
export function standardWebhookHeaders(id: string, at: Date, body: Buffer, keys: WebhookKeys): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1_000));
  const head = `${id}.${timestamp}.`;
  const signatures = keys.hmac.map(
    (key) => `v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`,
  );
  if (keys.ed25519.length > 0) {
    const signed = Buffer.concat([Buffer.from(head, 'utf8'), body]);
    for (const key of keys.ed25519) signatures.push(`v1a,${sign(null, signed, key).toString('base64')}`);
  }
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

import { generateKeyPair, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { sealedBodyKey } from './callee-credentials-change.ts';
import type { CalleeCredentials } from './callee-credentials.ts';
import type { CalleeSecret } from './callee-keys.ts';
import { calleeInvalid, type SecretRotation } from './callee.ts';
import { isWebhookSecret, newEd25519Pair } from './standard-webhooks.ts';

const generate = promisify(generateKeyPair);

const DAY_MS = 24 * 3_600_000;
const OVERLAP_MS_MAX = 30 * DAY_MS;
const WEBHOOK_SECRET_BYTES = 32;
const BODY_KEY_BITS = 2_048;

/** The secrets of a destination as its row keeps them. */
export interface StoredSecrets {
  readonly webhookSecretSealed: string | null;
  readonly credentials: CalleeCredentials | null;
}

interface Rotated extends StoredSecrets {
  /** What the receiver must be told, once. */
  readonly webhookSecret: string | null;
  /** Until when the key before signs too. */
  readonly until: Date | null;
}

type Seal = (what: CalleeSecret, secret: string) => string;

/**
 * A destination's secrets with one of them made anew. The one before goes on signing until the overlap ends; of an
 * earlier overlap nothing stays, so that there are never more than two.
 *
 * @param seal for this destination
 * @throws DomainError callee_invalid
 */
export async function rotateSecret(
  stored: StoredSecrets,
  rotation: SecretRotation,
  { at, seal }: { at: Date; seal: Seal },
): Promise<Rotated> {
  const { kind, overlapMs = DAY_MS, webhookSecret: given } = rotation;
  if (!Number.isSafeInteger(overlapMs) || overlapMs < 0 || overlapMs > OVERLAP_MS_MAX) {
    throw calleeInvalid('overlap_ms', 'a whole number of milliseconds, at most 30 days');
  }
  if (kind === 'body' && rotation.overlapMs !== undefined) {
    throw calleeInvalid('overlap_ms', 'left out with kind body: a body has one signature, the new key signs at once');
  }
  if (given !== undefined && (kind !== 'webhook' || !isWebhookSecret(given))) {
    throw calleeInvalid('webhook_secret', 'whsec_ and the Base64 of 24 to 64 bytes, with kind webhook');
  }
  const until = overlapMs === 0 ? null : new Date(at.getTime() + overlapMs);
  if (kind === 'webhook') return rotateWebhookSecret(stored, given, until, seal);
  if (kind === 'ed25519') return rotateEd25519(stored, until, seal);
  const { privateKey } = await generate('rsa', { modulusLength: BODY_KEY_BITS });
  const credentials = { ...stored.credentials, bodyKey: sealedBodyKey(privateKey, seal) };
  return { webhookSecretSealed: stored.webhookSecretSealed, credentials, webhookSecret: null, until: null };
}

function rotateWebhookSecret(
  { webhookSecretSealed, credentials }: StoredSecrets,
  given: string | undefined,
  until: Date | null,
  seal: Seal,
): Rotated {
  const secret = given ?? `whsec_${randomBytes(WEBHOOK_SECRET_BYTES).toString('base64')}`;
  const { previousWebhookSecret: _ended, ...others } = credentials ?? {};
  const previous =
    until === null ? {} : { previousWebhookSecret: { sealed: webhookSecretSealed, until: until.toISOString() } };
  return {
    webhookSecretSealed: seal('webhook_secret', secret),
    credentials: orNull({ ...others, ...previous }),
    webhookSecret: given === undefined ? secret : null,
    until,
  };
}

function rotateEd25519({ webhookSecretSealed, credentials }: StoredSecrets, until: Date | null, seal: Seal): Rotated {
  const { privateKey, publicKey } = newEd25519Pair();
  const before = credentials?.ed25519;
  const overlaps = before !== undefined && until !== null;
  const ed25519 = {
    sealed: seal('ed25519_key', privateKey),
    publicKey,
    ...(overlaps && { previous: { sealed: before.sealed, publicKey: before.publicKey, until: until.toISOString() } }),
  };
  return {
    webhookSecretSealed,
    credentials: { ...credentials, ed25519 },
    webhookSecret: null,
    until: overlaps ? until : null,
  };
}

function orNull(credentials: CalleeCredentials): CalleeCredentials | null {
  return Object.keys(credentials).length === 0 ? null : credentials;
}

import { DomainError } from '../platform/errors.ts';
import type { AcknowledgeRule, RefuseRule, RetryAfterRule } from './acknowledge.ts';
import type { CredentialsView } from './callee-credentials.ts';
import type { CircuitSettings, UrlPinning } from './destination.ts';
import type { ProfileName } from './profiles.ts';
import type { RelayErrorCode } from './relay.ts';

/** In `appId`: a destination that the operator set for every application. An application's own comes first. */
export const SHARED_CALLEES = '*';

/** RSA is SHA1withRSA (the source's), RSA2 is SHA256withRSA. */
export type BodySignType = 'RSA' | 'RSA2';

/** What is set for a destination, its keys and certificates aside. */
export interface CalleeSettings {
  readonly url: string;
  readonly urlPinning: UrlPinning;
  readonly profile: ProfileName;
  readonly signType: BodySignType;
  /** Switched off: new messages are refused, waiting ones are parked until it is switched on. */
  readonly enabled: boolean;
  /** Null: the profile's. */
  readonly acknowledge: AcknowledgeRule | null;
  /** Null: 410 alone. */
  readonly refuse: readonly RefuseRule[] | null;
  /** Null: the header Retry-After with 429 and 503. */
  readonly retryAfter: RetryAfterRule | null;
  /** Null: the profile's. */
  readonly delaysMs: readonly number[] | null;
  /** Null: the profile's, or the relay's. */
  readonly attemptTimeoutMs: number | null;
  /** Attempts under way at once; null: the relay's default. */
  readonly inFlightMax: number | null;
  /** Null: no rate is kept. */
  readonly ratePerSecond: number | null;
  /** Null: the relay's default. */
  readonly circuit: CircuitSettings | 'off' | null;
  readonly orderingKeyPath: string | null;
  readonly orderingKeyHeader: string | null;
  readonly latestOnly: boolean;
}

/** A registered destination. Its secrets never leave the relay. */
export interface Callee extends CalleeSettings {
  readonly appId: string;
  readonly calleeNo: string;
  /** Of `url`; each change of it makes the next. */
  readonly urlVersion: number;
  /** Whether it has a webhook secret of its own instead of the application's. */
  readonly hasOwnSecret: boolean;
  readonly credentials: CredentialsView;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A URL that a destination has or had. */
export interface CalleeUrl {
  readonly version: number;
  readonly url: string;
  /** Who set it, and when. */
  readonly setBy: string;
  readonly setAt: Date;
}

/** A destination as its owner names it. */
export interface CalleeName {
  /** An application's id, or `*`. */
  readonly appId: string;
  /** 1 to 64 letters, digits, `.`, `_`, `-`. */
  readonly calleeNo: string;
}

/** Changes of keys and certificates: null takes away, what is left out stays. */
export interface CredentialsChange {
  /** `whsec_…`, at once and without an overlap. */
  readonly webhookSecret?: string | null;
  readonly ed25519?: null;
  /** An RSA private key in PEM, which signs the envelope in place of the application's. */
  readonly bodyPrivateKeyPem?: string | null;
  readonly clientCertificate?: { readonly certificatePem: string; readonly privateKeyPem: string } | null;
  readonly authorityPem?: string | null;
  readonly encryption?: {
    readonly algorithm: string;
    /** A public key or a certificate. */
    readonly publicKeyPem: string;
    readonly keyId?: string;
  } | null;
}

/**
 * What is left out stays as it is; a new destination needs `url` and gets profile `etc-relay` and sign type `RSA`. Null
 * takes a setting away.
 */
export interface CalleeChange extends CalleeName, CredentialsChange {
  readonly url?: string;
  readonly urlPinning?: string;
  readonly profile?: string;
  readonly signType?: string;
  readonly enabled?: boolean;
  readonly acknowledge?: AcknowledgeRule | null;
  readonly refuse?: readonly RefuseRule[] | null;
  readonly retryAfter?: RetryAfterRule | null;
  readonly delaysMs?: readonly number[] | null;
  readonly attemptTimeoutMs?: number | null;
  readonly inFlightMax?: number | null;
  readonly ratePerSecond?: number | null;
  readonly circuit?: CircuitSettings | 'off' | null;
  /** Setting one of the two takes the other away. */
  readonly orderingKeyPath?: string | null;
  readonly orderingKeyHeader?: string | null;
  readonly latestOnly?: boolean;
  /** Who does it, for the audit. */
  readonly actor: string;
}

/** Which of a destination's keys is made anew. */
export type SecretKind = 'webhook' | 'ed25519' | 'body';

export interface SecretRotation extends CalleeName {
  readonly kind: SecretKind;
  /** How long the key before goes on signing beside the new one; a day unless it is said. A body has one signature. */
  readonly overlapMs?: number;
  /** For `webhook`: a secret that the other side made, in place of a new one. */
  readonly webhookSecret?: string;
  readonly actor: string;
}

/** `webhookSecret` is told here and never again; public keys stand in the callee. */
export interface RotatedSecret {
  readonly callee: Callee;
  readonly webhookSecret: string | null;
}

export function calleeInvalid(field: string, expected: string): DomainError<RelayErrorCode> {
  return new DomainError('callee_invalid', { field, expected });
}

/** Base64 of what the vault made of a secret. */
type Sealed = string;

/** A key that still signs beside its successor. */
export interface PreviousSecret {
  /** Null: the application's own webhook secret, which the destination used until then. */
  readonly sealed: Sealed | null;
  /** ISO 8601, UTC. */
  readonly until: string;
}

/** How a message's body is encrypted to a destination (RFC 7516); the content is always under A256GCM. */
export type EncryptionAlgorithm = 'RSA-OAEP-256';

/**
 * The keys and certificates of a destination, as its row keeps them: public parts, and the private ones sealed. Secrets
 * that nobody set are left out.
 */
export interface CalleeCredentials {
  readonly previousWebhookSecret?: PreviousSecret;
  /** The ed25519 key of Standard Webhooks' asymmetric signatures. */
  readonly ed25519?: {
    readonly sealed: Sealed;
    /** `whpk_…` */
    readonly publicKey: string;
    readonly previous?: { readonly sealed: Sealed; readonly publicKey: string; readonly until: string };
  };
  /** The RSA key that signs the envelope, in place of the application's. */
  readonly bodyKey?: { readonly sealed: Sealed; readonly publicKeyPem: string };
  /** What the relay shows to the destination in the TLS handshake. */
  readonly client?: {
    /** The certificate itself first, then what leads to its authority. */
    readonly certificatePem: string;
    readonly sealedKey: Sealed;
    /** SHA-256 of the certificate (DER) in lower-case hex. */
    readonly fingerprint: string;
    readonly subject: string;
    /** ISO 8601, UTC. */
    readonly notAfter: string;
  };
  /** The authorities that the destination's own certificate must come from, in place of the usual ones. */
  readonly authority?: {
    readonly pem: string;
    /** Of `pem`, in lower-case hex. */
    readonly sha256: string;
    /** When the first of them ends: ISO 8601, UTC. */
    readonly notAfter: string;
  };
  /** The destination's public key, to which bodies are encrypted. */
  readonly encryption?: {
    readonly algorithm: EncryptionAlgorithm;
    readonly publicKeyPem: string;
    readonly keyId?: string;
  };
}

/** A destination's keys and certificates as people see them: nothing secret. */
export interface CredentialsView {
  /** Until when the webhook secret before signs too; null where none does. */
  readonly previousWebhookSecretUntil: Date | null;
  /** The present ed25519 key, then the one before while it signs too; `until` null for the present one. */
  readonly ed25519: readonly { readonly publicKey: string; readonly until: Date | null }[];
  /** PEM of the RSA key that signs its envelopes, where that is not the application's. */
  readonly bodyPublicKeyPem: string | null;
  readonly clientCertificate: {
    readonly subject: string;
    readonly fingerprint: string;
    readonly notAfter: Date;
    readonly expired: boolean;
  } | null;
  readonly authority: { readonly sha256: string; readonly notAfter: Date; readonly expired: boolean } | null;
  readonly encryption: {
    readonly algorithm: EncryptionAlgorithm;
    readonly publicKeyPem: string;
    readonly keyId: string | null;
  } | null;
}

/** What may be told of credentials at a time. */
export function viewCredentials(credentials: CalleeCredentials | null, at: Date): CredentialsView {
  const { previousWebhookSecret, ed25519, bodyKey, client, authority, encryption } = credentials ?? {};
  const previousUntil = previousWebhookSecret === undefined ? null : new Date(previousWebhookSecret.until);
  const keys = ed25519 === undefined ? [] : [{ publicKey: ed25519.publicKey, until: null }];
  const before = ed25519?.previous;
  const earlier = before === undefined ? [] : [{ publicKey: before.publicKey, until: new Date(before.until) }];
  return {
    previousWebhookSecretUntil: previousUntil !== null && previousUntil > at ? previousUntil : null,
    ed25519: [...keys, ...earlier.filter(({ until }) => until > at)],
    bodyPublicKeyPem: bodyKey?.publicKeyPem ?? null,
    clientCertificate:
      client === undefined
        ? null
        : { subject: client.subject, fingerprint: client.fingerprint, ...endOf(client.notAfter, at) },
    authority: authority === undefined ? null : { sha256: authority.sha256, ...endOf(authority.notAfter, at) },
    encryption:
      encryption === undefined
        ? null
        : {
            algorithm: encryption.algorithm,
            publicKeyPem: encryption.publicKeyPem,
            keyId: encryption.keyId ?? null,
          },
  };
}

function endOf(notAfter: string, at: Date): { notAfter: Date; expired: boolean } {
  const end = new Date(notAfter);
  return { notAfter: end, expired: end <= at };
}

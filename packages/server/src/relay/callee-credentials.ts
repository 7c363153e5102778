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
  readonly client?: { readonly certificatePem: string; readonly sealedKey: Sealed; readonly notAfter: string };
  /** The authorities that the destination's own certificate must come from, in place of the usual ones. */
  readonly authority?: { readonly pem: string; readonly notAfter: string };
  /** The destination's public key, to which bodies are encrypted. */
  readonly encryption?: {
    readonly algorithm: EncryptionAlgorithm;
    readonly publicKeyPem: string;
    readonly keyId?: string;
  };
}

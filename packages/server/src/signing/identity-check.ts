import type { Visit } from './signer-visit.ts';

/** What is found when who sits there is looked at. */
export type IdentityVerdict =
  | { readonly kind: 'proved' }
  | { readonly kind: 'wrong'; readonly triesLeft: number }
  | { readonly kind: 'locked'; readonly until: Date }
  | { readonly kind: 'expired' };

/** What the signer is told of a check that has begun. */
export interface BegunCheck {
  /** Masked. */
  readonly sentTo: string;
  readonly expiresInSeconds: number;
  /** When another may begin. */
  readonly resendInSeconds: number;
}

/**
 * A way to find out whether who holds a session is its signer. The one-time code is one; face recognition can be another:
 * `begin` would ask a provider for a transaction, and `judge` would take the number that it gave.
 */
export interface IdentityCheck {
  /** Stands in the session and in the acts. */
  readonly method: string;
  /** @throws DomainError those of `SignerErrorCode` that have to do with codes */
  begin(visit: Visit): Promise<BegunCheck>;
  /** Judges an answer. Where it proves the signer, the session says so from then on. */
  judge(visit: Visit, answer: string): Promise<IdentityVerdict>;
}

import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';

/** How a request over https shows itself and whom it believes, where that is not as for every request. */
export interface TlsIdentity {
  /** Equal for equal certificates and authorities: connections are shared by it, and by nothing else. */
  readonly id: string;
  /** Shown to a peer that asks for a certificate (PEM, with what leads to its authority), and its key. */
  readonly client?: { readonly certificatePem: string; readonly privateKeyPem: string };
  /** Authorities (PEM) that the peer's certificate must come from, in place of the usual ones. */
  readonly authorityPem?: string;
}

/** What undici's connector is given for TLS. */
export interface TlsOptions {
  readonly secureContext: SecureContext;
  readonly rejectUnauthorized: true;
  readonly maxCachedSessions: 0;
}

/**
 * Sessions are not resumed: Node does not check the name of a certificate again on a resumed one, and the fingerprint
 * in an answer shall be of a certificate that was shown. Keep-alive spares most handshakes.
 *
 * @throws Error when a certificate or key cannot be read, or they are not of one pair.
 */
export function tlsOptions(extraCaPem: string | undefined, identity: TlsIdentity | undefined): TlsOptions {
  const extra = extraCaPem === undefined ? undefined : [...getCACertificates('default'), extraCaPem];
  const authorities = identity?.authorityPem ?? extra;
  const secureContext = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(authorities !== undefined && { ca: authorities }),
    ...(identity?.client !== undefined && { cert: identity.client.certificatePem, key: identity.client.privateKeyPem }),
  });
  return { secureContext, rejectUnauthorized: true, maxCachedSessions: 0 };
}

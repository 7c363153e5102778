/** What is wrong with a timestamp or with what a service answered. */
export type TimestampFault =
  /** Not what RFC 3161 and RFC 5652 say, or with an algorithm that is not known here. */
  | 'malformed'
  /** The service refused. */
  | 'not_granted'
  /** It is about something else. */
  | 'wrong_imprint'
  | 'wrong_nonce'
  | 'wrong_policy'
  /** The token does not hold the certificate of who signed it. */
  | 'certificate_missing'
  /** The signature, or the signed digest or certificate hash, does not fit. */
  | 'signature_invalid'
  /** The certificate is not for time-stamping, critically and alone (RFC 3161, 2.3). */
  | 'wrong_purpose'
  /** The certificate, or one above it, was not valid at the token's time. */
  | 'certificate_expired'
  /** No pinned root stands above the certificate. */
  | 'untrusted'
  /** The token's time is not the present. */
  | 'wrong_time'
  /** Longer than any token is. */
  | 'too_large';

export class TimestampError extends Error {
  override readonly name = 'TimestampError';
  readonly fault: TimestampFault;

  constructor(fault: TimestampFault, detail?: string, options: { cause?: unknown } = {}) {
    super(detail === undefined ? fault : `${fault}: ${detail}`, options);
    this.fault = fault;
  }
}

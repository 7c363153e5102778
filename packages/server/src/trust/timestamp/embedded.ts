import { readCertificate } from '../certificate-reader.ts';
import * as der from '../der.ts';
import {
  certificatesOf,
  signatureTimestampBytesMax,
  signatureTimestampOf,
  signerIdentifierOf,
  withoutPadding,
  withSignatureTimestamp,
} from './cms-attribute.ts';
import { signerChain } from './signer-certificate.ts';
import { digestOfSignature } from './timestamped-signer.ts';
import type { TimestampAnswer, Timestamps } from './timestamps.ts';
import { readTimestampToken } from './token.ts';

/** A certificate that somebody will want to judge later, and those that are known above it, in any order. DER. */
export type CertificateToProve = { certificate: Buffer; chain: readonly Buffer[] };

/** Whether the CMS in a PDF's /Contents carries a signature timestamp. @throws RangeError where it is no such CMS */
export function isTimestamped(contents: Buffer): boolean {
  return signatureTimestampOf(withoutPadding(contents)) !== undefined;
}

/** How long the CMS in a PDF's /Contents may be once it has a timestamp. @throws RangeError where it is no such CMS */
export function timestampedBytesMax(contents: Buffer, tokenBytesMax: number): number {
  return withoutPadding(contents).length + signatureTimestampBytesMax(tokenBytesMax);
}

/**
 * The CMS in a PDF's /Contents with a timestamp of its signature, or why there is none now.
 *
 * @throws RangeError where it is no such CMS
 */
export async function timestampSignature(
  contents: Buffer,
  timestamps: Pick<Timestamps, 'timestamp'>,
): Promise<{ kind: 'stamped'; contents: Buffer } | (TimestampAnswer & { kind: 'unavailable' })> {
  const cms = withoutPadding(contents);
  const answer = await timestamps.timestamp(digestOfSignature(cms));
  if (answer.kind === 'unavailable') return answer;
  return { kind: 'stamped', contents: withSignatureTimestamp(cms, answer.der) };
}

/**
 * Whose certificates a signature or document timestamp rests on: its signer's, and that of its timestamp.
 *
 * @param contents as they stand in the PDF
 * @throws RangeError, TimestampError where they are not understood
 */
export function certificatesToProve(kind: 'signature' | 'timestamp', contents: Buffer): CertificateToProve[] {
  const value = withoutPadding(contents);
  if (kind === 'timestamp') return [ofTimestamp(value)];
  const chain = certificatesOf(value);
  const identifier = signerIdentifierOf(value);
  const certificate = chain.find((each) => {
    const { issuer, serialNumber } = readCertificate(each);
    return der.sequence(issuer, der.unsignedInteger(serialNumber)).equals(identifier);
  });
  if (!certificate) throw new RangeError("the signer's certificate is missing");
  const token = signatureTimestampOf(value);
  return [{ certificate, chain }, ...(token ? [ofTimestamp(token)] : [])];
}

function ofTimestamp(bytes: Buffer): CertificateToProve {
  const token = readTimestampToken(bytes);
  const [signer, ...above] = signerChain(token, undefined);
  if (!signer) throw new RangeError("the timestamp's certificate is missing");
  return { certificate: signer.raw, chain: [...above.map(({ raw }) => raw), ...token.certificates] };
}

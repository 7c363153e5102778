import { X509Certificate } from 'node:crypto';
import { EXTENSION, subjectKeyIdentifierOf } from '../certificate-profile.ts';
import { readCertificate } from '../certificate-reader.ts';
import { isIssuedBy } from '../certificate-signature.ts';
import * as der from '../der.ts';
import { childrenOf } from './asn1.ts';
import { TimestampError } from './fault.ts';
import type { TimestampToken } from './token.ts';

/** ExtKeyUsageSyntax of id-kp-timeStamping and nothing else. */
const TIME_STAMPING_ALONE = der.sequence(der.oid('1.3.6.1.5.5.7.3.8'));
const CHAIN_LENGTH_MAX = 8;

/**
 * The certificate of who signed the token, and those above it, as far as the token or `roots` hold them.
 *
 * @param roots what the last one must be, or be issued by; undefined where nobody said whom to trust
 * @throws TimestampError `certificate_missing`, `wrong_purpose`, `certificate_expired`, `untrusted`
 */
export function signerChain(token: TimestampToken, roots: readonly Buffer[] | undefined): X509Certificate[] {
  const inToken = token.certificates.map((each) => new X509Certificate(each));
  const signer = inToken.find((each) => identifies(token, each));
  if (!signer) throw new TimestampError('certificate_missing');
  checkPurpose(signer);
  const trusted = (roots ?? []).map((each) => new X509Certificate(each));
  const chain = chainAbove(signer, [...trusted, ...inToken]);
  if (chain.some((each) => token.time < new Date(each.validFrom) || token.time > new Date(each.validTo))) {
    throw new TimestampError('certificate_expired');
  }
  const top = chain.at(-1);
  if (roots !== undefined && !trusted.some((root) => top?.raw.equals(root.raw) === true)) {
    throw new TimestampError('untrusted');
  }
  return chain;
}

function identifies({ signer: { identifier } }: TimestampToken, certificate: X509Certificate): boolean {
  if (identifier.tag === 0x80) {
    return subjectKeyIdentifierOf(certificate.raw).equals(identifier.contents);
  }
  const [issuer, serialNumber] = childrenOf(identifier, der.TAG.sequence);
  if (!issuer || !serialNumber) throw new RangeError('not an issuer and serial number');
  const named = readCertificate(certificate.raw);
  return named.issuer.equals(issuer.bytes) && named.serialNumber.equals(serialNumber.contents);
}

/** RFC 3161, 2.3: the extended key usage is critical and names time-stamping and nothing else. */
function checkPurpose(certificate: X509Certificate): void {
  const { extensions } = readCertificate(certificate.raw);
  const usage = extensions.get(EXTENSION.extendedKeyUsage) ?? Buffer.alloc(0);
  // The extension as a whole, so that `critical` is looked at too: it stands before the value.
  const critical = der.sequence(der.oid(EXTENSION.extendedKeyUsage), der.trueValue(), der.octetString(usage));
  const isFit = usage.equals(TIME_STAMPING_ALONE) && certificate.raw.includes(critical);
  if (!isFit) throw new TimestampError('wrong_purpose');
}

/** Each issued and signed by the next, until one that signed itself or whose issuer is not there. */
function chainAbove(signer: X509Certificate, known: readonly X509Certificate[]): X509Certificate[] {
  const chain = [signer];
  for (let last = signer; chain.length < CHAIN_LENGTH_MAX;) {
    if (last.checkIssued(last)) break;
    const below = last;
    const issuer = known.find((each) => each.ca && isIssuedBy(below, each));
    if (!issuer) break;
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}

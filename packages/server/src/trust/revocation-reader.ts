import { X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { readCertificate, readTime, serialNumberHex } from './certificate-reader.ts';
import type { CertificateParts } from './certificate-reader.ts';
import { contentSignedBy, isIssuedBy } from './certificate-signature.ts';
import * as der from './der.ts';
import type { DerElement } from './der.ts';

/** How far our clock may be behind that of who made a list or an answer. */
const CLOCK_SKEW_MS = 5 * 60_000;
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const BASIC_RESPONSE = '1.3.6.1.5.5.7.48.1.1';

const DISTRIBUTION_POINT = '2.5.29.28';
/** distributionPoint, onlyContainsUserCerts, onlyContainsCACerts: the whole of what is asked of it. */
const WHOLE_LIST_TAGS = new Set([0xa0, 0x81, 0x82]);

/**
 * Reads a complete list that the issuer itself signed and that is in force.
 *
 * @throws RangeError for any other
 */
export function readRevocationList(
  bytes: Buffer,
  { issuer, now, serialNumber }: { issuer: Buffer; now: Date; serialNumber: Buffer },
): { isRevoked: boolean; nextUpdate: Date } {
  const [list] = der.readElements(bytes);
  const toBeSigned = contentSignedBy(list, new X509Certificate(issuer).publicKey);
  // TBSCertList (RFC 5280, 5.1): version, if it is 2; signature, issuer, thisUpdate; nextUpdate, revokedCertificates, [0].
  const fields = der.readElements(toBeSigned.contents);
  const [, name, thisUpdate, ...optional] = fields[0]?.tag === der.TAG.integer ? fields.slice(1) : fields;
  if (!name?.bytes.equals(readCertificate(issuer).subject)) throw new RangeError("another authority's list");
  assertComplete(optional.find(({ tag }) => tag === 0xa0));
  const until = inForce(thisUpdate, optional[0], now);
  const revoked = optional.find(({ tag }) => tag === der.TAG.sequence);
  const entries = revoked === undefined ? [] : der.readElements(revoked.contents);
  const wanted = serialNumberHex(serialNumber);
  const isRevoked = entries.some(({ contents }) => {
    const [serial] = der.readElements(contents);
    return serial !== undefined && serialNumberHex(serial.contents) === wanted;
  });
  return { isRevoked, nextUpdate: until };
}

/**
 * A list of changes, of some reasons, or of other authorities' certificates says too little: such a one has a critical
 * extension (RFC 5280, 5.2.4 and 5.2.5), and so has whatever else there may be that must be understood.
 */
function assertComplete(tagged: DerElement | undefined): void {
  const [list] = tagged === undefined ? [] : der.readElements(tagged.contents);
  for (const { contents } of der.readElements(list?.contents ?? Buffer.alloc(0))) {
    const [identifier, critical, ...rest] = der.readElements(contents);
    if (identifier === undefined || critical?.tag !== der.TAG.boolean) continue;
    const [point] =
      der.readOid(identifier) === DISTRIBUTION_POINT ? der.readElements(rest[0]?.contents ?? Buffer.alloc(0)) : [];
    const isWhole =
      point !== undefined && der.readElements(point.contents).every(({ tag }) => WHOLE_LIST_TAGS.has(tag));
    if (!isWhole) throw new RangeError('not a complete list');
  }
}

/**
 * Reads an OCSPResponse for one certificate, signed by its issuer or by a responder that the issuer delegated.
 *
 * @param id the CertID that was asked for
 * @throws RangeError where it is none, or is not in force
 */
export function readStatusResponse(
  bytes: Buffer,
  { id, issuer, now }: { id: Buffer; issuer: Buffer; now: Date },
): 'good' | 'revoked' | 'unknown' {
  const [response] = der.readElements(bytes);
  const [status, tagged] = der.readElements(response?.contents ?? Buffer.alloc(0));
  if (status?.tag !== der.TAG.enumerated || status.contents[0] !== 0) throw new RangeError('not a successful answer');
  const [responseBytes] = der.readElements(tagged?.contents ?? Buffer.alloc(0));
  const [type, octets] = der.readElements(responseBytes?.contents ?? Buffer.alloc(0));
  if (type === undefined || der.readOid(type) !== BASIC_RESPONSE) throw new RangeError('not a basic answer');
  const [basic] = der.readElements(octets?.contents ?? Buffer.alloc(0));
  const toBeSigned = contentSignedBy(basic, responderKey(basic, issuer, now));
  const responses = der.readElements(toBeSigned.contents).find(({ tag }) => tag === der.TAG.sequence);
  for (const single of der.readElements(responses?.contents ?? Buffer.alloc(0))) {
    const [certificateId, certificateStatus, thisUpdate, next] = der.readElements(single.contents);
    if (!certificateId?.bytes.equals(id)) continue;
    const [nextUpdate] = next?.tag === 0xa0 ? der.readElements(next.contents) : [];
    inForce(thisUpdate, nextUpdate, now);
    return certificateStatus?.tag === 0x80 ? 'good' : certificateStatus?.tag === 0xa1 ? 'revoked' : 'unknown';
  }
  throw new RangeError('no answer for this certificate');
}

/** The key that signed an answer: of a certificate that came along and that the issuer made for this purpose, or its own. */
function responderKey(basic: DerElement | undefined, issuer: Buffer, now: Date): KeyObject {
  const above = new X509Certificate(issuer);
  const tagged = der.readElements(basic?.contents ?? Buffer.alloc(0))[3];
  const [list] = tagged?.tag === 0xa0 ? der.readElements(tagged.contents) : [];
  for (const { bytes } of der.readElements(list?.contents ?? Buffer.alloc(0))) {
    const parts = readCertificate(bytes);
    const certificate = new X509Certificate(bytes);
    const isDelegated =
      hasPurpose(parts, OCSP_SIGNING) &&
      parts.notBefore <= now &&
      now <= parts.notAfter &&
      isIssuedBy(certificate, above);
    if (isDelegated) return certificate.publicKey;
  }
  return above.publicKey;
}

function hasPurpose({ extensions }: CertificateParts, purpose: string): boolean {
  const value = extensions.get(EXTENDED_KEY_USAGE);
  const [sequence] = value === undefined ? [] : der.readElements(value);
  return der.readElements(sequence?.contents ?? Buffer.alloc(0)).some((each) => der.readOid(each) === purpose);
}

/** Until when it is good. Something without an end is good for a day. */
function inForce(thisUpdate: DerElement | undefined, nextUpdate: DerElement | undefined, now: Date): Date {
  const from = readTime(thisUpdate);
  const isTime = nextUpdate?.tag === der.TAG.utcTime || nextUpdate?.tag === der.TAG.generalizedTime;
  const until = isTime ? readTime(nextUpdate) : new Date(from.getTime() + 86_400_000);
  if (from.getTime() > now.getTime() + CLOCK_SKEW_MS || until < now) throw new RangeError('not in force');
  return until;
}

import { createHash } from 'node:crypto';
import { hashOf } from './algorithms.ts';
import { bitsOf, isIssuedBy, isSignedByCertificate, readCertificate, timeOf } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { childrenOf, expected, octetsOf, oidOf, readElement, readElements, TAG } from './der.ts';
import type { Element } from './der.ts';

export type RevocationState =
  | { state: 'good'; source: RevocationSource; producedAt: Date }
  | { state: 'revoked'; source: RevocationSource; at: Date }
  | { state: 'unknown' };

export type RevocationSource = 'crl' | 'ocsp' | 'authority';

/** What is known of revocation, from the file and beside it. DER. */
export type RevocationData = { crls: readonly Buffer[]; ocsps: readonly Buffer[] };

const BASIC_OCSP = '1.3.6.1.5.5.7.48.1.1';
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
const CRL_SIGN = 6;
/** A timestamp's and a list's clocks may differ by a little. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;
const ENTRIES_MAX = 2_000_000;

type Found = { revokedAt: Date | null; producedAt: Date; source: RevocationSource };

/**
 * Whether an issuer took a certificate back, by the lists and answers at hand that the issuer, or whom it charged with
 * answering, has signed. A revocation counts over an answer that all is well; of those the newest counts.
 *
 * @param now what was made after it is not believed
 */
export function revocationOf(
  certificate: Certificate,
  issuer: Certificate,
  data: RevocationData,
  now: Date,
): RevocationState {
  const found = [
    ...data.crls.map((crl) => attempt(() => inCrl(crl, certificate, issuer))),
    ...data.ocsps.map((ocsp) => attempt(() => inOcsp(ocsp, certificate, issuer))),
  ].filter((each) => each !== undefined && each.producedAt.getTime() <= now.getTime() + CLOCK_TOLERANCE_MS) as Found[];
  const revoked = found.find(({ revokedAt }) => revokedAt !== null);
  if (revoked?.revokedAt) return { state: 'revoked', source: revoked.source, at: revoked.revokedAt };
  const [newest] = found.sort((a, b) => b.producedAt.getTime() - a.producedAt.getTime());
  return newest ? { state: 'good', source: newest.source, producedAt: newest.producedAt } : { state: 'unknown' };
}

/** Rubbish in the file's store of revocation says nothing; it is not what anybody signed. */
function attempt<T>(read: () => T | undefined): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** RFC 5280, 5. */
function inCrl(der: Buffer, certificate: Certificate, issuer: Certificate): Found | undefined {
  const [toBeSigned, signatureAlgorithm, signature] = childrenOf(readElement(der).element, TAG.sequence);
  const fields = childrenOf(toBeSigned, TAG.sequence);
  if (fields[0]?.tag === TAG.integer) fields.shift();
  const [innerAlgorithm, name, thisUpdate, ...rest] = fields;
  if (!toBeSigned || !signatureAlgorithm || !innerAlgorithm?.bytes.equals(signatureAlgorithm.bytes)) return undefined;
  if (!name?.bytes.equals(issuer.subjectDer)) return undefined;
  if (issuer.keyUsage && !issuer.keyUsage.has(CRL_SIGN)) return undefined;
  const signed = { toBeSigned: toBeSigned.bytes, signatureAlgorithm, signature: bitsOf(signature) };
  if (isSignedByCertificate(issuer, signed) !== true) return undefined;
  // nextUpdate, if any, is a time; the list, if any, is the sequence.
  const list = rest.find(({ tag }) => tag === TAG.sequence);
  const revokedAt = list ? revokedIn(list, certificate) : null;
  // A list that is about some certificates alone says so in an extension that has to be understood.
  if (revokedAt === null && hasCriticalExtension(rest.find(({ tag }) => tag === 0xa0))) return undefined;
  return { revokedAt, producedAt: timeOf(thisUpdate), source: 'crl' };
}

function hasCriticalExtension(extensions: Element | undefined): boolean {
  if (!extensions) return false;
  const items = childrenOf(readElements(extensions.contents)[0], TAG.sequence);
  return items.some((item) => childrenOf(item, TAG.sequence)[1]?.tag === TAG.boolean);
}

function revokedIn(list: Element, certificate: Certificate): Date | null {
  let at = 0;
  for (let count = 0; at < list.contents.length && count < ENTRIES_MAX; count += 1) {
    const { element, end } = readElement(list.contents, at);
    at = end;
    const [serial, date] = readElements(element.contents);
    if (expected(serial, TAG.integer).contents.toString('hex') === certificate.serialNumber) return timeOf(date);
  }
  return null;
}

/** RFC 6960, 4.2. An OCSPResponse or what is inside of it. */
function inOcsp(der: Buffer, certificate: Certificate, issuer: Certificate): Found | undefined {
  const [toBeSigned, signatureAlgorithm, signature, extra] = childrenOf(basicResponseOf(der), TAG.sequence);
  if (!toBeSigned || !signatureAlgorithm) return undefined;
  const signed = { toBeSigned: toBeSigned.bytes, signatureAlgorithm, signature: bitsOf(signature) };
  const came = extra
    ? childrenOf(readElements(extra.contents)[0], TAG.sequence).map(({ bytes }) => readCertificate(bytes))
    : [];
  const responders = [issuer, ...came.filter((each) => isResponder(each, issuer))];
  if (!responders.some((responder) => isSignedByCertificate(responder, signed) === true)) return undefined;
  // [0] version, responderID, producedAt, responses, [1] extensions
  const fields = childrenOf(toBeSigned, TAG.sequence).filter(({ tag }) => tag !== 0xa0);
  for (const response of childrenOf(fields[2], TAG.sequence)) {
    const [id, status, thisUpdate] = childrenOf(response, TAG.sequence);
    if (!isAbout(id, certificate, issuer)) continue;
    const producedAt = timeOf(thisUpdate);
    if (status?.tag === 0x80) return { revokedAt: null, producedAt, source: 'ocsp' };
    if (status?.tag === 0xa1)
      return { revokedAt: timeOf(readElements(status.contents)[0]), producedAt, source: 'ocsp' };
  }
  return undefined;
}

function basicResponseOf(der: Buffer): Element {
  const { element } = readElement(der);
  const [status, wrapped] = childrenOf(element, TAG.sequence);
  if (status?.tag !== 0x0a) return element;
  const [type, octets] = childrenOf(readElements(expected(wrapped, 0xa0).contents)[0], TAG.sequence);
  if (oidOf(type) !== BASIC_OCSP) throw new RangeError('not a basic response');
  return readElement(octetsOf(octets)).element;
}

function isResponder(certificate: Certificate, issuer: Certificate): boolean {
  return certificate.extendedKeyUsage.includes(OCSP_SIGNING) && isIssuedBy(certificate, issuer) === true;
}

/** CertID: hash algorithm, hashes of the issuer's name and key, serial number. */
function isAbout(id: Element | undefined, certificate: Certificate, issuer: Certificate): boolean {
  const [algorithm, nameHash, keyHash, serial] = childrenOf(id, TAG.sequence);
  if (expected(serial, TAG.integer).contents.toString('hex') !== certificate.serialNumber) return false;
  const hash = hashOf(algorithm);
  const name = createHash(hash).update(issuer.subjectDer).digest();
  const key = createHash(hash).update(keyBitsOf(issuer)).digest();
  return octetsOf(nameHash).equals(name) && octetsOf(keyHash).equals(key);
}

function keyBitsOf({ publicKey }: Certificate): Buffer {
  const spki = publicKey?.export({ type: 'spki', format: 'der' }) ?? Buffer.alloc(0);
  return bitsOf(childrenOf(readElement(spki).element, TAG.sequence)[1]);
}

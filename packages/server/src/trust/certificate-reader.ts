import * as der from './der.ts';
import type { DerElement } from './der.ts';

/** What this house needs of a certificate (RFC 5280, 4.1), each as the certificate encodes it. */
export type CertificateParts = {
  /** Big-endian, as in the certificate: a leading zero byte where the first bit is set. */
  serialNumber: Buffer;
  /** Name, DER. */
  issuer: Buffer;
  notBefore: Date;
  notAfter: Date;
  /** Name, DER. */
  subject: Buffer;
  /** SubjectPublicKeyInfo, DER. */
  publicKeyInfo: Buffer;
  /** The public key's BIT STRING without its count of unused bits: what key identifiers are the hash of. */
  publicKeyBits: Buffer;
  /** The contents of `extnValue` by dotted object identifier. */
  extensions: ReadonlyMap<string, Buffer>;
};

/**
 * Reads an X.509 version 3 certificate.
 *
 * @param certificate DER
 * @throws RangeError where it is none
 */
export function readCertificate(certificate: Buffer): CertificateParts {
  const [toBeSigned] = inside(only(certificate, der.TAG.sequence));
  const [version, serialNumber, , issuer, validity, subject, publicKeyInfo, ...optional] = inside(
    expect(toBeSigned, der.TAG.sequence),
  );
  if (version?.tag !== 0xa0) throw new RangeError('not an X.509 version 3 certificate');
  const [notBefore, notAfter] = inside(expect(validity, der.TAG.sequence));
  const [, publicKey] = inside(expect(publicKeyInfo, der.TAG.sequence));
  return {
    serialNumber: expect(serialNumber, der.TAG.integer).contents,
    issuer: expect(issuer, der.TAG.sequence).bytes,
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    subject: expect(subject, der.TAG.sequence).bytes,
    publicKeyInfo: expect(publicKeyInfo, der.TAG.sequence).bytes,
    publicKeyBits: expect(publicKey, der.TAG.bitString).contents.subarray(1),
    extensions: readExtensions(optional.find(({ tag }) => tag === 0xa3)),
  };
}

/** The serial number as this house writes it: lower-case hex, without the leading zero byte. */
export function serialNumberHex(serialNumber: Buffer): string {
  const hex = serialNumber.toString('hex').replace(/^(?:00)+(?=..)/, '');
  return hex;
}

/** The one element that `bytes` is. */
function only(bytes: Buffer, tag: number): DerElement {
  const [first, ...others] = der.readElements(bytes);
  if (others.length > 0) throw new RangeError('bytes after a DER element');
  return expect(first, tag);
}

function inside(element: DerElement): DerElement[] {
  return der.readElements(element.contents);
}

function expect(element: DerElement | undefined, tag: number): DerElement {
  if (element?.tag !== tag) throw new RangeError(`a DER element of tag ${tag} is missing`);
  return element;
}

function readExtensions(tagged: DerElement | undefined): Map<string, Buffer> {
  if (tagged === undefined) return new Map();
  const list = inside(only(tagged.contents, der.TAG.sequence));
  return new Map(
    list.map((extension) => {
      const [identifier, ...rest] = inside(expect(extension, der.TAG.sequence));
      const value = expect(rest.at(-1), der.TAG.octetString);
      return [der.readOid(expect(identifier, der.TAG.oid)), value.contents];
    }),
  );
}

/** UTCTime or GeneralizedTime as RFC 5280 narrows them: seconds, and Z. */
export function readTime(element: DerElement | undefined): Date {
  const text = element?.contents.toString('latin1') ?? '';
  const [, year = '', month, day, hour, minute, second] =
    /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const isUtcTime = element?.tag === der.TAG.utcTime && year.length === 2;
  const isGeneralized = element?.tag === der.TAG.generalizedTime && year.length === 4;
  if (!isUtcTime && !isGeneralized) throw new RangeError('not a time as RFC 5280 writes it');
  const century = isGeneralized ? '' : Number(year) >= 50 ? '19' : '20';
  const at = new Date(`${century}${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(at.getTime())) throw new RangeError('not a time');
  return at;
}

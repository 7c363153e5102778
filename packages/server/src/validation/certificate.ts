import { createHash, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isSignedBy, publicKeyOf, UnknownAlgorithm } from './algorithms.ts';
import { childrenOf, expected, MalformedAsn1, octetsOf, oidOf, readElement, readElements, TAG } from './der.ts';
import type { Element } from './der.ts';

const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  extendedKeyUsage: '2.5.29.37',
};

/** Critical extensions that are honoured, or that change nothing of what is asked here. */
const KNOWN_CRITICAL: ReadonlySet<string> = new Set([
  ...Object.values(EXTENSION),
  // Policies and their mapping: a path is asked for no policy.
  '2.5.29.32',
  '2.5.29.33',
  '2.5.29.36',
]);

export type CertificateName = { type: string; value: string };

/** What a path and a report need of an X.509 certificate (RFC 5280). */
export type Certificate = {
  der: Buffer;
  /** SHA-256 of the DER, hex: what makes two of them the same. */
  fingerprint: string;
  serialNumber: string;
  /** Names as they are encoded, to compare. */
  subjectDer: Buffer;
  issuerDer: Buffer;
  subject: readonly CertificateName[];
  issuer: readonly CertificateName[];
  notBefore: Date;
  notAfter: Date;
  publicKey: KeyObject | undefined;
  /** Key identifier (4.2.1.2), hex. */
  subjectKeyIdentifier: string | undefined;
  /** Undefined where the certificate does not say. */
  isAuthority: boolean | undefined;
  pathLengthMax: number | undefined;
  /** Bits by their number (4.2.1.3); undefined: any. */
  keyUsage: ReadonlySet<number> | undefined;
  extendedKeyUsage: readonly string[];
  hasUnknownCritical: boolean;
  toBeSigned: Buffer;
  signatureAlgorithm: Element;
  signature: Buffer;
};

/** @throws MalformedAsn1 */
export function readCertificate(der: Buffer): Certificate {
  const { element, end } = readElement(der);
  if (end !== der.length) throw new MalformedAsn1('bytes behind a certificate');
  const [toBeSigned, signatureAlgorithm, signature, ...others] = childrenOf(element, TAG.sequence);
  if (!toBeSigned || !signatureAlgorithm || others.length > 0) throw new MalformedAsn1('certificate');
  const fields = childrenOf(toBeSigned, TAG.sequence);
  if (fields[0]?.tag !== 0xa0) throw new MalformedAsn1('not an X.509 version 3 certificate');
  const [, serial, innerAlgorithm, issuer, validity, subject, key] = fields;
  if (!innerAlgorithm?.bytes.equals(signatureAlgorithm.bytes)) throw new MalformedAsn1('two signature algorithms');
  const [notBefore, notAfter] = childrenOf(validity, TAG.sequence);
  const extensions = extensionsOf(fields.find(({ tag }) => tag === 0xa3));
  const constraints = extensions.get(EXTENSION.basicConstraints);
  return {
    der,
    fingerprint: createHash('sha256').update(der).digest('hex'),
    serialNumber: expected(serial, TAG.integer).contents.toString('hex'),
    subjectDer: expected(subject, TAG.sequence).bytes,
    issuerDer: expected(issuer, TAG.sequence).bytes,
    subject: nameOf(subject),
    issuer: nameOf(issuer),
    notBefore: timeOf(notBefore),
    notAfter: timeOf(notAfter),
    publicKey: publicKeyOf(expected(key, TAG.sequence).bytes),
    subjectKeyIdentifier: keyIdentifierOf(extensions.get(EXTENSION.subjectKeyIdentifier)?.value),
    ...basicConstraintsOf(constraints?.value),
    keyUsage: keyUsageOf(extensions.get(EXTENSION.keyUsage)?.value),
    extendedKeyUsage: extendedKeyUsageOf(extensions.get(EXTENSION.extendedKeyUsage)?.value),
    hasUnknownCritical: [...extensions].some(([oid, { isCritical }]) => isCritical && !KNOWN_CRITICAL.has(oid)),
    toBeSigned: toBeSigned.bytes,
    signatureAlgorithm,
    signature: bitsOf(signature),
  };
}

type Extension = { isCritical: boolean; value: Buffer };

function extensionsOf(element: Element | undefined): Map<string, Extension> {
  const found = new Map<string, Extension>();
  if (!element) return found;
  for (const item of childrenOf(readElements(element.contents)[0], TAG.sequence)) {
    const parts = childrenOf(item, TAG.sequence);
    const isCritical = parts[1]?.tag === TAG.boolean && parts[1].contents[0] !== 0;
    found.set(oidOf(parts[0]), { isCritical, value: octetsOf(parts.at(-1)) });
  }
  return found;
}

function keyIdentifierOf(value: Buffer | undefined): string | undefined {
  return value === undefined ? undefined : octetsOf(readElement(value).element).toString('hex');
}

function basicConstraintsOf(value: Buffer | undefined): Pick<Certificate, 'isAuthority' | 'pathLengthMax'> {
  if (value === undefined) return { isAuthority: undefined, pathLengthMax: undefined };
  const parts = childrenOf(readElement(value).element, TAG.sequence);
  const isAuthority = parts[0]?.tag === TAG.boolean && parts[0].contents[0] !== 0;
  const length = parts.find(({ tag }) => tag === TAG.integer);
  return { isAuthority, pathLengthMax: length ? length.contents[0] : undefined };
}

function keyUsageOf(value: Buffer | undefined): ReadonlySet<number> | undefined {
  if (value === undefined) return undefined;
  const { contents } = expected(readElement(value).element, TAG.bitString);
  const bits = new Set<number>();
  for (let bit = 0; bit < (contents.length - 1) * 8; bit += 1) {
    if (((contents[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) bits.add(bit);
  }
  return bits;
}

function extendedKeyUsageOf(value: Buffer | undefined): string[] {
  return value === undefined ? [] : childrenOf(readElement(value).element, TAG.sequence).map(oidOf);
}

/** A BIT STRING of whole bytes. */
export function bitsOf(element: Element | undefined): Buffer {
  const { contents } = expected(element, TAG.bitString);
  if (contents[0] !== 0) throw new MalformedAsn1('a signature of bits');
  return contents.subarray(1);
}

const UNIVERSAL_STRINGS: Readonly<Record<number, 'utf8' | 'latin1' | 'utf16'>> = {
  0x0c: 'utf8',
  0x13: 'latin1',
  0x14: 'latin1',
  0x16: 'latin1',
  0x1a: 'latin1',
  0x1e: 'utf16',
};

const NAME_CHARACTERS_MAX = 200;

function nameOf(element: Element | undefined): CertificateName[] {
  return childrenOf(element, TAG.sequence)
    .flatMap((set) => childrenOf(set, TAG.set))
    .map((attribute) => {
      const [type, value] = childrenOf(attribute, TAG.sequence);
      return { type: oidOf(type), value: textOf(value).slice(0, NAME_CHARACTERS_MAX) };
    });
}

function textOf(element: Element | undefined): string {
  if (!element) return '';
  const encoding = UNIVERSAL_STRINGS[element.tag];
  if (encoding === undefined) return element.contents.toString('hex');
  if (encoding !== 'utf16') return element.contents.toString(encoding);
  const even = element.contents.length - (element.contents.length % 2);
  return Buffer.from(element.contents.subarray(0, even)).swap16().toString('utf16le');
}

/** UTCTime or GeneralizedTime (RFC 5280, 4.1.2.5), in UTC; of a timestamp also with fractions of a second. */
export function timeOf(element: Element | undefined): Date {
  const text = element?.contents.toString('latin1') ?? '';
  const isShort = element?.tag === TAG.utcTime;
  if (!isShort && element?.tag !== TAG.generalizedTime) throw new MalformedAsn1('time');
  const match = /^(\d{2}|\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(\.\d{1,9})?Z$/.exec(text);
  const [, yearText = '', month, day, hour, minute, second = '00', fraction = ''] = match ?? [];
  if (!match || yearText.length !== (isShort ? 2 : 4)) throw new MalformedAsn1('time');
  const year = isShort ? `${Number(yearText) < 50 ? '20' : '19'}${yearText}` : yearText;
  const date = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${fraction.slice(0, 4)}Z`);
  if (Number.isNaN(date.getTime())) throw new MalformedAsn1('time');
  return date;
}

/** Whether the issuer's key made this certificate's signature; undefined where its algorithm is not known. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean | undefined {
  if (!certificate.issuerDer.equals(issuer.subjectDer)) return false;
  return isSignedByCertificate(issuer, certificate);
}

/** Whether a signature over `toBeSigned` (a certificate, a CRL, an OCSP answer) is by this certificate's key. */
export function isSignedByCertificate(
  signer: Certificate,
  signed: Pick<Certificate, 'toBeSigned' | 'signatureAlgorithm' | 'signature'>,
): boolean | undefined {
  if (!signer.publicKey) return undefined;
  try {
    return isSignedBy(signer.publicKey, signed.signatureAlgorithm, undefined, signed.toBeSigned, signed.signature).ok;
  } catch (error) {
    if (error instanceof UnknownAlgorithm) return undefined;
    return false;
  }
}

/** PEM or DER, one certificate or several. What is none is left out. */
export function readCertificates(bytes: Buffer): Certificate[] {
  const blocks = bytes.toString('latin1').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  const ders = blocks ? blocks.map((pem) => new X509Certificate(pem).raw) : [bytes];
  return ders.map(readCertificate);
}

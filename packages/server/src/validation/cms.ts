import { createHash } from 'node:crypto';
import { DomainError } from '../platform/errors.ts';
import { hashOf, isSignedBy, UnknownAlgorithm } from './algorithms.ts';
import type { HashName } from './algorithms.ts';
import { isSignedByCertificate, readCertificate, timeOf } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import {
  childrenOf,
  expected,
  MalformedAsn1,
  octetsOf,
  oidOf,
  readElement,
  readElements,
  smallIntegerOf,
  TAG,
} from './der.ts';
import type { Element } from './der.ts';

/** What SignedData and the data in it are called: RFC 5652, and GB/T 35275 (GM/T 0010), the same by other names. */
const CONTENT_TYPES: Readonly<Record<string, { data: string }>> = {
  '1.2.840.113549.1.7.2': { data: '1.2.840.113549.1.7.1' },
  '1.2.156.10197.6.1.4.2.2': { data: '1.2.156.10197.6.1.4.2.1' },
};

const OID = {
  timestampInfo: '1.2.840.113549.1.9.16.1.4',
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  signatureTimestamp: '1.2.840.113549.1.9.16.2.14',
  revocationArchival: '1.2.840.113583.1.1.8',
};

const CERTIFICATES_MAX = 64;
const ATTRIBUTES_MAX = 64;

/** Why a CMS does not hold; `null` where it does. */
export type CmsFault =
  | 'cms_malformed'
  | 'cms_unknown_algorithm'
  | 'cms_digest_differs'
  | 'cms_signature_wrong'
  | 'cms_certificate_missing'
  | 'cms_certificate_replaced'
  | 'cms_certificate_damaged';

export type Cms = {
  fault: CmsFault | null;
  signer: Certificate | undefined;
  /** All that came with it, the signer's among them. */
  certificates: readonly Certificate[];
  /** Of the content, of the signature. */
  hashes: readonly HashName[];
  /** Names the signer's certificate under the signature, as PAdES wants it. */
  hasSigningCertificate: boolean;
  /** A signed attribute; PAdES has none. */
  signingTime: Date | undefined;
  signature: Buffer;
  /** Content that is inside: that of a timestamp. */
  content: Buffer | undefined;
  /** Timestamp tokens over the signature. */
  timestamps: readonly Buffer[];
  /** CRLs and OCSP answers that came with it. */
  crls: readonly Buffer[];
  ocsps: readonly Buffer[];
};

type Attributes = ReadonlyMap<string, readonly Element[]>;

/**
 * Verifies a SignedData (RFC 5652) with one signer. Whether its certificate is trusted is another question.
 *
 * @param digest of the content that is signed, by a hash; for a timestamp's content, which is inside, ignored
 */
export function verifyCms(der: Buffer, contentType: 'data' | 'timestampInfo', digest: (hash: HashName) => Buffer): Cms {
  const result: Cms = {
    fault: null,
    signer: undefined,
    certificates: [],
    hashes: [],
    hasSigningCertificate: false,
    signingTime: undefined,
    signature: Buffer.alloc(0),
    content: undefined,
    timestamps: [],
    crls: [],
    ocsps: [],
  };
  try {
    result.fault = verifyInto(result, der, contentType, digest);
  } catch (error) {
    if (error instanceof DomainError) throw error;
    result.fault = error instanceof UnknownAlgorithm ? 'cms_unknown_algorithm' : 'cms_malformed';
  }
  return result;
}

function verifyInto(
  cms: Cms,
  der: Buffer,
  wanted: 'data' | 'timestampInfo',
  digest: (hash: HashName) => Buffer,
): CmsFault | null {
  const { element, end } = readElement(der);
  if (end !== der.length) throw new MalformedAsn1('bytes behind the signature');
  const [type, wrapped, ...behind] = childrenOf(element, TAG.sequence);
  const types = CONTENT_TYPES[oidOf(type)];
  if (!types || behind.length > 0) throw new MalformedAsn1('no SignedData');
  const contentType = wanted === 'data' ? types.data : OID.timestampInfo;
  const [signedData, ...besides] = readElements(expected(wrapped, 0xa0).contents);
  if (besides.length > 0) throw new MalformedAsn1('two SignedData');
  const [version, digestAlgorithms, encapsulated, ...rest] = childrenOf(signedData, TAG.sequence);
  cms.content = contentOf(encapsulated, contentType);
  cms.certificates = certificatesOf(rest);
  cms.crls = rest
    .filter(({ tag }) => tag === 0xa1)
    .flatMap(({ contents }) => readElements(contents).map((each) => each.bytes));
  const infos = childrenOf(rest.at(-1), TAG.set);
  const [info] = infos;
  if (infos.length !== 1 || rest.length > 3) throw new MalformedAsn1('not one signer');
  const hashes = childrenOf(digestAlgorithms, TAG.set).map(hashOf);
  const isPlain = wanted === 'data';
  const fault = verifySigner(cms, info, contentType, hashes, digest);
  const signerVersion = smallIntegerOf(childrenOf(info, TAG.sequence)[0]);
  // RFC 5652, 5.1: 1, unless something newer is inside.
  const expectedVersion = isPlain && signerVersion === 1 ? 1 : 3;
  if (smallIntegerOf(version) !== expectedVersion) throw new MalformedAsn1('version');
  return fault;
}

function contentOf(encapsulated: Element | undefined, contentType: string): Buffer | undefined {
  const [type, wrapped, ...others] = childrenOf(encapsulated, TAG.sequence);
  if (oidOf(type) !== contentType || others.length > 0) throw new MalformedAsn1('another content');
  if (!wrapped) return undefined;
  const [octets, ...besides] = readElements(expected(wrapped, 0xa0).contents);
  if (besides.length > 0) throw new MalformedAsn1('content');
  return octetsOf(octets);
}

function certificatesOf(rest: readonly Element[]): Certificate[] {
  const set = rest.find(({ tag }) => tag === 0xa0);
  const elements = set ? readElements(set.contents) : [];
  if (elements.length > CERTIFICATES_MAX) throw new MalformedAsn1('too many certificates');
  // Attribute certificates and other formats have tags of their own, and are no part of any path here.
  return elements.map((each) => readCertificate(expected(each, TAG.sequence).bytes));
}

function verifySigner(
  cms: Cms,
  info: Element | undefined,
  contentType: string,
  hashes: readonly HashName[],
  digest: (hash: HashName) => Buffer,
): CmsFault | null {
  const [version, signerId, digestAlgorithm, ...rest] = childrenOf(info, TAG.sequence);
  const signedAttributes = rest[0]?.tag === 0xa0 ? rest.shift() : undefined;
  const [signatureAlgorithm, signature, unsigned, ...others] = rest;
  if (others.length > 0 || !signerId) throw new MalformedAsn1('signer');
  if (smallIntegerOf(version) !== (signerId.tag === TAG.sequence ? 1 : 3)) throw new MalformedAsn1('version');
  const hash = hashOf(digestAlgorithm);
  if (!hashes.includes(hash)) throw new MalformedAsn1('a digest that is not announced');
  cms.signature = octetsOf(signature);
  readUnsigned(cms, unsigned);
  // Without them, whoever has a signature of one content could pass it off as that of another.
  if (!signedAttributes) throw new MalformedAsn1('no signed attributes');
  const attributes = attributesOf(signedAttributes);
  if (oidOf(only(attributes, OID.contentType)) !== contentType) throw new MalformedAsn1('content type');
  const signed = octetsOf(only(attributes, OID.messageDigest));
  const signer = cms.certificates.find((certificate) => isNamedBy(certificate, signerId));
  cms.signer = signer;
  readSigned(cms, attributes);
  if (!signed.equals(cms.content ? createHash(hash).update(cms.content).digest() : digest(hash)))
    return 'cms_digest_differs';
  if (!signer) return 'cms_certificate_missing';
  if (!signer.publicKey) throw new UnknownAlgorithm('public key');
  // Signed is the SET OF, stored is the tag [0] (5.4).
  const content = Buffer.concat([Buffer.from([TAG.set]), signedAttributes.bytes.subarray(1)]);
  const outcome = isSignedBy(signer.publicKey, signatureAlgorithm, hash, content, cms.signature);
  cms.hashes = outcome.hash && outcome.hash !== hash ? [hash, outcome.hash] : [hash];
  if (!outcome.ok) return 'cms_signature_wrong';
  const named = namedCertificate(attributes, signer);
  cms.hasSigningCertificate = named === true;
  if (named === false) return 'cms_certificate_replaced';
  return cms.certificates.every((each) => isWhole(each, cms.certificates)) ? null : 'cms_certificate_damaged';
}

/** No two attributes of one type (RFC 5652, 11), and each with a value. */
function attributesOf(element: Element): Attributes {
  const items = readElements(element.contents);
  if (items.length > ATTRIBUTES_MAX) throw new MalformedAsn1('too many attributes');
  const attributes = new Map<string, readonly Element[]>();
  for (const item of items) {
    const [type, values, ...others] = childrenOf(item, TAG.sequence);
    const oid = oidOf(type);
    if (attributes.has(oid) || others.length > 0) throw new MalformedAsn1('an attribute twice');
    attributes.set(oid, childrenOf(values, TAG.set));
  }
  return attributes;
}

function only(attributes: Attributes, oid: string): Element | undefined {
  const values = attributes.get(oid);
  if (values?.length !== 1) throw new MalformedAsn1('attribute');
  return values[0];
}

function readSigned(cms: Cms, attributes: Attributes): void {
  if (attributes.has(OID.signingTime)) cms.signingTime = timeOf(only(attributes, OID.signingTime));
  const archival = attributes.get(OID.revocationArchival)?.[0];
  if (archival) readArchival(cms, archival);
}

/** Adobe's: `[0]` CRLs, `[1]` OCSP answers (ISO 32000-1, 12.8.3.3.2). */
function readArchival(cms: Cms, archival: Element): void {
  for (const part of childrenOf(archival, TAG.sequence)) {
    const items = childrenOf(readElements(part.contents)[0], TAG.sequence).map(({ bytes }) => bytes);
    if (part.tag === 0xa0) cms.crls = [...cms.crls, ...items];
    if (part.tag === 0xa1) cms.ocsps = [...cms.ocsps, ...items];
  }
}

function readUnsigned(cms: Cms, element: Element | undefined): void {
  if (!element) return;
  const attributes = attributesOf(expected(element, 0xa1));
  // Nothing vouches for them. PAdES knows this one alone (EN 319 142-1, 6.3), and another might be this one renamed.
  for (const oid of attributes.keys()) if (oid !== OID.signatureTimestamp) throw new MalformedAsn1('unknown attribute');
  cms.timestamps = (attributes.get(OID.signatureTimestamp) ?? []).map(({ bytes }) => bytes);
}

/** By issuer and serial number, or by key identifier (5.3). */
function isNamedBy(certificate: Certificate, signerId: Element): boolean {
  if (signerId.tag === 0x80) return certificate.subjectKeyIdentifier === signerId.contents.toString('hex');
  const [issuer, serial, ...others] = childrenOf(signerId, TAG.sequence);
  if (others.length > 0) throw new MalformedAsn1('signer');
  const serialNumber = expected(serial, TAG.integer).contents.toString('hex');
  return issuer?.bytes.equals(certificate.issuerDer) === true && serialNumber === certificate.serialNumber;
}

/** Whether the signed attribute names this certificate (RFC 5035); undefined where there is none. */
function namedCertificate(attributes: Attributes, signer: Certificate): boolean | undefined {
  const isSecond = attributes.has(OID.signingCertificateV2);
  if (!isSecond && !attributes.has(OID.signingCertificate)) return undefined;
  const attribute = only(attributes, isSecond ? OID.signingCertificateV2 : OID.signingCertificate);
  const [first] = childrenOf(childrenOf(attribute, TAG.sequence)[0], TAG.sequence);
  const parts = childrenOf(first, TAG.sequence);
  const namesHash = parts[0]?.tag === TAG.sequence;
  const hash = !isSecond ? 'sha1' : namesHash ? hashOf(parts[0]) : 'sha256';
  const value = octetsOf(parts[namesHash ? 1 : 0]);
  return createHash(hash).update(signer.der).digest().equals(value);
}

/**
 * Whether a certificate that came along is as its issuer made it, as far as the issuer came along too: the signature covers
 * none but the signer's own.
 */
function isWhole(certificate: Certificate, all: readonly Certificate[]): boolean {
  const issuers = all.filter((each) => each.subjectDer.equals(certificate.issuerDer));
  return issuers.length === 0 || issuers.some((issuer) => isSignedByCertificate(issuer, certificate) !== false);
}

import { createHash } from 'node:crypto';
import { readCertificate } from './certificate-reader.ts';
import * as der from './der.ts';

/** Where a validator finds an issuer's certificate, its list of revoked ones, and the status of a single one. */
export type DistributionPoints = { certificateUrl: string; listUrl: string; statusUrl?: string };

export type CompanySubject = {
  companyName: string;
  /** 统一社会信用代码, GB 32100-2015, 18 characters. */
  socialCreditCode?: string;
};

export type PersonSubject = {
  personName: string;
  /** Tells people of one name apart without saying who they are; letters and digits. */
  pseudonym: string;
};

/** Object identifiers of extensions and of what stands in them (RFC 5280, 4.2). */
export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  basicConstraints: '2.5.29.19',
  distributionPoints: '2.5.29.31',
  certificatePolicies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInformation: '1.3.6.1.5.5.7.1.1',
  ocspNoCheck: '1.3.6.1.5.5.7.48.1.5',
} as const;

export const ACCESS_METHOD = { ocsp: '1.3.6.1.5.5.7.48.1', caIssuers: '1.3.6.1.5.5.7.48.2' } as const;

const KEY_USAGE = { digitalSignature: 0, nonRepudiation: 1, keyCertSign: 5, crlSign: 6 } as const;

const PURPOSE = {
  /** RFC 9336. */
  documentSigning: '1.3.6.1.5.5.7.3.36',
  /** Validators that predate RFC 9336 look for this one, or for none at all. */
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
} as const;

const ATTRIBUTE = {
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
  country: '2.5.4.6',
  organization: '2.5.4.10',
  organizationIdentifier: '2.5.4.97',
} as const;

const ANY_POLICY = '2.5.29.32.0';
const HOUSE = '印信 Yinxin';
/** RFC 5280, appendix A: ub-common-name and ub-organization-name, in characters. */
const NAME_CHARACTERS_MAX = 64;

/** The subject of one of the service's own certificates. */
export function houseName(commonName: string): Buffer {
  return name(
    [ATTRIBUTE.country, der.printableString('CN')],
    [ATTRIBUTE.organization, der.utf8String(HOUSE)],
    [ATTRIBUTE.commonName, der.utf8String(commonName)],
  );
}

/**
 * The company in UTF-8 as O and CN, and by its social credit code as serialNumber and organizationIdentifier (ETSI EN
 * 319 412-1, 5.1.4, national trade register).
 */
export function companyName({ companyName, socialCreditCode }: CompanySubject): Buffer {
  const cut = cutName(companyName);
  const attributes: NameAttribute[] = [
    [ATTRIBUTE.country, der.printableString('CN')],
    [ATTRIBUTE.organization, der.utf8String(cut)],
    [ATTRIBUTE.commonName, der.utf8String(cut)],
  ];
  // A PrintableString holds no other script: what is no code is left out, not mangled.
  if (socialCreditCode !== undefined && /^[0-9A-Za-z]{1,64}$/.test(socialCreditCode)) {
    attributes.push(
      [ATTRIBUTE.serialNumber, der.printableString(socialCreditCode)],
      [ATTRIBUTE.organizationIdentifier, der.utf8String(`NTRCN-${socialCreditCode}`)],
    );
  }
  return name(...attributes);
}

/** The person in UTF-8 as CN, and a pseudonym in place of an ID number. */
export function personName({ personName, pseudonym }: PersonSubject): Buffer {
  return name(
    [ATTRIBUTE.country, der.printableString('CN')],
    [ATTRIBUTE.commonName, der.utf8String(cutName(personName))],
    [ATTRIBUTE.serialNumber, der.printableString(pseudonym)],
  );
}

type NameAttribute = [type: string, value: Buffer];

function name(...attributes: readonly NameAttribute[]): Buffer {
  return der.sequence(...attributes.map(([type, value]) => der.setOf(der.sequence(der.oid(type), value))));
}

function cutName(text: string): string {
  return Array.from(text).slice(0, NAME_CHARACTERS_MAX).join('');
}

/** `pathLength` counts the authorities that may stand below. */
export function authorityExtensions(pathLength: number): Buffer[] {
  return [
    extension(EXTENSION.basicConstraints, der.sequence(der.trueValue(), der.integer(pathLength)), { critical: true }),
    extension(EXTENSION.keyUsage, der.namedBits(KEY_USAGE.keyCertSign, KEY_USAGE.crlSign), { critical: true }),
  ];
}

/** Every policy may stand below; a root, where paths begin, says nothing of policies. */
export function anyPolicyExtension(): Buffer {
  return policiesExtension([ANY_POLICY]);
}

export function policiesExtension(policies: readonly string[]): Buffer {
  const infos = policies.map((policy) => der.sequence(der.oid(policy)));
  return extension(EXTENSION.certificatePolicies, der.sequence(...infos));
}

/** Of a certificate that signs documents, and of no other key that a validator might take it for. */
export function documentSigningExtensions(): Buffer[] {
  return [
    leafConstraints(),
    extension(EXTENSION.keyUsage, der.namedBits(KEY_USAGE.digitalSignature, KEY_USAGE.nonRepudiation), {
      critical: true,
    }),
    purposes([PURPOSE.documentSigning, PURPOSE.emailProtection]),
  ];
}

/** Of the delegated OCSP responder (RFC 6960, 4.2.2.2). It lives so shortly that its own status need not be asked. */
export function ocspExtensions(): Buffer[] {
  return [
    leafConstraints(),
    extension(EXTENSION.keyUsage, der.namedBits(KEY_USAGE.digitalSignature), { critical: true }),
    purposes([PURPOSE.ocspSigning]),
    extension(EXTENSION.ocspNoCheck, der.nullValue()),
  ];
}

/** Of a time stamping unit: this purpose alone, and critical (RFC 3161, 2.3). */
export function timestampExtensions(): Buffer[] {
  return [
    leafConstraints(),
    extension(EXTENSION.keyUsage, der.namedBits(KEY_USAGE.digitalSignature), { critical: true }),
    purposes([PURPOSE.timeStamping], { critical: true }),
  ];
}

/** Both key identifiers: the subject's from its key, the issuer's as its own certificate has it. */
export function keyIdentifierExtensions(publicKeyBits: Buffer, issuerCertificate?: Buffer): Buffer[] {
  const own = extension(EXTENSION.subjectKeyIdentifier, der.octetString(keyIdentifier(publicKeyBits)));
  if (issuerCertificate === undefined) return [own];
  const issuers = subjectKeyIdentifierOf(issuerCertificate);
  return [own, authorityKeyIdentifierExtension(issuers)];
}

export function authorityKeyIdentifierExtension(identifier: Buffer): Buffer {
  return extension(EXTENSION.authorityKeyIdentifier, der.sequence(der.implicit(0, identifier)));
}

/** The key identifier of an issuer: the one in its certificate, or the one that its key has by RFC 5280, 4.2.1.2. */
export function subjectKeyIdentifierOf(certificate: Buffer): Buffer {
  const { extensions, publicKeyBits } = readCertificate(certificate);
  const stated = extensions.get(EXTENSION.subjectKeyIdentifier);
  const [identifier] = stated === undefined ? [] : der.readElements(stated);
  return identifier?.tag === der.TAG.octetString ? identifier.contents : keyIdentifier(publicKeyBits);
}

/** SHA-1 of the key's bits, a name and no safeguard (RFC 5280, 4.2.1.2, method 1). */
export function keyIdentifier(publicKeyBits: Buffer): Buffer {
  return createHash('sha1').update(publicKeyBits).digest();
}

/** Where validators look for the issuer's certificate and for revocations (RFC 5280, 4.2.1.13 and 4.2.2.1). */
export function distributionExtensions({ certificateUrl, listUrl, statusUrl }: DistributionPoints): Buffer[] {
  const point = der.sequence(der.explicit(0, der.explicit(0, uri(listUrl))));
  const accesses = [
    ...(statusUrl === undefined ? [] : [der.sequence(der.oid(ACCESS_METHOD.ocsp), uri(statusUrl))]),
    der.sequence(der.oid(ACCESS_METHOD.caIssuers), uri(certificateUrl)),
  ];
  return [
    extension(EXTENSION.distributionPoints, der.sequence(point)),
    extension(EXTENSION.authorityInformation, der.sequence(...accesses)),
  ];
}

/** GeneralName, uniformResourceIdentifier [6]. */
function uri(url: string): Buffer {
  return der.implicit(6, Buffer.from(url, 'latin1'));
}

function leafConstraints(): Buffer {
  return extension(EXTENSION.basicConstraints, der.sequence(), { critical: true });
}

function purposes(identifiers: readonly string[], options: { critical?: boolean } = {}): Buffer {
  return extension(EXTENSION.extendedKeyUsage, der.sequence(...identifiers.map((each) => der.oid(each))), options);
}

export function extension(type: string, value: Buffer, { critical = false } = {}): Buffer {
  return der.sequence(der.oid(type), ...(critical ? [der.trueValue()] : []), der.octetString(value));
}

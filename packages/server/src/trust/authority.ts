import { randomBytes } from 'node:crypto';
import * as profile from './certificate-profile.ts';
import type { CompanySubject, DistributionPoints, PersonSubject } from './certificate-profile.ts';
import { readCertificate } from './certificate-reader.ts';
import * as der from './der.ts';
import type { SigningKey } from './keys/signing-key.ts';
import { signatureAlgorithm } from './signature-algorithm.ts';

/** A certificate (DER) and what is stored beside it. */
export type IssuedCertificate = {
  certificate: Buffer;
  /** 40 lower-case hex digits. */
  serialNumber: string;
  notBefore: Date;
  notAfter: Date;
};

/** Who signs certificates: its own one, DER, and its key. */
export type Issuer = { certificate: Buffer; key: SigningKey };

/** What is asked for: whom the certificate names, the key it certifies (SubjectPublicKeyInfo), and how long it is good. */
export type Request<Subject> = {
  subject: Subject;
  publicKey: Buffer;
  now: Date;
  days: number;
  points?: DistributionPoints | undefined;
  /** Dotted object identifiers. */
  policies?: readonly string[];
};

const ROOT_NAME = '印信内置根证书 Yinxin Built-in Root CA';
const ISSUING_NAME = '印信内置签发机构 Yinxin Built-in Issuing CA';
const ROOT_DAYS = 20 * 365;
const ISSUING_DAYS = 10 * 365;
/** Clocks of validators differ from ours by a little: a certificate is good from shortly before it is made. */
const BACKDATE_MS = 5 * 60_000;
const DAY_MS = 86_400_000;

/** A self-signed root for this installation, good for 20 years, with one level of authorities below it. */
export async function createRoot(key: SigningKey, now: Date): Promise<IssuedCertificate> {
  return selfSigned(profile.houseName(ROOT_NAME), key, now);
}

/** A root's next certificate: of the same name and key, so that whatever it signed before stays signed by it. */
export async function reissueRoot({ certificate, key }: Issuer, now: Date): Promise<IssuedCertificate> {
  return selfSigned(readCertificate(certificate).subject, key, now);
}

async function selfSigned(subject: Buffer, key: SigningKey, now: Date): Promise<IssuedCertificate> {
  return signCertificate(
    { name: subject, key },
    { subject, publicKey: key.publicKey, ...validity(now, ROOT_DAYS), serialNumber: newSerialNumber() },
    profile.authorityExtensions(1),
  );
}

/** An issuing authority below the root, good for 10 years, with none below it. */
export async function createIssuing(
  root: Issuer,
  { publicKey, now, points }: { publicKey: Buffer; now: Date; points?: DistributionPoints | undefined },
): Promise<IssuedCertificate> {
  const serialNumber = newSerialNumber();
  // A renewed authority has a name of its own, so that no validator takes one for the other.
  const subject = profile.houseName(`${ISSUING_NAME} ${serialNumber.slice(0, 8).toUpperCase()}`);
  return issue(root, { subject, publicKey, now, days: ISSUING_DAYS, points, serialNumber }, [
    ...profile.authorityExtensions(0),
    profile.anyPolicyExtension(),
  ]);
}

export async function issueCompanyCertificate(
  issuer: Issuer,
  request: Request<CompanySubject>,
): Promise<IssuedCertificate> {
  const subject = profile.companyName(request.subject);
  return issue(issuer, { ...request, subject }, documentSigning(request));
}

export async function issuePersonCertificate(
  issuer: Issuer,
  request: Request<PersonSubject>,
): Promise<IssuedCertificate> {
  const subject = profile.personName(request.subject);
  return issue(issuer, { ...request, subject }, documentSigning(request));
}

const SERVICES = {
  ocsp: { name: '印信证书状态 Yinxin OCSP Responder', extensions: profile.ocspExtensions },
  timestamp: { name: '印信时间戳（开发） Yinxin Development Time Stamp', extensions: profile.timestampExtensions },
} as const;

/** A certificate of the service's own. */
export async function issueServiceCertificate(
  issuer: Issuer,
  { purpose, ...request }: Omit<Request<never>, 'subject'> & { purpose: keyof typeof SERVICES },
): Promise<IssuedCertificate> {
  const { name, extensions } = SERVICES[purpose];
  return issue(issuer, { ...request, subject: profile.houseName(name) }, extensions());
}

/** Whether authorities may stand below this one: those made before 0017 issue themselves, and allow none. */
export function allowsAuthorities(certificate: Buffer): boolean {
  const constraints = readCertificate(certificate).extensions.get(profile.EXTENSION.basicConstraints);
  const [sequence] = constraints === undefined ? [] : der.readElements(constraints);
  const [isAuthority, pathLength] = sequence === undefined ? [] : der.readElements(sequence.contents);
  return isAuthority?.tag === der.TAG.boolean && (pathLength === undefined || (pathLength.contents[0] ?? 0) > 0);
}

/** Something signed as X.509 signs: what is signed, by which algorithm, the signature. */
export async function signed(toBeSigned: Buffer, key: SigningKey, ...others: readonly Buffer[]): Promise<Buffer> {
  const signature = der.bitString(await key.sign(toBeSigned));
  return der.sequence(toBeSigned, signatureAlgorithm(key.algorithm), signature, ...others);
}

/** 20 random bytes, positive and of full length (RFC 5280, 4.1.2.2: at most 20 octets). */
export function newSerialNumber(): string {
  const bytes = randomBytes(20);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function documentSigning({ policies = [] }: Request<unknown>): Buffer[] {
  return [
    ...profile.documentSigningExtensions(),
    ...(policies.length > 0 ? [profile.policiesExtension(policies)] : []),
  ];
}

async function issue(
  issuer: Issuer,
  request: Request<Buffer> & { serialNumber?: string },
  extensions: readonly Buffer[],
): Promise<IssuedCertificate> {
  const { subject, notAfter } = readCertificate(issuer.certificate);
  const { publicKey, now, days, points, serialNumber = newSerialNumber() } = request;
  const content = { subject: request.subject, publicKey, ...validity(now, days, notAfter), serialNumber };
  return signCertificate({ name: subject, key: issuer.key, certificate: issuer.certificate }, content, [
    ...extensions,
    ...(points === undefined ? [] : profile.distributionExtensions(points)),
  ]);
}

type Content = { subject: Buffer; publicKey: Buffer; serialNumber: string; notBefore: Date; notAfter: Date };

async function signCertificate(
  issuer: { name: Buffer; key: SigningKey; certificate?: Buffer },
  { subject, publicKey, serialNumber, notBefore, notAfter }: Content,
  extensions: readonly Buffer[],
): Promise<IssuedCertificate> {
  const [, publicKeyBits] = der.readElements(der.readElements(publicKey)[0]?.contents ?? Buffer.alloc(0));
  const identifiers = profile.keyIdentifierExtensions(
    publicKeyBits?.contents.subarray(1) ?? Buffer.alloc(0),
    issuer.certificate,
  );
  const toBeSigned = der.sequence(
    der.explicit(0, der.integer(2)),
    der.unsignedInteger(Buffer.from(serialNumber, 'hex')),
    signatureAlgorithm(issuer.key.algorithm),
    issuer.name,
    der.sequence(der.time(notBefore), der.time(notAfter)),
    subject,
    publicKey,
    der.explicit(3, der.sequence(...extensions, ...identifiers)),
  );
  return { certificate: await signed(toBeSigned, issuer.key), serialNumber, notBefore, notAfter };
}

/** In whole seconds, as a certificate holds them. No certificate outlives its issuer's. */
function validity(now: Date, days: number, issuersEnd?: Date): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(Math.floor((now.getTime() - BACKDATE_MS) / 1000) * 1000);
  const end = new Date(notBefore.getTime() + days * DAY_MS);
  return { notBefore, notAfter: issuersEnd !== undefined && issuersEnd < end ? issuersEnd : end };
}

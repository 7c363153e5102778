import { randomBytes, webcrypto } from 'node:crypto';
import type { KeyAlgorithm } from './cms.ts';

/** A certificate and the key it certifies: DER and PKCS#8. */
export type IssuedCertificate = {
  certificate: Buffer;
  privateKey: Buffer;
  /** 40 lower-case hex digits. */
  serialNumber: string;
  notBefore: Date;
  notAfter: Date;
};

export type CompanySubject = {
  companyName: string;
  /** 统一社会信用代码, GB 32100-2015, 18 characters. */
  socialCreditCode?: string;
};

type KeyPair = webcrypto.CryptoKeyPair;

const ROOT_NAME = '印信内置根证书 Yinxin Built-in Root CA';
const ROOT_YEARS = 20;
const COMPANY_YEARS = 3;
/** Clocks of validators differ from ours by a little: a certificate is good from shortly before it is made. */
const BACKDATE_MS = 5 * 60_000;
/** RFC 5280, appendix A: ub-common-name and ub-organization-name, in characters. */
const NAME_CHARACTERS_MAX = 64;

const EXTENDED_KEY_USAGE = {
  /** RFC 9336. */
  documentSigning: '1.3.6.1.5.5.7.3.36',
  /** Validators that predate RFC 9336 look for this one, or for none at all. */
  emailProtection: '1.3.6.1.5.5.7.3.4',
};
const ATTRIBUTE = { serialNumber: '2.5.4.5', organizationIdentifier: '2.5.4.97' };

const KEY_PARAMETERS = {
  'RSA-2048': {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  },
  'P-256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
} satisfies Record<KeyAlgorithm, object>;

/**
 * Loaded on first use: it takes over 100 ms and most processes never issue. Its dependency injection wants
 * reflect-metadata before it.
 */
async function loadX509() {
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** A self-signed root for this installation, good for 20 years. */
export async function createRoot(keyAlgorithm: KeyAlgorithm, now: Date): Promise<IssuedCertificate> {
  const x509 = await loadX509();
  const keys = await generateKeys(keyAlgorithm);
  const validity = validityFrom(now, ROOT_YEARS);
  const serialNumber = newSerialNumber();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber,
    name: new x509.Name([
      { C: [{ printableString: 'CN' }] },
      { O: [{ utf8String: '印信 Yinxin' }] },
      { CN: [{ utf8String: ROOT_NAME }] },
    ]),
    ...validity,
    keys,
    signingAlgorithm: KEY_PARAMETERS[keyAlgorithm],
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return issued(certificate.rawData, keys, serialNumber, validity);
}

/**
 * A company's certificate under the root, good for 3 years. The subject names the company in UTF-8 as O and CN, and by
 * its social credit code as serialNumber and organizationIdentifier (ETSI EN 319 412-1, 5.1.4, national trade register).
 */
export async function issueCompanyCertificate(
  root: { certificate: Buffer; privateKey: Buffer; keyAlgorithm: KeyAlgorithm },
  subject: CompanySubject,
  keyAlgorithm: KeyAlgorithm,
  now: Date,
): Promise<IssuedCertificate> {
  const x509 = await loadX509();
  const keys = await generateKeys(keyAlgorithm);
  const validity = validityFrom(now, COMPANY_YEARS);
  const serialNumber = newSerialNumber();
  const issuer = new x509.X509Certificate(root.certificate);
  const rootParameters = KEY_PARAMETERS[root.keyAlgorithm];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber,
    subject: new x509.Name(subjectAttributes(subject)),
    issuer: issuer.subjectName,
    ...validity,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', root.privateKey, rootParameters, false, ['sign']),
    signingAlgorithm: rootParameters,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.nonRepudiation, true),
      new x509.ExtendedKeyUsageExtension(Object.values(EXTENDED_KEY_USAGE)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return issued(certificate.rawData, keys, serialNumber, validity);
}

function subjectAttributes({ companyName, socialCreditCode }: CompanySubject) {
  const companyNameCut = Array.from(companyName).slice(0, NAME_CHARACTERS_MAX).join('');
  const attributes = [
    { C: [{ printableString: 'CN' }] },
    { O: [{ utf8String: companyNameCut }] },
    { CN: [{ utf8String: companyNameCut }] },
  ];
  // A PrintableString holds no other script: what is no code is left out, not mangled.
  if (socialCreditCode === undefined || !/^[0-9A-Za-z]{1,64}$/.test(socialCreditCode)) return attributes;
  return [
    ...attributes,
    { [ATTRIBUTE.serialNumber]: [{ printableString: socialCreditCode }] },
    { [ATTRIBUTE.organizationIdentifier]: [{ utf8String: `NTRCN-${socialCreditCode}` }] },
  ];
}

async function generateKeys(keyAlgorithm: KeyAlgorithm): Promise<KeyPair> {
  return webcrypto.subtle.generateKey(KEY_PARAMETERS[keyAlgorithm], true, ['sign', 'verify']);
}

/** 20 random bytes, positive and of full length (RFC 5280, 4.1.2.2: at most 20 octets). */
function newSerialNumber(): string {
  const bytes = randomBytes(20);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function validityFrom(now: Date, years: number): { notBefore: Date; notAfter: Date } {
  // A certificate holds whole seconds; what is stored beside it says the same.
  const notBefore = new Date(Math.floor((now.getTime() - BACKDATE_MS) / 1000) * 1000);
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + years);
  return { notBefore, notAfter };
}

async function issued(
  certificate: ArrayBuffer,
  keys: KeyPair,
  serialNumber: string,
  validity: { notBefore: Date; notAfter: Date },
): Promise<IssuedCertificate> {
  const privateKey = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { certificate: Buffer.from(certificate), privateKey, serialNumber, ...validity };
}

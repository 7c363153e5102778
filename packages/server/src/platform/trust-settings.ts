import { hasSm2 } from './sm2.ts';

/** Certificates and keys: the variables below. */
export interface TrustSettings {
  /** Of keys made from now on; those there are stay. */
  readonly keyAlgorithm: 'RSA-2048' | 'RSA-3072' | 'P-256' | 'SM2';
  /** Where validators reach `/pki/`; null: the public URL. */
  readonly pkiUrl: string | null;
  /** `imported`: a company signs with a certificate that an operator brought for it, or not at all. */
  readonly companyAuthority: 'built-in' | 'imported';
  readonly companyDays: number;
  readonly personDays: number;
  /** Dotted object identifiers that stand in certificates of companies and people. */
  readonly policies: readonly string[];
  readonly pkcs11: { readonly modulePath: string | null; readonly pin: string | null };
}

export const TRUST_VARIABLES = {
  YINXIN_CERTIFICATE_KEY: 'RSA-2048, RSA-3072, P-256 or SM2 for new keys and certificates (default: RSA-2048)',
  YINXIN_PKI_URL: 'http URL under which validators reach /pki/ (default: YINXIN_PUBLIC_URL)',
  YINXIN_COMPANY_AUTHORITY:
    'built-in or imported: with imported only companies with a certificate of another authority sign (default: built-in)',
  YINXIN_COMPANY_CERTIFICATE_DAYS: "days for which a company's certificate is good (default: 1095)",
  YINXIN_PERSON_CERTIFICATE_DAYS: "days for which a person's certificate is good (default: 1095)",
  YINXIN_CERTIFICATE_POLICIES: 'certificate policies of companies and people, object identifiers separated by commas',
  YINXIN_PKCS11_MODULE: 'shared library of a PKCS#11 token that holds keys (default: none)',
  YINXIN_PKCS11_PIN: "PIN of the token's user",
} as const;

type Read = <T>(variable: keyof typeof TRUST_VARIABLES, fallback: T, parse: (text: string) => T) => T;

const KEY_ALGORITHMS = ['RSA-2048', 'RSA-3072', 'P-256', 'SM2'] as const;
const AUTHORITIES = ['built-in', 'imported'] as const;
const DAYS_DEFAULT = 3 * 365;
/** The issuing authority lives for ten years, and no certificate outlives it. */
const DAYS_MAX = 5 * 365;

export function readTrustSettings(read: Read): TrustSettings {
  return {
    keyAlgorithm: read<TrustSettings['keyAlgorithm']>('YINXIN_CERTIFICATE_KEY', 'RSA-2048', parseKeyAlgorithm),
    pkiUrl: read<string | null>('YINXIN_PKI_URL', null, parseUrl),
    companyAuthority: read<TrustSettings['companyAuthority']>(
      'YINXIN_COMPANY_AUTHORITY',
      'built-in',
      oneOf(AUTHORITIES),
    ),
    companyDays: read('YINXIN_COMPANY_CERTIFICATE_DAYS', DAYS_DEFAULT, parseDays),
    personDays: read('YINXIN_PERSON_CERTIFICATE_DAYS', DAYS_DEFAULT, parseDays),
    policies: read<readonly string[]>('YINXIN_CERTIFICATE_POLICIES', [], parseIdentifiers),
    pkcs11: {
      modulePath: read<string | null>('YINXIN_PKCS11_MODULE', null, parsePath),
      pin: read<string | null>('YINXIN_PKCS11_PIN', null, (text) => text),
    },
  };
}

function oneOf<T extends string>(allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const found = allowed.find((item) => item === text);
    if (found === undefined) throw new Error(`must be one of ${allowed.join(', ')}`);
    return found;
  };
}

function parseKeyAlgorithm(text: string): TrustSettings['keyAlgorithm'] {
  const algorithm = oneOf(KEY_ALGORITHMS)(text);
  if (algorithm === 'SM2' && !hasSm2()) throw new Error('SM2 needs a Node.js whose OpenSSL has SM2 and SM3');
  return algorithm;
}

function parseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search + url.hash + url.username !== '') {
    throw new Error('must be an http URL without query, such as http://pki.example.com');
  }
  return url.href.replace(/\/$/, '');
}

function parseDays(text: string): number {
  const days = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (days < 2 || days > DAYS_MAX) throw new Error(`must be a whole number from 2 to ${DAYS_MAX}`);
  return days;
}

function parseIdentifiers(text: string): readonly string[] {
  const identifiers = text.split(/[\s,]+/).filter((item) => item !== '');
  const isKnown = identifiers.every((item) => /^[012](\.(0|[1-9]\d{0,14})){2,}$/.test(item));
  if (!isKnown) throw new Error('must be object identifiers such as 1.2.156.1.2, separated by commas');
  return identifiers;
}

function parsePath(text: string): string {
  if (!text.startsWith('/')) throw new Error('must be the whole path of a shared library');
  return text;
}

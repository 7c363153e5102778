import { createHash, createPrivateKey, createPublicKey, X509Certificate, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { CalleeCredentials, EncryptionAlgorithm } from './callee-credentials.ts';
import { calleeInvalid, type CredentialsChange } from './callee.ts';
import { readEncryptionKey } from './payload-encryption.ts';

/** Seals what `sealCalleeSecret` seals, for one destination. */
export type Seal = (what: 'body_key' | 'client_key', secret: string) => string;

const PEM_CHARACTERS_MAX = 65_536;
const KEY_ID_CHARACTERS_MAX = 128;
const ENCRYPTION_ALGORITHMS: readonly string[] = ['RSA-OAEP-256'] satisfies readonly EncryptionAlgorithm[];
/** A certificate that was made on a machine whose clock is ahead, or for tomorrow, is taken. */
const BEGINS_AHEAD_MS_MAX = 24 * 3_600_000;
const BODY_KEY_BITS_MIN = 2_048;
const BODY_KEY_BITS_MAX = 4_096;

/**
 * Applies a change of keys and certificates to what is stored. A webhook secret is not among them: its own column holds
 * it; only the one it replaced ends here.
 *
 * @param at certificates must hold at that time
 * @throws DomainError callee_invalid
 */
export function changeCredentials(
  stored: CalleeCredentials | null,
  change: CredentialsChange,
  { at, seal }: { at: Date; seal: Seal },
): CalleeCredentials | null {
  const { bodyPrivateKeyPem, clientCertificate, authorityPem, encryption } = change;
  const { previousWebhookSecret, ed25519, bodyKey, client, authority, encryption: encrypted } = stored ?? {};
  const changed: { [Name in keyof CalleeCredentials]: CalleeCredentials[Name] | undefined } = {
    // A secret that is set, or taken away, stands alone at once.
    previousWebhookSecret: change.webhookSecret === undefined ? previousWebhookSecret : undefined,
    ed25519: change.ed25519 === undefined ? ed25519 : undefined,
    bodyKey: changedPart(bodyKey, bodyPrivateKeyPem, (pem) => readBodyKey(pem, seal)),
    client: changedPart(client, clientCertificate, (given) => readClient(given, at, seal)),
    authority: changedPart(authority, authorityPem, (pem) => readAuthority(pem, at)),
    encryption: changedPart(encrypted, encryption, readEncryption),
  };
  const present = Object.entries(changed).filter(([, value]) => value !== undefined);
  return present.length === 0 ? null : (Object.fromEntries(present) as CalleeCredentials);
}

function changedPart<Stored, Given>(
  stored: Stored | undefined,
  given: Given | null | undefined,
  read: (given: Given) => Stored,
): Stored | undefined {
  if (given === undefined) return stored;
  return given === null ? undefined : read(given);
}

function readBodyKey(pem: string, seal: Seal): NonNullable<CalleeCredentials['bodyKey']> {
  const expected = `an RSA private key in PEM without a passphrase, ${BODY_KEY_BITS_MIN} to ${BODY_KEY_BITS_MAX} bits`;
  const key = privateKeyOf(pem);
  const bits = key?.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key?.asymmetricKeyType !== 'rsa' || bits < BODY_KEY_BITS_MIN || bits > BODY_KEY_BITS_MAX) {
    throw calleeInvalid('body_private_key', expected);
  }
  return sealedBodyKey(key, seal);
}

/** An RSA private key as a destination's row keeps it. */
export function sealedBodyKey(key: KeyObject, seal: Seal): NonNullable<CalleeCredentials['bodyKey']> {
  return {
    sealed: seal('body_key', key.export({ format: 'pem', type: 'pkcs8' }).toString()),
    publicKeyPem: createPublicKey(key).export({ format: 'pem', type: 'spki' }).toString(),
  };
}

function readClient(
  given: { readonly certificatePem: string; readonly privateKeyPem: string },
  at: Date,
  seal: Seal,
): NonNullable<CalleeCredentials['client']> {
  const [certificate, ...chain] = readCertificates('client_certificate', given.certificatePem, at);
  const key = privateKeyOf(given.privateKeyPem);
  if (certificate === undefined || key === null) {
    throw calleeInvalid('client_private_key', 'a private key in PEM without a passphrase');
  }
  if (!certificate.checkPrivateKey(key)) throw calleeInvalid('client_private_key', "the client certificate's own");
  const certificatePem = [certificate, ...chain].map(String).join('');
  const privateKeyPem = key.export({ format: 'pem', type: 'pkcs8' }).toString();
  try {
    createSecureContext({ cert: certificatePem, key: privateKeyPem });
  } catch {
    throw calleeInvalid('client_certificate', 'one that TLS accepts: its key or signature is too weak, or of no use');
  }
  return {
    certificatePem,
    sealedKey: seal('client_key', privateKeyPem),
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    subject: certificate.subject?.replaceAll('\n', ', ') ?? '',
    notAfter: firstEnd([certificate, ...chain]),
  };
}

function readAuthority(pem: string, at: Date): NonNullable<CalleeCredentials['authority']> {
  const certificates = readCertificates('authority', pem, at);
  const written = certificates.map(String).join('');
  return {
    pem: written,
    sha256: createHash('sha256').update(written, 'utf8').digest('hex'),
    notAfter: firstEnd(certificates),
  };
}

/** Every certificate of a PEM text, each of which must hold at that time. */
function readCertificates(field: string, pem: string, at: Date): X509Certificate[] {
  if (pem.length > PEM_CHARACTERS_MAX) throw calleeInvalid(field, `at most ${PEM_CHARACTERS_MAX} characters`);
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw calleeInvalid(field, 'a certificate in PEM');
  return blocks.map((block) => {
    let certificate: X509Certificate;
    try {
      certificate = new X509Certificate(block);
    } catch {
      throw calleeInvalid(field, 'certificates in PEM that can be read');
    }
    if (certificate.validToDate <= at) {
      throw calleeInvalid(field, `a certificate that holds: this one expired on ${day(certificate.validToDate)}`);
    }
    if (certificate.validFromDate.getTime() > at.getTime() + BEGINS_AHEAD_MS_MAX) {
      throw calleeInvalid(field, `a certificate that holds: this one begins on ${day(certificate.validFromDate)}`);
    }
    return certificate;
  });
}

function readEncryption(
  given: NonNullable<CredentialsChange['encryption']>,
): NonNullable<CalleeCredentials['encryption']> {
  const { algorithm, publicKeyPem, keyId } = given;
  if (!isEncryptionAlgorithm(algorithm)) {
    throw calleeInvalid('encryption.algorithm', ENCRYPTION_ALGORITHMS.join(' or '));
  }
  if (publicKeyPem.length > PEM_CHARACTERS_MAX) {
    throw calleeInvalid('encryption.public_key', `at most ${PEM_CHARACTERS_MAX} characters`);
  }
  if (keyId !== undefined && (keyId === '' || keyId.length > KEY_ID_CHARACTERS_MAX || !keyId.isWellFormed())) {
    throw calleeInvalid('encryption.key_id', `1 to ${KEY_ID_CHARACTERS_MAX} characters`);
  }
  const read = readEncryptionKey(publicKeyPem);
  if ('expected' in read) throw calleeInvalid('encryption.public_key', read.expected);
  return { algorithm, publicKeyPem: read.publicKeyPem, ...(keyId !== undefined && { keyId }) };
}

function isEncryptionAlgorithm(text: string): text is EncryptionAlgorithm {
  return ENCRYPTION_ALGORITHMS.includes(text);
}

function privateKeyOf(pem: string): KeyObject | null {
  if (pem.length > PEM_CHARACTERS_MAX) return null;
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}

function firstEnd(certificates: readonly X509Certificate[]): string {
  return new Date(Math.min(...certificates.map((certificate) => certificate.validToDate.getTime()))).toISOString();
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

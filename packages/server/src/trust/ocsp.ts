import { createHash } from 'node:crypto';
import { signed } from './authority.ts';
import type { Issuer } from './authority.ts';
import { extension, keyIdentifier } from './certificate-profile.ts';
import { readCertificate, serialNumberHex } from './certificate-reader.ts';
import type { CertificateParts } from './certificate-reader.ts';
import * as der from './der.ts';
import type { DerElement } from './der.ts';

/** Of which certificate the status is asked (RFC 6960, 4.1.1): its issuer by hashes, and its serial number. */
export type CertificateId = {
  /** As asked, to be answered byte by byte. */
  bytes: Buffer;
  /** node:crypto's name. */
  hash: string;
  issuerNameHash: Buffer;
  issuerKeyHash: Buffer;
  /** Lower-case hex. */
  serialNumber: string;
};

export type StatusRequest = { ids: readonly CertificateId[]; nonce?: Buffer };

export type CertificateStatus =
  | { kind: 'good' }
  | { kind: 'revoked'; revokedAt: Date; reason: number }
  | { kind: 'unknown' };

/** An answer without a signature (RFC 6960, 4.2.1). */
export const STATUS_ERRORS = { malformedRequest: 1, internalError: 2, tryLater: 3, unauthorized: 6 } as const;

const OID = {
  basicResponse: '1.3.6.1.5.5.7.48.1.1',
  nonce: '1.3.6.1.5.5.7.48.1.2',
  sha1: '1.3.14.3.2.26',
} as const;

const HASHES: Readonly<Record<string, string>> = {
  [OID.sha1]: 'sha1',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
  '1.2.156.10197.1.401': 'sm3',
};

/** RFC 5019 asks for one; a client that asks for a chain asks for a few. */
const IDS_MAX = 16;
/** RFC 9654, 2.1. */
const NONCE_BYTES_MAX = 128;
const UNSPECIFIED = 0;

/**
 * Reads an OCSPRequest (RFC 6960, 4.1.1). A signature on it is not looked at: everybody may ask.
 *
 * @throws RangeError for anything else
 */
export function readStatusRequest(bytes: Buffer): StatusRequest {
  const [request, ...others] = der.readElements(bytes);
  if (request?.tag !== der.TAG.sequence || others.length > 0) throw new RangeError('not an OCSP request');
  const [toBeSigned] = der.readElements(request.contents);
  if (toBeSigned?.tag !== der.TAG.sequence) throw new RangeError('not an OCSP request');
  const fields = der.readElements(toBeSigned.contents);
  const list = fields.find(({ tag }) => tag === der.TAG.sequence);
  const requests = der.readElements(list?.contents ?? Buffer.alloc(0));
  if (requests.length === 0 || requests.length > IDS_MAX) throw new RangeError(`ask for 1 to ${IDS_MAX} certificates`);
  const nonce = readNonce(fields.find(({ tag }) => tag === 0xa2));
  return { ids: requests.map(readCertificateId), ...(nonce !== undefined && { nonce }) };
}

function readCertificateId(request: DerElement): CertificateId {
  const [id] = der.readElements(request.contents);
  const [algorithm, name, key, serial] = der.readElements(id?.contents ?? Buffer.alloc(0));
  const [identifier] = der.readElements(algorithm?.contents ?? Buffer.alloc(0));
  const isComplete =
    id !== undefined &&
    identifier !== undefined &&
    name?.tag === der.TAG.octetString &&
    key?.tag === der.TAG.octetString &&
    serial?.tag === der.TAG.integer;
  const hash = isComplete ? HASHES[der.readOid(identifier)] : undefined;
  if (!isComplete || hash === undefined) throw new RangeError('a CertID that is not understood');
  return {
    bytes: id.bytes,
    hash,
    issuerNameHash: name.contents,
    issuerKeyHash: key.contents,
    serialNumber: serialNumberHex(serial.contents),
  };
}

function readNonce(tagged: DerElement | undefined): Buffer | undefined {
  const [list] = tagged === undefined ? [] : der.readElements(tagged.contents);
  for (const item of list === undefined ? [] : der.readElements(list.contents)) {
    const [identifier, ...rest] = der.readElements(item.contents);
    if (identifier === undefined || der.readOid(identifier) !== OID.nonce) continue;
    const value = rest.at(-1)?.contents ?? Buffer.alloc(0);
    // Its value is an OCTET STRING of its own; old clients send the bare bytes. Both are given back as they came.
    if (value.length === 0 || value.length > NONCE_BYTES_MAX + 3) throw new RangeError('a nonce of 1 to 128 bytes');
    return value;
  }
  return undefined;
}

/** Whether an id names this issuer. */
export function isIssuedBy(id: CertificateId, issuer: CertificateParts): boolean {
  const digest = (bytes: Buffer): Buffer => createHash(id.hash).update(bytes).digest();
  return digest(issuer.subject).equals(id.issuerNameHash) && digest(issuer.publicKeyBits).equals(id.issuerKeyHash);
}

/** The id of a certificate, for those who ask. SHA-1 names an issuer here and protects nothing (RFC 5019, 2.1.1). */
export function certificateIdOf(certificate: CertificateParts, issuer: CertificateParts): Buffer {
  const digest = (bytes: Buffer): Buffer => createHash('sha1').update(bytes).digest();
  return der.sequence(
    der.sequence(der.oid(OID.sha1), der.nullValue()),
    der.octetString(digest(issuer.subject)),
    der.octetString(digest(issuer.publicKeyBits)),
    der.unsignedInteger(certificate.serialNumber),
  );
}

/** An OCSPRequest for one certificate, without a nonce, so that any cache may answer it. */
export function createStatusRequest(id: Buffer): Buffer {
  return der.sequence(der.sequence(der.sequence(der.sequence(id))));
}

/** A BasicOCSPResponse by a delegated responder, whose certificate comes along (RFC 6960, 4.2.1). */
export async function createStatusResponse(
  responder: Issuer,
  response: {
    producedAt: Date;
    nextUpdate: Date;
    answers: readonly { id: Buffer; status: CertificateStatus }[];
    nonce?: Buffer | undefined;
  },
): Promise<Buffer> {
  const { publicKeyBits } = readCertificate(responder.certificate);
  const times = [der.generalizedTime(response.producedAt), der.explicit(0, der.generalizedTime(response.nextUpdate))];
  const toBeSigned = der.sequence(
    der.explicit(2, der.octetString(keyIdentifier(publicKeyBits))),
    der.generalizedTime(response.producedAt),
    der.sequence(...response.answers.map(({ id, status }) => der.sequence(id, statusOf(status), ...times))),
    ...(response.nonce === undefined ? [] : [der.explicit(1, der.sequence(extension(OID.nonce, response.nonce)))]),
  );
  const basic = await signed(toBeSigned, responder.key, der.explicit(0, der.sequence(responder.certificate)));
  const bytes = der.sequence(der.oid(OID.basicResponse), der.octetString(basic));
  return der.sequence(der.enumerated(0), der.explicit(0, bytes));
}

export function createStatusError(error: keyof typeof STATUS_ERRORS): Buffer {
  return der.sequence(der.enumerated(STATUS_ERRORS[error]));
}

function statusOf(status: CertificateStatus): Buffer {
  if (status.kind === 'good') return der.implicit(0, Buffer.alloc(0));
  if (status.kind === 'unknown') return der.implicit(2, Buffer.alloc(0));
  const reason = status.reason === UNSPECIFIED ? [] : [der.explicit(0, der.enumerated(status.reason))];
  return der.explicit(1, der.generalizedTime(status.revokedAt), ...reason);
}

import { X509Certificate } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Egress } from '../platform/egress/index.ts';
import { DomainError, isDomainError } from '../platform/errors.ts';
import { ACCESS_METHOD, EXTENSION } from './certificate-profile.ts';
import { readCertificate } from './certificate-reader.ts';
import { isIssuedBy } from './certificate-signature.ts';
import * as der from './der.ts';
import type { DerElement } from './der.ts';
import { certificateIdOf, createStatusRequest } from './ocsp.ts';
import type { RevocationEvidence } from './revocation-evidence.ts';
import { readRevocationList, readStatusResponse } from './revocation-reader.ts';

/** Evidence for a certificate of another authority, fetched from where it and its issuers say. */
export type ForeignEvidence = (certificate: Buffer, chain: readonly Buffer[]) => Promise<RevocationEvidence>;

type Options = { egress: Pick<Egress, 'request'>; clock: Clock };

/** Above these nobody's chain is real. */
const CHAIN_MAX = 6;
const TIMEOUT_MS = 10_000;
const CERTIFICATE_BYTES_MAX = 64 * 1024;
const STATUS_BYTES_MAX = 64 * 1024;
/** Lists of large authorities reach several megabytes. */
const LIST_BYTES_MAX = 8 * 1024 * 1024;
const LISTS_KEPT_MAX = 20;
const LIST_KEPT_MS = 3_600_000;

export function createForeignEvidence({ egress, clock }: Options): ForeignEvidence {
  const lists = new Map<string, { list: Buffer; until: Date }>();

  async function get(url: string, responseBytesMax: number): Promise<Buffer> {
    return bodyOf(url, egress.request({ method: 'GET', url, totalTimeoutMs: TIMEOUT_MS, responseBytesMax }));
  }

  async function issuerOf(certificate: Buffer, known: readonly Buffer[]): Promise<Buffer> {
    const found = known.find((each) => isSignedBy(certificate, each));
    if (found !== undefined) return found;
    const errors: unknown[] = [];
    for (const url of accessUrls(certificate, ACCESS_METHOD.caIssuers)) {
      try {
        const fetched = derOf(await get(url, CERTIFICATE_BYTES_MAX));
        if (isSignedBy(certificate, fetched)) return fetched;
      } catch (error) {
        errors.push(error);
      }
    }
    throw new DomainError('revocation_unavailable', { reason: 'the issuer is not known' }, { cause: errors });
  }

  async function status(certificate: Buffer, issuer: Buffer): Promise<Buffer | undefined> {
    const id = certificateIdOf(readCertificate(certificate), readCertificate(issuer));
    for (const url of accessUrls(certificate, ACCESS_METHOD.ocsp)) {
      const headers = { 'content-type': 'application/ocsp-request', accept: 'application/ocsp-response' };
      const request = { method: 'POST', url, headers, body: createStatusRequest(id) } as const;
      const limits = { totalTimeoutMs: TIMEOUT_MS, responseBytesMax: STATUS_BYTES_MAX };
      try {
        const response = await bodyOf(url, egress.request({ ...request, ...limits }));
        const answer = readStatusResponse(response, { id, issuer, now: clock.now() });
        if (answer === 'revoked') throw new DomainError('certificate_revoked', { serialNumber: serialOf(certificate) });
        if (answer === 'good') return response;
      } catch (error) {
        if (isDomainError(error, 'certificate_revoked')) throw error;
        // The next place, or the list, may know.
      }
    }
    return undefined;
  }

  async function list(certificate: Buffer, issuer: Buffer): Promise<Buffer | undefined> {
    for (const url of listUrls(certificate)) {
      const now = clock.now();
      const known = lists.get(url);
      try {
        const bytes = known && known.until > now ? known.list : await get(url, LIST_BYTES_MAX);
        const read = readRevocationList(bytes, {
          issuer,
          now,
          serialNumber: readCertificate(certificate).serialNumber,
        });
        if (read.isRevoked) throw new DomainError('certificate_revoked', { serialNumber: serialOf(certificate) });
        keep(url, bytes, read.nextUpdate, now);
        return bytes;
      } catch (error) {
        if (isDomainError(error, 'certificate_revoked')) throw error;
      }
    }
    return undefined;
  }

  function keep(url: string, bytes: Buffer, nextUpdate: Date, now: Date): void {
    const [oldest] = lists.keys();
    if (oldest !== undefined && lists.size >= LISTS_KEPT_MAX) lists.delete(oldest);
    lists.set(url, { list: bytes, until: new Date(Math.min(nextUpdate.getTime(), now.getTime() + LIST_KEPT_MS)) });
  }

  return async (certificate, chain) => {
    const evidence: RevocationEvidence = { crls: [], ocsps: [], certificates: [] };
    let subject = certificate;
    for (let depth = 0; depth < CHAIN_MAX; depth += 1) {
      if (isSignedBy(subject, subject)) return evidence;
      const issuer = await issuerOf(subject, chain);
      evidence.certificates.push(issuer);
      const response = await status(subject, issuer);
      const found = response ?? (await list(subject, issuer));
      if (found === undefined) {
        throw new DomainError('revocation_unavailable', { serialNumber: serialOf(subject) });
      }
      (response === undefined ? evidence.crls : evidence.ocsps).push(found);
      subject = issuer;
    }
    throw new DomainError('revocation_unavailable', { reason: 'the chain is too long' });
  };
}

async function bodyOf(url: string, answer: ReturnType<Egress['request']>): Promise<Buffer> {
  const { status, body } = await answer;
  if (status !== 200) throw new DomainError('revocation_unavailable', { url, status: String(status) });
  return body;
}

/** Whether the issuer's name and key fit the certificate. */
export function isSignedBy(certificate: Buffer, issuer: Buffer): boolean {
  try {
    return isIssuedBy(new X509Certificate(certificate), new X509Certificate(issuer));
  } catch {
    return false;
  }
}

/** A certificate as servers give it out: DER as a rule, PEM now and then. */
function derOf(bytes: Buffer): Buffer {
  return Buffer.from(new X509Certificate(bytes).raw);
}

function serialOf(certificate: Buffer): string {
  return readCertificate(certificate).serialNumber.toString('hex');
}

/** http addresses of one access method in the certificate's authority information (RFC 5280, 4.2.2.1). */
function accessUrls(certificate: Buffer, method: string): string[] {
  const value = readCertificate(certificate).extensions.get(EXTENSION.authorityInformation);
  return insideOf(value).flatMap((description) => {
    const [identifier, location] = der.readElements(description.contents);
    if (identifier === undefined || der.readOid(identifier) !== method) return [];
    return location === undefined ? [] : httpUrl(location);
  });
}

/** http addresses of complete lists (RFC 5280, 4.2.1.13): distributionPoint [0], fullName [0], URI [6]. */
function listUrls(certificate: Buffer): string[] {
  const value = readCertificate(certificate).extensions.get(EXTENSION.distributionPoints);
  return insideOf(value).flatMap((point) =>
    der
      .readElements(point.contents)
      .filter(({ tag }) => tag === 0xa0)
      .flatMap(({ contents }) => der.readElements(contents))
      .filter(({ tag }) => tag === 0xa0)
      .flatMap(({ contents }) => der.readElements(contents).flatMap(httpUrl)),
  );
}

function insideOf(value: Buffer | undefined): DerElement[] {
  const [sequence] = value === undefined ? [] : der.readElements(value);
  return sequence === undefined ? [] : der.readElements(sequence.contents);
}

function httpUrl({ tag, contents }: DerElement): string[] {
  const url = contents.toString('latin1');
  return tag === 0x86 && /^https?:\/\//i.test(url) ? [url] : [];
}

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRoot, issueCompanyCertificate, signed, type Issuer } from './authority.ts';
import { extension } from './certificate-profile.ts';
import { readCertificate } from './certificate-reader.ts';
import * as der from './der.ts';
import { generatePrivateKey, softwareKey } from './keys/software-key.ts';
import { certificateIdOf, createStatusRequest, createStatusResponse, isIssuedBy, readStatusRequest } from './ocsp.ts';
import { createRevocationList } from './revocation-list.ts';
import { readRevocationList, readStatusResponse } from './revocation-reader.ts';
import { signatureAlgorithm } from './signature-algorithm.ts';

const DAY_MS = 86_400_000;
const now = new Date('2026-11-22T00:00:00Z');
const later = new Date(now.getTime() + DAY_MS);

async function authority(): Promise<Issuer> {
  const key = softwareKey(await generatePrivateKey('P-256'));
  return { key, certificate: (await createRoot(key, now)).certificate };
}

const issuer = await authority();
const { certificate } = await issueCompanyCertificate(issuer, {
  subject: { companyName: '甲' },
  publicKey: softwareKey(await generatePrivateKey('P-256')).publicKey,
  now,
  days: 30,
});
const parts = readCertificate(certificate);
const id = certificateIdOf(parts, readCertificate(issuer.certificate));
const request = createStatusRequest(id);

/** The same bytes but one. */
const altered = (bytes: Buffer) =>
  fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, change]) => {
    const copy = Buffer.from(bytes);
    copy[at] = copy[at]! ^ change;
    return copy;
  });

test('what is asked is read as it was written', () => {
  const { ids, nonce } = readStatusRequest(request);
  expect(nonce).toBe(undefined);
  expect(ids.map(({ bytes }) => bytes)).toEqual([id]);
  expect(isIssuedBy(ids[0]!, readCertificate(issuer.certificate))).toBe(true);
  expect(isIssuedBy(ids[0]!, parts)).toBe(false);
});

test('whatever bytes come as a request, they are read or refused', () => {
  const long = der.sequence(der.sequence(der.sequence(...Array.from({ length: 17 }, () => der.sequence(id)))));
  expect(() => readStatusRequest(long)).toThrow(RangeError);
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
    altered(request),
  );
  fc.assert(
    fc.property(anything, (bytes) => {
      try {
        expect(readStatusRequest(bytes).ids.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 3_000 },
  );
});

test('an altered certificate is read or refused, and nothing else happens', () => {
  fc.assert(
    fc.property(altered(certificate), (bytes) => {
      try {
        readCertificate(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
    }),
    { numRuns: 3_000 },
  );
});

const answers = [{ id, status: { kind: 'good' } as const }];
const response = await createStatusResponse(issuer, { producedAt: now, nextUpdate: later, answers });
const read = (bytes: Buffer, at = now, by = issuer) =>
  readStatusResponse(bytes, { id, issuer: by.certificate, now: at });

test('an answer is believed as its issuer signed it, in its time, for the certificate that was asked for', async () => {
  expect(read(response)).toBe('good');
  expect(() => read(response, new Date(later.getTime() + 1000))).toThrow('not in force');
  expect(() => read(response, new Date(now.getTime() - DAY_MS))).toThrow('not in force');
  const other = await authority();
  expect(() => read(response, now, other)).toThrow(RangeError);
  const forged = await createStatusResponse(other, { producedAt: now, nextUpdate: later, answers });
  expect(() => read(forged)).toThrow('a wrong signature');
  const elses = certificateIdOf({ ...parts, serialNumber: Buffer.from([1]) }, readCertificate(issuer.certificate));
  const ofAnother = await createStatusResponse(issuer, {
    producedAt: now,
    nextUpdate: later,
    answers: [{ id: elses, status: { kind: 'good' } }],
  });
  expect(() => read(ofAnother)).toThrow('no answer for this certificate');
  // A company's certificate is no responder's, though the same authority issued it.
  const key = softwareKey(await generatePrivateKey('P-256'));
  const company = await issueCompanyCertificate(issuer, {
    subject: { companyName: '乙' },
    publicKey: key.publicKey,
    now,
    days: 9,
  });
  const by = { certificate: company.certificate, key };
  const undelegated = await createStatusResponse(by, { producedAt: now, nextUpdate: later, answers });
  expect(() => read(undelegated)).toThrow('a wrong signature');
});

test('no altered answer says more than the answer did', () => {
  fc.assert(
    fc.property(altered(response), (bytes) => {
      try {
        expect(read(bytes)).toBe('good');
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
    { numRuns: 1_000 },
  );
});

test('a list is believed as its issuer signed it, in its time', async () => {
  const serialNumber = parts.serialNumber.toString('hex');
  const make = (revocations: { serialNumber: string; revokedAt: Date; reason: number }[], by = issuer) =>
    createRevocationList(by, { number: 300, thisUpdate: now, nextUpdate: later, revocations });
  const look = (bytes: Buffer, at = now) =>
    readRevocationList(bytes, { issuer: issuer.certificate, now: at, serialNumber: parts.serialNumber });
  expect(look(await make([]))).toEqual({ isRevoked: false, nextUpdate: later });
  const others = Array.from({ length: 200 }, (_, index) => ({
    serialNumber: `41${index.toString(16).padStart(4, '0')}`,
    revokedAt: now,
    reason: index % 2,
  }));
  expect(look(await make(others)).isRevoked).toBe(false);
  expect(look(await make([...others, { serialNumber, revokedAt: now, reason: 1 }])).isRevoked).toBe(true);
  expect(() => look(Buffer.alloc(0))).toThrow(RangeError);
  const old = await make([]);
  expect(() => look(old, new Date(later.getTime() + 1000))).toThrow('not in force');
  const forged = await make([], { ...(await authority()), certificate: issuer.certificate });
  expect(() => look(forged)).toThrow('a wrong signature');
});

test('of a list without an end, and of one in pieces, no certificate is taken for good that is revoked', async () => {
  const serial = der.unsignedInteger(parts.serialNumber);
  const extensions = (...list: Buffer[]): Buffer => der.explicit(0, der.sequence(...list));
  const listOf = (...rest: Buffer[]): Promise<Buffer> =>
    signed(
      der.sequence(signatureAlgorithm('P-256'), readCertificate(issuer.certificate).subject, der.time(now), ...rest),
      issuer.key,
    );
  const look = (bytes: Buffer) =>
    readRevocationList(bytes, { issuer: issuer.certificate, now, serialNumber: parts.serialNumber });
  const revoked = der.sequence(der.sequence(serial, der.time(now)));
  expect(look(await listOf(revoked)).isRevoked).toBe(true);
  expect(look(await listOf(der.time(later), revoked)).isRevoked).toBe(true);
  const number = der.sequence(der.unsignedInteger(Buffer.of(1)));
  const delta = extensions(extension('2.5.29.27', number, { critical: true }));
  const isDelta = await listOf(der.time(later), delta);
  expect(() => look(isDelta)).toThrow('not a complete list');
  const point = (item: Buffer): Buffer => extensions(extension('2.5.29.28', der.sequence(item), { critical: true }));
  const indirect = await listOf(der.time(later), point(der.implicit(4, Buffer.of(0xff))));
  expect(() => look(indirect)).toThrow('not a complete list');
  const users = await listOf(der.time(later), revoked, point(der.implicit(1, Buffer.of(0xff))));
  expect(look(users).isRevoked).toBe(true);
});

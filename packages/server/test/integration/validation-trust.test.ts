import { createPrivateKey } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signPdf } from '../../src/documents/index.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createServiceValidation } from '../../src/service/validation.ts';
import { createTrust, documentSigner, type Trust } from '../../src/trust/index.ts';
import { softwareKey } from '../../src/trust/keys/software-key.ts';
import type { ValidationReport } from '../../src/validation/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { blankPdf, sealAt, testSigner } from '../support/signed-pdf.ts';
import { rootIssuedCertificate } from '../support/root-issued.ts';
import { report, sealed } from '../support/tampering.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

let database: TestDatabase;
let trust: Trust;
let now = new Date();
const pass = (hours: number): void => void (now = new Date(now.getTime() + hours * 3_600_000));
const clock = { now: () => now };
const company = { appId: 'APP', etcOrgNo: 'a'.repeat(32), companyName: '上海甲房地产经纪有限公司' };

beforeAll(async () => {
  database = await createTestDatabase();
  trust = createTrust({ db: database.db, vault: createVault(Buffer.alloc(32, 7)), clock, keyAlgorithm: 'P-256' });
});
afterAll(async () => {
  await trust?.close();
  await database?.drop();
});

async function reportOn(pdf: Buffer, trustRoots: string | null = null): Promise<ValidationReport> {
  const validation = await createServiceValidation({ trustRoots }, { trust, clock });
  try {
    return await validation.validate(new Uint8Array(pdf));
  } finally {
    await validation.close();
  }
}

async function signedContract(): Promise<Buffer> {
  const signer = await trust.companySigner(database.db, company);
  return signPdf({ pdf: await blankPdf(1), fieldName: 's', signer, signedAt: now, widget: sealAt(0, 300, 300) });
}

test('what the service signed is valid by its own root, and not revoked by its own lists', async () => {
  const found = await reportOn(await signedContract());
  expect(found.verdict).toBe('valid');
  expect(found.signatures[0]).toMatchObject({
    trust: { state: 'trusted', source: 'built_in' },
    revocation: { state: 'good', source: 'crl' },
  });
});

test('what others signed is trusted where the operator says so', async () => {
  const signer = await testSigner('P-256', '外部公司');
  const pdf = await sealed(await blankPdf(1), 's', signer);
  expect((await reportOn(pdf)).verdict).toBe('indeterminate');
  const folder = await makeTemporaryFolder('yinxin-roots-');
  await writeFile(join(folder, 'one.pem'), signer.rootPem);
  await writeFile(join(folder, 'README'), 'no certificate');
  expect((await reportOn(pdf, folder)).signatures[0]!.trust).toMatchObject({ state: 'trusted', source: 'operator' });
  expect((await reportOn(pdf, join(folder, 'one.pem'))).verdict).toBe('valid');
  await expect(reportOn(pdf, join(folder, 'README'))).rejects.toMatchObject({ code: 'trust_roots_unreadable' });
  await expect(reportOn(pdf, join(folder, 'none'))).rejects.toMatchObject({ code: 'trust_roots_unreadable' });
});

test.each([
  ['a server', ['1.3.6.1.5.5.7.3.1'], 'indeterminate'],
  ['timestamps and OCSP answers', ['1.3.6.1.5.5.7.3.8', '1.3.6.1.5.5.7.3.9'], 'indeterminate'],
  ['a server and documents', ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.36'], 'valid'],
])('a certificate for %s', async (_, purposes, verdict) => {
  const { root, company: issued } = await rootIssuedCertificate('外部公司', purposes);
  const key = softwareKey(createPrivateKey({ key: issued.privateKey, format: 'der', type: 'pkcs8' }));
  const signer = documentSigner({ key, certificate: issued.certificate, chain: [] });
  const pdf = await signPdf({
    pdf: await blankPdf(1),
    fieldName: 's',
    signer,
    signedAt: new Date(),
    widget: sealAt(0, 300, 300),
  });
  const found = report(pdf, [root.certificate]);
  expect(found.verdict).toBe(verdict);
  const codes = found.signatures[0]!.problems.map(({ code }) => code);
  expect(codes.includes('certificate_not_for_signing')).toBe(verdict !== 'valid');
});

test('a certificate that was taken back leaves a signature without a proven time undetermined', async () => {
  const pdf = await signedContract();
  const { signatures } = await reportOn(pdf);
  const { serialNumber } = signatures[0]!.signer!;
  pass(1);
  await trust.revocation.revokeCertificate({ serialNumber, reason: 'key_compromise', note: '', actor: 'test' });
  pass(3);
  const found = await reportOn(pdf);
  expect([found.verdict, found.signatures[0]!.problems[0]!.code]).toEqual([
    'indeterminate',
    'certificate_revoked_since',
  ]);
  expect(found.signatures[0]!.revocation).toMatchObject({ state: 'revoked', source: 'crl' });
});

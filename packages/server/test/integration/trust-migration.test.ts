import { createHash, X509Certificate } from 'node:crypto';
import { cp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { migrate } from '../../src/platform/database/index.ts';
import { MIGRATIONS_FOLDER } from '../../src/platform/database/migrations.ts';
import { createVault } from '../../src/platform/vault.ts';
import { authoritiesFinding } from '../../src/service/authorities.ts';
import { createTrust, type DocumentSigner, type Trust } from '../../src/trust/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { opensslFolder, pem } from '../support/openssl.ts';
import { rootIssuedCertificate } from '../support/root-issued.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const database = await createTestDatabase({ migrated: false });
const vault = createVault(Buffer.alloc(32, 9));
const appId = 'OIG0AF4DMOK2VC2N';
const company = { appId, etcOrgNo: 'a'.repeat(32), companyName: '上海甲房地产经纪有限公司' };
const content = Buffer.from('合同');
const sha256 = createHash('sha256').update(content).digest();

let old: Awaited<ReturnType<typeof rootIssuedCertificate>>;
let trust: Trust;
/** Made by the certificate that the root itself had issued. */
let earlier: { signer: DocumentSigner; cms: Buffer };

beforeAll(async () => {
  const folder = await makeTemporaryFolder('yinxin-test-migrations-');
  const files = (await readdir(MIGRATIONS_FOLDER)).filter((name) => name < '0017');
  for (const name of files) await cp(new URL(name, MIGRATIONS_FOLDER), join(folder, name));
  await migrate(database.pool, pathToFileURL(`${folder}/`));
  await rm(folder, { recursive: true });

  old = await rootIssuedCertificate(company.companyName);
  const now = new Date();
  const rootKey = vault.seal(old.root.privateKey, 'certificate_authority/built-in');
  await database.pool.query(`insert into certificate_authority values ('built-in', 'P-256', $1, $2, $3, $4)`, [
    old.root.certificate,
    rootKey,
    old.root.notAfter,
    now,
  ]);
  const { serialNumber, certificate, privateKey, notBefore, notAfter } = old.company;
  const key = vault.seal(privateKey, `certificate/${appId}/${company.etcOrgNo}/${serialNumber}`);
  await database.pool.query(
    `insert into certificate values ($1, $2, $3, 'built-in', $4, null, 'P-256', $5, $6, $7, $8, null, $9)`,
    [appId, company.etcOrgNo, serialNumber, company.companyName, certificate, key, notBefore, notAfter, now],
  );
  await migrate(database.pool);
  trust = createTrust({
    db: database.db,
    vault,
    clock: systemClock,
    keyAlgorithm: 'P-256',
    pkiUrl: () => 'http://pki.test',
  });
  const signer = await trust.companySigner(database.db, company);
  earlier = { signer, cms: await signer.signDetached(sha256) };
});
afterAll(() => database.drop());

async function verified(cms: Buffer, rootPem: string): Promise<string> {
  await using folder = await opensslFolder();
  await folder.write('content', content);
  await folder.write('cms', cms);
  await folder.write('root.pem', rootPem);
  const { text } = await folder.run(
    'cms -verify -binary -inform DER -in cms -content content -out out -cades -CAfile root.pem',
  );
  return text.trim();
}

test('a company goes on with the certificate that the root gave it, and new ones come from the root too', async () => {
  expect(earlier.signer.certificate.equals(old.company.certificate)).toBe(true);
  expect(earlier.signer.chain).toEqual([old.root.certificate]);
  expect(await trust.rootCertificatePem()).toBe(pem(old.root.certificate));
  const person = await trust.personSigner(database.db, { appId, personKey: 'p1', name: '李清照' });
  expect(person.chain).toEqual([old.root.certificate]);
  expect(await verified(await person.signDetached(sha256), pem(old.root.certificate))).toContain('successful');
});

test('what the root issued itself can be revoked, and its status is told', async () => {
  const person = await trust.personSigner(database.db, { appId, personKey: 'p2', name: '辛弃疾' });
  expect((await trust.revocationEvidence(person.certificate)).ocsps).toHaveLength(1);
  const serialNumber = new X509Certificate(person.certificate).serialNumber.toLowerCase();
  const note = '签署人失联';
  await trust.revocation.revokeCertificate({ serialNumber, reason: 'cessation_of_operation', note, actor: 'operator' });
  await using folder = await opensslFolder();
  const published = await trust.revocation.publishedList('built-in');
  await folder.write('list', published!.list);
  const { text } = await folder.run('crl -inform DER -in list -noout -text');
  expect(text).toContain(serialNumber.toUpperCase());
  expect(text).toContain('Cessation Of Operation');
});

test('the doctor says so', async () => {
  const { ok, detail } = await authoritiesFinding(database.db);
  expect({ ok, detail }).toEqual({
    ok: true,
    detail: "the root's key is in the service; it issues certificates itself, until `yinxin trust root renew`",
  });
});

test('its key stays where it is until it allows an authority below it', async () => {
  const { pem: file } = await trust.custody.exportRoot({ passphrase: '十二个字符以上的口令 ok', actor: 'operator' });
  const taken = trust.custody.takeOutRoot({ pem: file, passphrase: '十二个字符以上的口令 ok', actor: 'operator' });
  await expect(taken).rejects.toThrow('root_too_old');
  await expect(trust.custody.renewIssuing({ actor: 'operator' })).rejects.toThrow('root_too_old');
});

test('once renewed, an issuing authority issues, and what was signed before is good under the old root and the new', async () => {
  await trust.custody.renewRoot({ actor: 'operator' });
  const rootPem = await trust.rootCertificatePem();
  expect(rootPem).not.toBe(pem(old.root.certificate));
  expect(new X509Certificate(rootPem).publicKey.equals(new X509Certificate(old.root.certificate).publicKey)).toBe(true);
  expect(await verified(earlier.cms, pem(old.root.certificate))).toContain('successful');
  expect(await verified(earlier.cms, rootPem)).toContain('successful');

  const signer = await trust.companySigner(database.db, company);
  expect(signer.certificate.equals(earlier.signer.certificate)).toBe(false);
  expect(signer.chain).toHaveLength(2);
  expect(await verified(await signer.signDetached(sha256), rootPem)).toContain('successful');
  expect((await trust.authorities()).map(({ issuer_id: issuer }) => issuer)).toEqual([null, 'built-in']);
});

import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPdfThreads, signPdf } from '../../src/documents/index.ts';
import { readConfig } from '../../src/platform/config.ts';
import { hasSm2 } from '../../src/platform/sm2.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createVault } from '../../src/platform/vault.ts';
import { readCertificate } from '../../src/trust/certificate-reader.ts';
import { createTrust, type KeyAlgorithm, type Trust } from '../../src/trust/index.ts';
import { createPkcs11Keys } from '../../src/trust/keys/pkcs11.ts';
import { generatePrivateKey, softwareKey } from '../../src/trust/keys/software-key.ts';
import { certificateIdOf, createStatusRequest, readStatusRequest } from '../../src/trust/ocsp.ts';
import { readRevocationList, readStatusResponse } from '../../src/trust/revocation-reader.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { opensslFolder } from '../support/openssl.ts';
import { blankPdf, extractSignatures, pdfsig, sealAt } from '../support/signed-pdf.ts';
import { silentField, startSigningFixture, type SigningFixture } from '../support/signing-fixture.ts';
import { elements, partsOfSigned, SM2_IDENTITY, sm2Judge, type Sm2Judge } from '../support/sm2-judge.ts';
import { report } from '../support/tampering.ts';
import { levelsInFile, startUpgradeWorld, twoPages } from '../support/upgrade-world.ts';

const appId = 'OIG0AF4DMOK2VC2N';
const SM2_WITH_SM3 = '1.2.156.10197.1.501';
const SM3 = '1.2.156.10197.1.401';

let judge: Sm2Judge;
let database: TestDatabase;
beforeAll(async () => {
  judge = await sm2Judge();
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
  await judge[Symbol.asyncDispose]();
});

const good = {
  digestAlgorithm: SM3,
  signatureAlgorithm: SM2_WITH_SM3,
  digestHolds: true,
  signatureHolds: true,
  links: ['OK', 'OK'],
  rootHolds: true,
};

const act = { signedAt: new Date(), widget: sealAt(0, 300, 400) };

/** The state that a node finds which is configured so. */
function node(keyAlgorithm: KeyAlgorithm, db = database): Trust {
  const vault = createVault(Buffer.alloc(32, 9));
  return createTrust({ db: db.db, vault, clock: systemClock, keyAlgorithm, pkiUrl: () => 'http://pki.test' });
}

const companyOf = (name: string) => ({
  appId,
  etcOrgNo: name.padEnd(32, 'x'),
  companyName: '上海甲房地产经纪有限公司',
});

test('SM2 is a choice of the configuration, and nobody has it unasked', () => {
  const settings = (variables = {}) => readConfig(variables, { cwd: '/srv', nodeName: 'n' }).trust;
  expect(hasSm2()).toBe(true);
  expect(settings().keyAlgorithm).toBe('RSA-2048');
  expect(settings({ YINXIN_CERTIFICATE_KEY: 'SM2' }).keyAlgorithm).toBe('SM2');
});

describe('a flow that is signed with SM2', () => {
  let fixture: SigningFixture;
  beforeAll(async () => {
    fixture = await startSigningFixture({}, { keyAlgorithm: 'SM2' });
  });
  afterAll(() => fixture.close());

  test('holds to openssl: what is covered, the signatures, and each certificate up to the root', async () => {
    const flowId = await fixture.openedFlow({ fields: [twoPages(), silentField()] });
    expect(await fixture.state(flowId)).toBe('done');
    const pdf = await fixture.newestFile(flowId);
    const root = new X509Certificate(await fixture.service.trust.rootCertificatePem()).raw;
    const signatures = extractSignatures(pdf);
    expect(signatures).toHaveLength(3);
    for (const signature of signatures) {
      const verdict = await judge.judge(signature);
      expect(verdict).toMatchObject(good);
      expect(verdict.root.equals(root)).toBe(true);
    }
    const found = report(pdf, [root], fixture.clock.now());
    expect(found.verdict).toBe('valid');
    expect(found.signatures.map(({ level }) => level)).toEqual(['B-B', 'B-B', 'B-B']);
    // NSS has no SM2: pdfsig says nothing of it, and does not call it good.
    expect((await pdfsig(pdf)).some(({ valid }) => valid)).toBe(false);
  });
});

test('a flow reaches B-LTA with SM2, its timestamps over SHA-256', async () => {
  const world = await startUpgradeWorld('B-LTA', undefined, 'SM2');
  try {
    const flowId = await world.fixture.openedFlow({ fields: [silentField()] });
    await world.later(60_000);
    const pdf = await world.fixture.newestFile(flowId);
    expect(await levelsInFile(world, pdf)).toEqual(['B-LTA']);
    const { certificate } = await world.fixture.service.trust.timestampIdentity(world.fixture.service.database.db);
    expect(new X509Certificate(certificate).publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
  } finally {
    await world.fixture.close();
  }
});

test('a thread hashes with SM3 for the signature and with SHA-256 for the file', async () => {
  const signer = await node('SM2').companySigner(database.db, companyOf('thread'));
  const pdf = createPdfThreads({ threads: 1 });
  try {
    const place = () => [0, 1].map((page) => ({ fieldName: `s${page}`, widget: sealAt(page, 300, 400) }));
    const file = await blankPdf(2);
    const { pieces, sha256 } = await pdf.sign({
      pdf: Buffer.from(file),
      sha256: createHash('sha256').update(file).digest('hex'),
      signer,
      signedAt: new Date(),
      limits: { bytesMax: 10_000_000 },
      place,
    });
    const whole = Buffer.concat(pieces);
    expect(sha256).toBe(createHash('sha256').update(whole).digest('hex'));
    const signatures = extractSignatures(whole);
    expect(signatures).toHaveLength(2);
    for (const signature of signatures) expect(await judge.judge(signature)).toMatchObject(good);
  } finally {
    await pdf.close();
  }
});

describe('an authority with SM2 keys', () => {
  test('signs lists and answers that openssl finds good, and that we believe', async () => {
    const trust = node('SM2');
    const signer = await trust.companySigner(database.db, companyOf('revoked'));
    const issuing = signer.chain[0]!;
    const { serialNumber } = readCertificate(signer.certificate);
    await trust.revocation.revokeCertificate({
      serialNumber: serialNumber.toString('hex'),
      reason: 'key_compromise',
      note: '泄露',
      actor: 'operator',
    });
    const authorities = await trust.authorities();
    const { authority_id: authorityId } = authorities.find(({ certificate }) => certificate.equals(issuing))!;
    const { list } = (await trust.revocation.publishedList(authorityId))!;
    expect(await judge.holds(partsOfSigned(list), issuing)).toBe(true);
    const now = new Date();
    expect(readRevocationList(list, { issuer: issuing, now, serialNumber }).isRevoked).toBe(true);

    const id = certificateIdOf(readCertificate(signer.certificate), readCertificate(issuing));
    const { response } = await trust.revocation.answerStatus(createStatusRequest(id));
    expect(readStatusResponse(response, { id, issuer: issuing, now })).toBe('revoked');
    const [answer] = elements(response);
    const [, tagged] = elements(answer!.contents);
    const [, octets] = elements(elements(tagged!.contents)[0]!.contents);
    const responder = elements(elements(elements(octets!.contents)[0]!.contents)[3]!.contents)[0]!.contents;
    expect(await judge.leads(responder, issuing)).toBe('OK');
    expect(await judge.holds(partsOfSigned(octets!.contents), responder)).toBe(true);
    // As a client asks that has no SHA-1.
    await using folder = await opensslFolder();
    await folder.write('issuing.pem', new X509Certificate(issuing).toString());
    await folder.write('leaf.pem', new X509Certificate(signer.certificate).toString());
    await folder.run('ocsp -sm3 -issuer issuing.pem -cert leaf.pem -no_nonce -reqout asked');
    const asked = await readFile(join(folder.path, 'asked'));
    const answeredToSm3 = await trust.revocation.answerStatus(asked);
    const named = readStatusRequest(asked).ids[0]!.bytes;
    expect(readStatusResponse(answeredToSm3.response, { id: named, issuer: issuing, now })).toBe('revoked');
    const altered = Buffer.from(list);
    altered[altered.length - 1]! ^= 1;
    expect(() => readRevocationList(altered, { issuer: issuing, now, serialNumber })).toThrow('a wrong signature');
  });

  test('lets its root go into a safe and come back', async () => {
    await using own = await createTestDatabaseOfItsOwn();
    const trust = node('SM2', own.database);
    const command = { passphrase: '保险柜里的口令 safe 2026', actor: 'operator' };
    const { pem } = await trust.custody.exportRoot(command);
    await trust.custody.takeOutRoot({ ...command, pem });
    const other = node('SM2', own.database);
    const before = await other.companySigner(own.database.db, companyOf('a'));
    await expect(other.custody.renewRootList({ actor: 'operator' })).rejects.toThrow('root_key_absent');
    await other.custody.renewIssuing({ actor: 'operator', rootFile: { ...command, pem } });
    await other.custody.bringBackRoot({ ...command, pem });
    const after = await other.companySigner(own.database.db, companyOf('b'));
    expect(after.chain[0]!.equals(before.chain[0]!)).toBe(false);
    expect(await judge.leads(after.certificate, after.chain[0]!)).toBe('OK');
    expect(await judge.leads(after.chain[0]!, after.chain[1]!)).toBe('OK');
  });
});

test('authorities that were there stay, and certify SM2 keys with their own', async () => {
  await using own = await createTestDatabaseOfItsOwn();
  const { db } = own.database;
  const before = await node('P-256', own.database).companySigner(db, companyOf('before'));
  const trust = node('SM2', own.database);
  expect((await trust.companySigner(db, companyOf('before'))).certificate.equals(before.certificate)).toBe(true);
  const person = await trust.personSigner(db, { appId, personKey: 'p', name: '欧阳修' });
  expect(person.digestAlgorithm).toBe('sm3');
  expect(person.chain).toEqual(before.chain);
  // Without a word of the identity: the link is ECDSA's.
  await using folder = await opensslFolder();
  await folder.write('root.pem', await trust.rootCertificatePem());
  await folder.write('issuing.pem', new X509Certificate(person.chain[0]!).toString());
  await folder.write('leaf.pem', new X509Certificate(person.certificate).toString());
  const { text } = await folder.run('verify -x509_strict -CAfile root.pem -untrusted issuing.pem leaf.pem');
  expect(text).toContain('leaf.pem: OK');

  await trust.custody.renewIssuing({ actor: 'operator', revoke: 'superseded' });
  const renewed = await trust.companySigner(db, companyOf('before'));
  expect(renewed.digestAlgorithm).toBe('sm3');
  expect(renewed.chain[1]!.equals(before.chain[1]!)).toBe(true);
  expect(await judge.leads(renewed.certificate, renewed.chain[0]!)).toBe('OK');
  const pdf = await signPdf({ pdf: await blankPdf(1), fieldName: 's', signer: renewed, ...act });
  expect(report(pdf, [renewed.chain[1]!]).verdict).toBe('valid');
});

describe('a key that openssl made', () => {
  test('signs from its PKCS#12 file', async () => {
    await using folder = await opensslFolder();
    await using own = await createTestDatabaseOfItsOwn();
    const companyName = 'Example Co';
    const distid = `-sigopt distid:${SM2_IDENTITY}`;
    await folder.write('passphrase', 'p@ss 口令');
    await folder.write(
      'leaf.cnf',
      'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,nonRepudiation\n',
    );
    const lines = [
      'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out root.key',
      `req -x509 -new -key root.key -sm3 ${distid} -subj /CN=SM2-Root -addext keyUsage=critical,keyCertSign,cRLSign -days 30 -out root.pem`,
      'genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out leaf.key',
      `req -new -key leaf.key -sm3 ${distid} -subj /CN=COMPANY -out leaf.csr`,
      `x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -sm3 ${distid} -vfyopt distid:${SM2_IDENTITY} -days 9 -extfile leaf.cnf -out leaf.pem`,
      'pkcs12 -export -inkey leaf.key -in leaf.pem -certfile root.pem -out company.p12 -passout file:passphrase',
    ];
    for (const line of lines) {
      const { code, text } = await folder.run(line.replace('COMPANY', companyName.replace(' ', '_')));
      expect(code, `${line}\n${text}`).toBe(0);
    }
    const vault = createVault(Buffer.alloc(32, 9));
    const trust = createTrust({ db: own.database.db, vault, clock: systemClock, keysFolder: folder.path });
    const company = { appId, etcOrgNo: 'c'.repeat(32), companyName: 'Example_Co' };
    const source = { kind: 'pkcs12', fileName: 'company.p12', passphrase: 'p@ss 口令', keepInFile: true } as const;
    const record = await trust.companies.importCompanyCertificate({ ...company, source, actor: 'operator' });
    expect(record).toMatchObject({ key_algorithm: 'SM2', key_store: 'pkcs12' });
    const signer = await trust.companySigner(own.database.db, company);
    const pdf = createPdfThreads({ threads: 1 });
    const place = () => [{ fieldName: 's', widget: sealAt(0, 300, 400) }];
    const job = { pdf: await blankPdf(1), signer, signedAt: new Date(), limits: { bytesMax: 1_000_000 }, place };
    const whole = Buffer.concat((await pdf.sign(job)).pieces);
    await pdf.close();
    const [signature] = extractSignatures(whole);
    expect(await judge.judge(signature!)).toMatchObject({ ...good, links: ['OK'] });
    expect(report(whole, [signer.chain[0]!]).verdict).toBe('valid');
  });

  test('in a PKCS#11 token is refused with the reason', async () => {
    const { publicKey } = softwareKey(await generatePrivateKey('SM2'));
    const keys = createPkcs11Keys({ modulePath: '/nowhere.so', pin: '1' });
    await expect(keys.open('pkcs11:token=t;object=k', publicKey)).rejects.toMatchObject({
      code: 'key_unsupported',
      params: { key: 'SM2 in a PKCS#11 token' },
    });
  });
});

async function createTestDatabaseOfItsOwn(): Promise<AsyncDisposable & { database: TestDatabase }> {
  const own = await createTestDatabase();
  return { database: own, [Symbol.asyncDispose]: () => own.drop() };
}

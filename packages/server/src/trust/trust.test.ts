import { createHash, createPublicKey, verify, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.ts';
import type { TestDatabase } from '../../test/support/database.ts';
import { createVault } from '../platform/vault.ts';
import * as der from './der.ts';
import { createTrust } from './index.ts';
import type { Trust } from './index.ts';
import type { TrustTables } from './tables.ts';

const DAY_MS = 86_400_000;
const vault = createVault(Buffer.alloc(32, 7));
const company = { appId: 'OIG0AF4DMOK2VC2N', etcOrgNo: 'a'.repeat(32), companyName: '上海甲房地产经纪有限公司' };

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function trustAt(start: string): { trust: Trust; advance: (ms: number) => void } {
  let now = new Date(start);
  const trust = createTrust({ db: database.db, vault, clock: { now: () => now }, keyAlgorithm: 'P-256' });
  return { trust, advance: (ms) => (now = new Date(now.getTime() + ms)) };
}

async function rows() {
  return database.db.withTables<TrustTables>().selectFrom('certificate').selectAll().orderBy('created_at').execute();
}

test('two nodes that start at once have one root', async () => {
  const [one, two] = [trustAt('2026-01-01T00:00:00Z'), trustAt('2026-01-01T00:00:00Z')];
  const [first, second] = await Promise.all([one.trust.rootCertificatePem(), two.trust.rootCertificatePem()]);
  expect(first).toBe(second);
  const root = new X509Certificate(first);
  expect(root.ca).toBe(true);
  expect(root.verify(root.publicKey)).toBe(true);
  expect(root.subject).toContain('Built-in Root CA');
  expect(new Date(root.validTo).getUTCFullYear()).toBe(2045);
});

describe('a company', () => {
  test('whose credit code is none is certified without it', async () => {
    const { trust } = trustAt('2026-01-01T00:00:00Z');
    const odd = { ...company, etcOrgNo: 'f'.repeat(32), socialCreditCode: '91310000中*' };
    const { subject } = new X509Certificate((await trust.companySigner(database.db, odd)).certificate);
    expect(subject.split('\n')).toEqual(['C=CN', `O=${odd.companyName}`, `CN=${odd.companyName}`]);
  });

  test('has one certificate however many nodes ask at once, named as the company is', async () => {
    const nodes = Array.from({ length: 4 }, () => trustAt('2026-01-01T00:00:00Z').trust);
    const asked = { ...company, etcOrgNo: 'b'.repeat(32), socialCreditCode: '91310000MA1FL0000X' };
    const signers = await Promise.all(nodes.map((trust) => trust.companySigner(database.db, asked)));
    expect(new Set(signers.map(({ certificate }) => certificate.toString('hex'))).size).toBe(1);

    const certificate = new X509Certificate(signers[0]!.certificate);
    const [issuing, root] = signers[0]!.chain.map((each) => new X509Certificate(each));
    expect(certificate.verify(issuing!.publicKey)).toBe(true);
    expect(certificate.checkIssued(issuing!)).toBe(true);
    expect(issuing!.checkIssued(root!)).toBe(true);
    expect(certificate.subject).toContain('91310000MA1FL0000X');
    expect(certificate.ca).toBe(false);
    const [commonName] = /^CN=.*$/m.exec(certificate.subject) ?? [];
    expect(commonName).toBe(`CN=${company.companyName}`);
    expect(certificate.serialNumber).toMatch(/^[4-7][0-9A-F]{39}$/);
  });

  test('keeps its certificate, has a new one for a new name, and another before the old one ends', async () => {
    const { trust, advance } = trustAt('2026-01-01T00:00:00Z');
    const first = await trust.companySigner(database.db, company);
    advance(365 * DAY_MS);
    expect(await trust.companySigner(database.db, company)).toBe(first);

    const renamed = { ...company, companyName: '上海甲置业有限公司' };
    const second = await trust.companySigner(database.db, renamed);
    expect(second.certificate.equals(first.certificate)).toBe(false);
    expect(new X509Certificate(second.certificate).subject).toContain('上海甲置业有限公司');

    advance(3 * 365 * DAY_MS);
    const third = await trust.companySigner(database.db, renamed);
    expect(third.certificate.equals(second.certificate)).toBe(false);
    const kept = (await rows()).filter((row) => row.holder_key === company.etcOrgNo);
    expect(kept.map((row) => row.superseded_at === null)).toEqual([false, false, true]);
  });

  test('is issued inside a transaction, and not at all when that is rolled back', async () => {
    const { trust } = trustAt('2026-01-01T00:00:00Z');
    const asked = { ...company, etcOrgNo: 'c'.repeat(32) };
    const failing = database.db.transaction().execute(async (tx) => {
      await trust.companySigner(tx, asked);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    expect((await rows()).filter((row) => row.holder_key === asked.etcOrgNo)).toEqual([]);
  });

  test('its private key rests sealed, and opens for no other company', async () => {
    const [row] = await rows();
    const context = (etcOrgNo: string) => `certificate/${row!.app_id}/${etcOrgNo}/${row!.serial_number}`;
    const key = vault.open(row!.private_key_sealed!, context(row!.holder_key));
    expect(row!.private_key_sealed!.includes(key.subarray(0, 20))).toBe(false);
    expect(() => vault.open(row!.private_key_sealed!, context('d'.repeat(32)))).toThrow('sealed_unreadable');
  });
});

test('one ID number under several names, asked for at once: each name signs with a certificate of its own', async () => {
  const names = ['甲', '乙', '丙'];
  for (let round = 0; round < 10; round += 1) {
    const asked = names.map((name) => ({ appId: company.appId, personKey: `person:${round}`, name, idNumber: '1' }));
    const signers = await Promise.all(
      asked.map((person) => trustAt('2026-01-01T00:00:00Z').trust.personSigner(database.db, person)),
    );
    const subjects = signers.map(({ certificate }) => new X509Certificate(certificate).subject);
    expect(subjects.map((subject) => names.find((name) => subject.includes(name)))).toEqual(names);
  }
});

test('a CMS signs its attributes as a SET OF, and none is longer than the signer says', async () => {
  const { trust } = trustAt('2026-01-01T00:00:00Z');
  const signer = await trust.companySigner(database.db, company);
  const digest = createHash('sha256').update('合同').digest();
  const publicKey = createPublicKey(
    new X509Certificate(signer.certificate).publicKey.export({ type: 'spki', format: 'pem' }),
  );
  for (let round = 0; round < 100; round += 1) {
    const cms = await signer.signDetached(digest);
    expect(cms.length).toBeLessThanOrEqual(signer.signatureBytesMax);
    const { attributes, signature } = signerInfo(cms);
    expect(verify('sha256', attributes, publicKey, signature)).toBe(true);
    expect(attributes.includes(digest)).toBe(true);
    expect(attributes.includes(createHash('sha256').update(signer.certificate).digest())).toBe(true);
  }
});

/** The signed attributes with the tag that is signed, and the signature value. */
function signerInfo(cms: Buffer): { attributes: Buffer; signature: Buffer } {
  const inside = (bytes: Buffer | undefined) => der.readElements(bytes ?? Buffer.alloc(0));
  const [contentInfo] = inside(cms);
  const [, explicit] = inside(contentInfo?.contents);
  const [signedData] = inside(explicit?.contents);
  const signerInfos = inside(signedData?.contents).at(-1);
  const [info] = inside(signerInfos?.contents);
  const [, , , attributes, , signature] = inside(info?.contents);
  return {
    attributes: Buffer.concat([Buffer.from([0x31]), attributes!.bytes.subarray(1)]),
    signature: signature!.contents,
  };
}

import { createHash, X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verifyAuditChain } from '../../src/audit/index.ts';
import { createVault } from '../../src/platform/vault.ts';
import { authoritiesFinding } from '../../src/service/authorities.ts';
import { createTrust, type DocumentSigner, type Trust } from '../../src/trust/index.ts';
import type { TrustTables } from '../../src/trust/tables.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { opensslFolder, pem, type OpensslFolder } from '../support/openssl.ts';

const DAY_MS = 86_400_000;
const appId = 'OIG0AF4DMOK2VC2N';
const company = { appId, etcOrgNo: 'a'.repeat(32), companyName: '上海甲房地产经纪有限公司' };
const actor = 'operator';
const passphrase = '保险柜里的口令 safe 2026';
const vault = createVault(Buffer.alloc(32, 3));

let database: TestDatabase;
let folder: OpensslFolder;
let now: Date;
const folders: OpensslFolder[] = [];

/** Another process over the same database: it knows nothing but what is stored. */
function node(): Trust {
  const clock = { now: () => now };
  return createTrust({ db: database.db, vault, clock, keyAlgorithm: 'P-256', pkiUrl: () => 'http://pki.test' });
}

beforeEach(async () => {
  database = await createTestDatabase();
  folder = await opensslFolder();
  folders.push(folder);
  now = new Date();
});
afterEach(() => database.drop());
afterAll(async () => {
  for (const each of folders) await each[Symbol.asyncDispose]();
});

async function takenOut(): Promise<{ pem: string; passphrase: string }> {
  const trust = node();
  const { pem: file } = await trust.custody.exportRoot({ passphrase, actor });
  await trust.custody.takeOutRoot({ pem: file, passphrase, actor });
  return { pem: file, passphrase };
}

/** What openssl says of a signature by this signer, with both lists at hand. */
async function judged(trust: Trust, signer: DocumentSigner): Promise<string> {
  let trusted = await trust.rootCertificatePem();
  for (const { authority_id: id } of await trust.authorities()) {
    const published = await trust.revocation.publishedList(id);
    if (published === undefined) continue;
    await folder.write('list', published.list);
    trusted += (await folder.run('crl -inform DER -in list')).text;
  }
  await folder.write('trusted.pem', trusted);
  await folder.write('content', 'x');
  await folder.write('cms', await signer.signDetached(createHash('sha256').update('x').digest()));
  const { text } = await folder.run(
    'cms -verify -binary -inform DER -in cms -content content -out out -cades -crl_check_all -CAfile trusted.pem',
  );
  return text;
}

describe('the root', () => {
  test('is exported so that openssl opens it with the passphrase, and with no other', async () => {
    const { pem: file } = await node().custody.exportRoot({ passphrase, actor });
    await folder.write('root.key', file);
    await folder.write('right', passphrase);
    await folder.write('wrong', 'another passphrase');
    expect((await folder.run('pkey -in root.key -passin file:right -noout -text')).text).toContain('prime256v1');
    expect((await folder.run('pkey -in root.key -passin file:wrong -noout')).code).not.toBe(0);
    expect(file).toContain(await node().rootCertificatePem());
    expect(file).not.toContain('BEGIN PRIVATE KEY');
    await expect(node().custody.exportRoot({ passphrase: 'short', actor })).rejects.toThrow('passphrase_weak');
  });

  test('leaves the service only when the file in hand opens, and the issuing authority goes on alone', async () => {
    const trust = node();
    const before = await trust.companySigner(database.db, company);
    const { pem: file } = await trust.custody.exportRoot({ passphrase, actor });
    const wrong = trust.custody.takeOutRoot({ pem: file, passphrase: 'another passphrase', actor });
    await expect(wrong).rejects.toThrow('key_file_invalid');
    const others = createTrust({
      db: (await createOther()).db,
      vault,
      clock: { now: () => now },
      keyAlgorithm: 'P-256',
    });
    const { pem: another } = await others.custody.exportRoot({ passphrase, actor });
    await expect(trust.custody.takeOutRoot({ pem: another, passphrase, actor })).rejects.toThrow('key_file_invalid');

    await trust.custody.takeOutRoot({ pem: file, passphrase, actor });
    const root = await database.db
      .withTables<TrustTables>()
      .selectFrom('certificate_authority')
      .select('private_key_sealed')
      .where('authority_id', '=', 'built-in')
      .executeTakeFirst();
    expect(root?.private_key_sealed).toBe(null);
    await expect(trust.custody.exportRoot({ passphrase, actor })).rejects.toThrow('root_key_absent');
    for (const each of [trust, node()]) {
      const person = await each.personSigner(database.db, { appId, personKey: 'p', name: '苏轼' });
      expect(await judged(each, person)).toContain('CAdES Verification successful');
      expect(await judged(each, before)).toContain('CAdES Verification successful');
    }
    expect((await verifyAuditChain(database.db, '*')).fault).toBe(null);
  });

  test('comes back, or serves for one deed without being kept', async () => {
    const file = await takenOut();
    const trust = node();
    await expect(trust.custody.renewIssuing({ actor })).rejects.toThrow('root_key_absent');
    const list = await trust.custody.renewRootList({ rootFile: file, actor });
    expect(list.nextUpdate.getTime()).toBeGreaterThan(now.getTime() + 365 * DAY_MS);
    expect((await trust.authorities())[0]).toMatchObject({ has_key: false });
    await trust.custody.bringBackRoot({ ...file, actor });
    expect((await trust.authorities())[0]).toMatchObject({ has_key: true });
    await expect(trust.custody.bringBackRoot({ ...file, actor })).rejects.toThrow('root_key_present');
    await trust.custody.renewIssuing({ actor });
  });
});

describe('the issuing authority', () => {
  test('is renewed: certificates of the one before stay good, new ones come from the new one', async () => {
    const before = await node().companySigner(database.db, company);
    const file = await takenOut();
    const trust = node();
    await trust.custody.renewIssuing({ rootFile: file, actor });
    // Who has a certificate keeps it.
    expect((await trust.companySigner(database.db, company)).certificate).toEqual(before.certificate);
    const person = await trust.personSigner(database.db, { appId, personKey: 'p', name: '苏轼' });
    expect(person.chain[0]).not.toEqual(before.chain[0]);
    expect(person.chain[1]).toEqual(before.chain[1]);
    expect(await judged(trust, before)).toContain('successful');
    expect(await judged(trust, person)).toContain('successful');
    expect((await trust.authorities()).map(({ superseded_at: at }) => at === null)).toEqual([true, false, true]);
  });

  test('whose key was lost is revoked: nothing it issued is good any more, and holders are issued others', async () => {
    const lost = await node().companySigner(database.db, company);
    const file = await takenOut();
    const trust = node();
    await trust.custody.renewIssuing({ rootFile: file, revoke: 'key_compromise', actor });
    expect(await judged(trust, lost)).toContain('certificate revoked');
    const signer = await trust.companySigner(database.db, company);
    expect(signer.certificate.equals(lost.certificate)).toBe(false);
    expect(await judged(trust, signer)).toContain('successful');
  });

  test('renews itself in time while the root is there, and two nodes agree on the next one', async () => {
    const before = await node().companySigner(database.db, company);
    now = new Date(now.getTime() + 8 * 365 * DAY_MS);
    const signers = await Promise.all(
      [node(), node(), node()].map(async (trust, index) =>
        trust.personSigner(database.db, { appId, personKey: `p${index}`, name: '苏轼' }),
      ),
    );
    expect(new Set(signers.map(({ chain }) => chain[0]!.toString('hex'))).size).toBe(1);
    expect(signers[0]!.chain[0]).not.toEqual(before.chain[0]);
    expect(new X509Certificate(signers[0]!.certificate).validTo).not.toBe('');
  });

  test('whose root is away goes on to its own end, and no certificate outlives it', async () => {
    await takenOut();
    now = new Date(now.getTime() + 9 * 365 * DAY_MS);
    const trust = node();
    const signer = await trust.companySigner(database.db, company);
    const ends = signer.chain.map((each) => Date.parse(new X509Certificate(each).validTo));
    expect(Date.parse(new X509Certificate(signer.certificate).validTo)).toBe(ends[0]);
    // The service's own cannot last longer either, and are not made anew for that at each use.
    const stamp = await trust.timestampIdentity(database.db);
    expect((await node().timestampIdentity(database.db)).certificate).toEqual(stamp.certificate);
    now = new Date(now.getTime() + 400 * DAY_MS);
    await expect(node().companySigner(database.db, company)).rejects.toThrow('root_key_absent');
  });
});

const others: TestDatabase[] = [];
async function createOther(): Promise<TestDatabase> {
  const other = await createTestDatabase();
  others.push(other);
  return other;
}
afterAll(async () => {
  for (const other of others) await other.drop();
});

test('the doctor tells in time what the root must be brought for', async () => {
  await node().companySigner(database.db, company);
  expect(await authoritiesFinding(database.db)).toMatchObject({ ok: true, detail: "the root's key is in the service" });
  now = new Date(now.getTime() - 390 * DAY_MS);
  await takenOut();
  const finding = await authoritiesFinding(database.db);
  expect(finding).toMatchObject({ ok: false });
  expect(finding.detail).toMatch(/^the root's list ends on \d{4}-\d\d-\d\d: `yinxin trust root list`/);
});

test('a certificate that was issued to a holder at the same moment by two nodes is one', async () => {
  const signers = await Promise.all(
    [node(), node(), node(), node()].map((trust) => trust.companySigner(database.db, company)),
  );
  expect(new Set(signers.map(({ certificate }) => pem(certificate))).size).toBe(1);
});

test('revocations at once by several nodes are all in the newest list, under numbers that only grow', async () => {
  const nodes = [node(), node(), node()];
  const holders = await Promise.all(
    Array.from({ length: 9 }, async (_, index) =>
      nodes[index % 3]!.personSigner(database.db, { appId, personKey: `p${index}`, name: '苏轼' }),
    ),
  );
  const serials = holders.map(({ certificate }) => new X509Certificate(certificate).serialNumber.toLowerCase());
  const listOf = async (): Promise<string> => {
    const issuing = (await nodes[0]!.authorities()).at(-1)!.authority_id;
    await folder.write('list', (await nodes[0]!.revocation.publishedList(issuing))!.list);
    return (await folder.run('crl -inform DER -in list -noout -text')).text;
  };
  const numberOf = (text: string): number => Number.parseInt(/CRL Number:\s+(\w+)/.exec(text)![1]!, 10);
  const before = numberOf(await listOf());
  await Promise.all(
    serials.map((serialNumber, index) =>
      nodes[index % 3]!.revocation.revokeCertificate({ serialNumber, reason: 'superseded', note: 'x', actor }),
    ),
  );
  const after = await listOf();
  for (const serial of serials) expect(after).toContain(serial.toUpperCase());
  expect(numberOf(after)).toBe(before + 9);
});

test('however many ask for a status at first, one responder is made for them', async () => {
  const trust = node();
  const { certificate } = await trust.companySigner(database.db, company);
  const all = await Promise.all(Array.from({ length: 20 }, async () => trust.revocationEvidence(certificate)));
  expect(all.every(({ ocsps }) => ocsps.length === 1)).toBe(true);
  const rows = await database.db
    .withTables<TrustTables>()
    .selectFrom('service_certificate')
    .select('purpose')
    .execute();
  expect(rows).toEqual([{ purpose: 'ocsp' }]);
});

test('a signer that is ready signs no more once its certificate is revoked, on any node', async () => {
  const [one, other] = [node(), node()];
  const signer = await one.companySigner(database.db, company);
  expect((await other.companySigner(database.db, company)).certificate).toEqual(signer.certificate);
  const serialNumber = new X509Certificate(signer.certificate).serialNumber.toLowerCase();
  await one.revocation.revokeCertificate({ serialNumber, reason: 'key_compromise', note: 'x', actor });
  for (const trust of [one, other]) {
    const next = await trust.companySigner(database.db, company);
    expect(next.certificate.equals(signer.certificate)).toBe(false);
  }
});

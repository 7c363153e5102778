import { createHash, generateKeyPairSync, X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createRoot, issueCompanyCertificate, type Issuer } from '../../src/trust/authority.ts';
import { createTrust, type KeySource, type Trust } from '../../src/trust/index.ts';
import { softwareKey } from '../../src/trust/keys/software-key.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { opensslFolder, pem, type OpensslFolder } from '../support/openssl.ts';
import { SOFTHSM_PIN, softhsmModule, startToken } from '../support/softhsm.ts';

const DAY_MS = 86_400_000;
const appId = 'OIG0AF4DMOK2VC2N';
const actor = 'operator';
const passphrase = 'p@ss 口令';
const companyName = '上海甲房地产经纪有限公司';
const vault = createVault(Buffer.alloc(32, 5));

let database: TestDatabase;
let folder: OpensslFolder;
let token: Awaited<ReturnType<typeof startToken>> | undefined;
let now = new Date();
/** A licensed authority, with whom the service has nothing to do. */
let licensed: Issuer;
const opened: Trust[] = [];

function node(policy: { companyAuthority?: 'imported' } = {}): Trust {
  const trust = createTrust({
    db: database.db,
    vault,
    clock: { now: () => now },
    keyAlgorithm: 'P-256',
    keysFolder: join(folder.path, 'keys'),
    pkcs11: { modulePath: softhsmModule, pin: SOFTHSM_PIN },
    policy,
  });
  opened.push(trust);
  return trust;
}

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await opensslFolder();
  await mkdir(join(folder.path, 'keys'));
  await folder.write('passphrase', passphrase);
  if (softhsmModule !== null) token = await startToken('company');
  const key = softwareKey(generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey);
  licensed = { certificate: (await createRoot(key, now)).certificate, key };
});
afterAll(async () => {
  for (const trust of opened) await trust.close();
  await token?.remove();
  await folder[Symbol.asyncDispose]();
  await database.drop();
});

async function certified(
  privateKey: KeyObject,
  { name = companyName, at = now, days = 365 } = {},
): Promise<{ certificate: Buffer; keyPem: string }> {
  const { publicKey } = softwareKey(privateKey);
  const request = { subject: { companyName: name }, publicKey, now: at, days };
  const { certificate } = await issueCompanyCertificate(licensed, request);
  return { certificate, keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

const rsaKey = (): KeyObject => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

/** A PKCS#12 file in the folder for keys. */
async function fileOf(name: string, made: { certificate: Buffer; keyPem: string }, chain = true): Promise<string> {
  await folder.write('made.key', made.keyPem);
  await folder.write('made.pem', pem(made.certificate));
  await folder.write('chain.pem', pem(licensed.certificate));
  const more = chain ? '-certfile chain.pem' : '';
  const line = `pkcs12 -export -inkey made.key -in made.pem ${more} -out keys/${name} -passout file:passphrase`;
  expect((await folder.run(line.replace('  ', ' '))).text).toBe('');
  return name;
}

let companies = 0;
function newCompany(): { appId: string; etcOrgNo: string; companyName: string } {
  companies += 1;
  return { appId, etcOrgNo: `${companies}`.padStart(32, 'c'), companyName };
}

async function signs(trust: Trust, company: ReturnType<typeof newCompany>, certificate: Buffer): Promise<void> {
  const signer = await trust.companySigner(database.db, company);
  expect(signer.certificate.equals(certificate)).toBe(true);
  expect(signer.chain).toEqual([licensed.certificate]);
  await folder.write('content', 'x');
  await folder.write('cms', await signer.signDetached(createHash('sha256').update('x').digest()));
  await folder.write('trusted.pem', pem(licensed.certificate));
  const line = 'cms -verify -binary -inform DER -in cms -content content -out out -cades -CAfile trusted.pem';
  expect((await folder.run(line)).text).toContain('CAdES Verification successful');
}

describe('a company with a certificate of a licensed authority', () => {
  test.each([true, false])('signs with it, the key in its PKCS#12 file: %s', async (keepInFile) => {
    const company = newCompany();
    const trust = node();
    const builtIn = await trust.companySigner(database.db, company);
    const made = await certified(rsaKey());
    const fileName = await fileOf(`kept-${keepInFile}.p12`, made);
    const source: KeySource = { kind: 'pkcs12', fileName, passphrase, keepInFile };
    const record = await trust.companies.importCompanyCertificate({ ...company, source, actor });
    expect(record).toMatchObject({ key_store: keepInFile ? 'pkcs12' : 'database', authority_id: null });
    await signs(trust, company, made.certificate);
    const [entry] = await listAudit(database.db, { appId, limit: 1, subject: `org:${company.etcOrgNo}` });
    expect(entry).toMatchObject({ action: 'certificate.import' });
    expect(JSON.stringify(entry)).not.toContain(passphrase);

    await rm(join(folder.path, 'keys', fileName));
    const other = node();
    if (keepInFile) await expect(other.companySigner(database.db, company)).rejects.toThrow('key_file_missing');
    else await signs(other, company, made.certificate);

    await trust.companies.releaseCompanyCertificate({ ...company, actor });
    const after = await trust.companySigner(database.db, company);
    expect(after.chain).toEqual(builtIn.chain);
  });

  test.skipIf(softhsmModule === null)('signs with it, the key in a PKCS#11 token', async () => {
    const company = newCompany();
    const made = await certified(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    await token!.importKey(made.keyPem, { label: '合同专用章', id: 'c0' });
    const source: KeySource = {
      kind: 'pkcs11',
      reference: `pkcs11:token=company;object=${encodeURIComponent('合同专用章')}`,
      certificatesPem: pem(licensed.certificate) + pem(made.certificate),
    };
    await node().companies.importCompanyCertificate({ ...company, source, actor });
    await signs(node(), company, made.certificate);
    const another = await certified(rsaKey());
    const wrong = { ...source, certificatesPem: pem(licensed.certificate) + pem(another.certificate) };
    const taken = node().companies.importCompanyCertificate({ ...newCompany(), source: wrong, actor });
    await expect(taken).rejects.toThrow(/key_mismatch|pkcs11_failed/);
  });

  test('is never given one of ours in its place, not when it has expired either', async () => {
    const company = newCompany();
    const trust = node();
    const made = await certified(rsaKey(), { days: 30 });
    const fileName = await fileOf('short.p12', made);
    const source: KeySource = { kind: 'pkcs12', fileName, passphrase, keepInFile: false };
    await trust.companies.importCompanyCertificate({ ...company, source, actor });
    await signs(trust, { ...company, companyName: '上海甲置业有限公司' }, made.certificate);
    const before = now;
    now = new Date(now.getTime() + 31 * DAY_MS);
    await expect(trust.companySigner(database.db, company)).rejects.toThrow('certificate_expired');
    now = before;
    const serialNumber = new X509Certificate(made.certificate).serialNumber.toLowerCase();
    const revoked = { serialNumber, reason: 'superseded', note: 'x', actor } as const;
    await expect(trust.revocation.revokeCertificate(revoked)).rejects.toThrow('certificate_foreign');
  });

  test('imports its next one over the one before, and the one before again', async () => {
    const company = newCompany();
    const trust = node();
    const [first, second] = [await certified(rsaKey()), await certified(rsaKey())];
    for (const [name, made] of [
      ['one', first],
      ['two', second],
      ['one', first],
    ] as const) {
      const fileName = await fileOf(`${name}.p12`, made);
      const source: KeySource = { kind: 'pkcs12', fileName, passphrase, keepInFile: true };
      await trust.companies.importCompanyCertificate({ ...company, source, actor });
      await signs(trust, company, made.certificate);
    }
  });

  test('is the only one that signs, where the configuration says so', async () => {
    const trust = node({ companyAuthority: 'imported' });
    const company = newCompany();
    await expect(trust.companySigner(database.db, company)).rejects.toThrow('certificate_not_imported');
    const made = await certified(rsaKey());
    const source: KeySource = {
      kind: 'pkcs12',
      fileName: await fileOf('only.p12', made),
      passphrase,
      keepInFile: true,
    };
    await trust.companies.importCompanyCertificate({ ...company, source, actor });
    await signs(trust, company, made.certificate);
    await trust.personSigner(database.db, { appId, personKey: 'p', name: '王安石' });
    // What the service itself vouches for, such as evidence reports.
    await trust.companySigner(database.db, { appId: '*', etcOrgNo: 'service', companyName: '印信服务' });
  });
});

describe('a certificate is not taken', () => {
  const faults: [string, (name: string) => Promise<Partial<KeySource> | void>, RegExp][] = [
    [
      'that names another company',
      async (name) => void (await fileOf(name, await certified(rsaKey(), { name: '乙' }))),
      /does not name/,
    ],
    [
      'that has ended',
      async (name) =>
        void (await fileOf(name, await certified(rsaKey(), { at: new Date(now.getTime() - 20 * DAY_MS), days: 10 }))),
      /it is good from/,
    ],
    [
      'without its issuer',
      async (name) => void (await fileOf(name, await certified(rsaKey()), false)),
      /did not come along/,
    ],
    ['whose file is not there', async () => {}, /key_file_missing/],
    [
      'whose passphrase is another',
      async (name) => {
        await fileOf(name, await certified(rsaKey()));
        return { passphrase: 'wrong' };
      },
      /passphrase does not open/,
    ],
    [
      'of a key that signs otherwise',
      async (name) => {
        const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
        const publicKey = Buffer.from(
          (await import('node:crypto')).createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
        );
        const request = { subject: { companyName }, publicKey, now, days: 9 };
        const { certificate } = await issueCompanyCertificate(licensed, request);
        await fileOf(name, { certificate, keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() });
      },
      /key_unsupported/,
    ],
  ];
  test.each(faults)('%s', async (what, prepare, reason) => {
    const company = newCompany();
    const trust = node();
    const before = await trust.companySigner(database.db, company);
    const fileName = `${createHash('sha256').update(what).digest('hex').slice(0, 8)}.p12`;
    const changed = await prepare(fileName);
    const source = { kind: 'pkcs12', fileName, passphrase, keepInFile: false, ...changed } as KeySource;
    await expect(trust.companies.importCompanyCertificate({ ...company, source, actor })).rejects.toThrow(reason);
    expect(await trust.companySigner(database.db, company)).toBe(before);
  });
});

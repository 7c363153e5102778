import { X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { registerPkiRoutes } from '../../src/dialects/pki/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { readCertificate } from '../../src/trust/certificate-reader.ts';
import { certificateIdOf, createStatusRequest } from '../../src/trust/ocsp.ts';
import { createTrust, type DocumentSigner, type KeyAlgorithm, type Trust } from '../../src/trust/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { opensslFolder, pem } from '../support/openssl.ts';

const appId = 'OIG0AF4DMOK2VC2N';
const log = createLog({ level: 'silent' });
const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });

interface Site extends AsyncDisposable {
  database: TestDatabase;
  trust: Trust;
  url: string;
}

async function startSite(keyAlgorithm: KeyAlgorithm): Promise<Site> {
  const database = await createTestDatabase();
  let url = '';
  const vault = createVault(Buffer.alloc(32, 7));
  const trust = createTrust({ db: database.db, vault, clock: systemClock, egress, keyAlgorithm, pkiUrl: () => url });
  const server = createHttpServer({ log, trustedProxies: [] });
  registerPkiRoutes(server, { trust, clock: systemClock, limits: { unprovenPerSecondPerAddressMax: 1_000 } });
  await server.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  return {
    database,
    trust,
    url,
    async [Symbol.asyncDispose]() {
      await server.close();
      await database.drop();
    },
  };
}

async function bytesOf(url: string, init?: RequestInit): Promise<{ answer: Response; bytes: Buffer }> {
  const answer = await fetch(url, init);
  return { answer, bytes: Buffer.from(await answer.arrayBuffer()) };
}

const serialOf = (signer: DocumentSigner): string => new X509Certificate(signer.certificate).serialNumber.toLowerCase();

afterAll(() => egress.close());

describe.each(['RSA-2048', 'P-256'] as const)('with %s', (keyAlgorithm) => {
  let site: Site;
  let company: DocumentSigner;
  let person: DocumentSigner;
  beforeAll(async () => {
    site = await startSite(keyAlgorithm);
    const { trust, database } = site;
    company = await trust.companySigner(database.db, {
      appId,
      etcOrgNo: 'a'.repeat(32),
      companyName: '上海甲房地产经纪有限公司',
      socialCreditCode: '91310000MA1FL0000X',
    });
    const who = { appId, personKey: 'p1', name: '欧阳修', idNumber: '310101199001011234' };
    person = await trust.personSigner(database.db, who);
  });
  afterAll(() => site[Symbol.asyncDispose]());

  test('openssl follows company and person to the root, for the purposes of a document signature', async () => {
    await using folder = await opensslFolder();
    await folder.write('root.pem', await site.trust.rootCertificatePem());
    for (const [name, signer] of Object.entries({ company, person })) {
      await folder.write('issuing.pem', pem(signer.chain[0]!));
      await folder.write('leaf.pem', pem(signer.certificate));
      const verified = await folder.run(
        'verify -x509_strict -purpose smimesign -CAfile root.pem -untrusted issuing.pem leaf.pem',
      );
      expect(`${name} ${verified.text}`).toContain('leaf.pem: OK');
      const { text } = await folder.run('x509 -in leaf.pem -noout -text -nameopt utf8');
      expect(text).toMatch(/X509v3 Key Usage: critical\s+Digital Signature, Non Repudiation\n/);
      expect(text).toContain(`OCSP - URI:${site.url}/pki/ocsp`);
      expect(text).toMatch(/CA Issuers - URI:http:\/\/127\.0\.0\.1:\d+\/pki\/issuing-[0-9a-f]{16}\.cer/);
      expect(text).toMatch(/X509v3 CRL Distribution Points:\s+Full Name:\s+URI:http:\S+\.crl/);
    }
  });

  test("a person's certificate names the person and holds nothing of the ID number", async () => {
    const { subject } = new X509Certificate(person.certificate);
    expect(subject).toMatch(/^C=CN\nCN=欧阳修\nserialNumber=[0-9A-F]{32}$/);
    expect(person.certificate.includes('19900101')).toBe(false);
    const again = { appId, personKey: 'p1', name: '欧阳修', idNumber: '310101199001011234' };
    expect(await site.trust.personSigner(site.database.db, again)).toBe(person);
    const other = await site.trust.personSigner(site.database.db, { ...again, idNumber: '310101199001011242' });
    expect(serialOf(other)).not.toBe(serialOf(person));
  });

  test('the issuers are where the certificates say', async () => {
    const { infoAccess = '' } = new X509Certificate(company.certificate);
    const url = /CA Issuers - URI:(.*)/.exec(infoAccess)![1]!;
    const issuing = await bytesOf(url);
    expect(issuing.answer.headers.get('content-type')).toBe('application/pkix-cert');
    expect(issuing.bytes.equals(company.chain[0]!)).toBe(true);
    const above = /CA Issuers - URI:(.*)/.exec(new X509Certificate(issuing.bytes).infoAccess!)![1]!;
    expect((await bytesOf(above)).bytes.equals(company.chain[1]!)).toBe(true);
    expect((await bytesOf(`${site.url}/pki/other.cer`)).answer.status).toBe(404);
    expect((await bytesOf(`${site.url}/pki/other.crl`)).answer.status).toBe(404);
  });

  test('a revoked certificate is told by OCSP, by the list and in the audit, and its holder signs with a new one', async () => {
    await using folder = await opensslFolder();
    const { trust, database, url } = site;
    const who = { appId, etcOrgNo: 'e'.repeat(32), companyName: '北京乙公司' };
    const signer = await trust.companySigner(database.db, who);
    await folder.write('root.pem', await trust.rootCertificatePem());
    await folder.write('issuing.pem', pem(signer.chain[0]!));
    await folder.write('leaf.pem', pem(signer.certificate));
    await folder.write('other.pem', pem(company.certificate));
    const asked = async (...certificate: string[]) =>
      folder.run(
        `ocsp -issuer issuing.pem ${certificate.join(' ')} -url ${url}/pki/ocsp -CAfile root.pem -verify_other issuing.pem -resp_text`,
      );
    const checked = async (leaf: string) => {
      await writeLists();
      return folder.run(`verify -crl_check_all -CAfile trusted.pem -untrusted issuing.pem ${leaf}`);
    };
    async function writeLists(): Promise<void> {
      let lists = '';
      for (const certificate of [signer.certificate, signer.chain[0]!]) {
        const { text } = await folder.run(`x509 -text -in ${await folder.write('of.pem', pem(certificate))}`);
        const list = await bytesOf(/URI:(\S+\.crl)/.exec(text)![1]!);
        expect(list.answer.headers.get('content-type')).toBe('application/pkix-crl');
        await folder.write('list.der', list.bytes);
        const shown = await folder.run('crl -inform DER -in list.der');
        lists += shown.text;
      }
      // openssl takes one list by -CRLfile, and any number from where it takes its root.
      await folder.write('trusted.pem', (await trust.rootCertificatePem()) + lists);
    }

    const before = await asked('-cert', 'leaf.pem', '-cert', 'other.pem');
    expect(before.text).toContain('Response verify OK');
    expect(before.text).toContain('leaf.pem: good');
    expect(before.text).toContain('other.pem: good');
    expect(before.text).toContain('OCSP Nonce');
    expect(before.text).not.toMatch(/WARNING: no nonce|Nonce Verify error/i);
    expect((await checked('leaf.pem')).text).toContain('leaf.pem: OK');

    const command = {
      serialNumber: serialOf(signer),
      reason: 'key_compromise',
      note: '密钥丢失',
      actor: 'operator',
    } as const;
    await trust.revocation.revokeCertificate(command);
    const after = await asked('-cert', 'leaf.pem', '-cert', 'other.pem');
    expect(after.text).toContain('Response verify OK');
    expect(after.text).toMatch(/leaf\.pem: revoked\s+This Update: .*\s+Next Update: .*\s+Reason: keyCompromise/);
    expect(after.text).toContain('other.pem: good');
    const byList = await checked('leaf.pem');
    expect(byList.text).toContain('certificate revoked');
    expect((await checked('other.pem')).text).toContain('other.pem: OK');
    const [entry] = await listAudit(database.db, { appId, limit: 1 });
    expect(entry).toMatchObject({ action: 'certificate.revoke', actor: 'operator', detail: { note: '密钥丢失' } });

    expect(serialOf(await trust.companySigner(database.db, who))).not.toBe(serialOf(signer));
    await expect(trust.revocation.revokeCertificate(command)).rejects.toThrow('certificate_revoked');
    const unknown = { ...command, serialNumber: '41'.repeat(20) };
    await expect(trust.revocation.revokeCertificate(unknown)).rejects.toThrow('certificate_not_found');
  });

  test('openssl holds a list against the authority that signed it', async () => {
    await using folder = await opensslFolder();
    await folder.write('issuing.pem', pem(company.chain[0]!));
    const { text } = await folder.run(`x509 -text -in ${await folder.write('leaf.pem', pem(company.certificate))}`);
    await folder.write('list.der', (await bytesOf(/URI:(\S+\.crl)/.exec(text)![1]!)).bytes);
    const crl = 'crl -inform DER -in list.der -noout';
    expect((await folder.run(`${crl} -CAfile issuing.pem`)).text).toContain('verify OK');
    expect((await folder.run(`${crl} -text`)).text).toMatch(/X509v3 CRL Number:\s+\d+/);
  });

  test('of a serial number that nobody issued the status is unknown, and of another authority it is not told', async () => {
    await using folder = await opensslFolder();
    const { url, trust } = site;
    await folder.write('root.pem', await trust.rootCertificatePem());
    await folder.write('issuing.pem', pem(company.chain[0]!));
    const unknown = await folder.run(
      `ocsp -issuer issuing.pem -serial 0x4142 -url ${url}/pki/ocsp -CAfile root.pem -verify_other issuing.pem`,
    );
    expect(unknown.text).toContain('0x4142: unknown');
    await folder.run('req -x509 -newkey rsa:2048 -nodes -keyout k -out other.pem -subj /CN=o');
    const other = await folder.run(`ocsp -issuer other.pem -serial 1 -url ${url}/pki/ocsp`);
    expect(other.text).toContain('unauthorized (6)');
    const rubbish = await bytesOf(`${url}/pki/ocsp`, { method: 'POST', body: 'no request' });
    expect(rubbish.bytes.toString('hex')).toBe('30030a0101');
    const tooLong = await bytesOf(`${url}/pki/ocsp`, { method: 'POST', body: Buffer.alloc(9_000) });
    expect(tooLong.answer.status).toBe(413);
  });

  test('who asks by GET without a nonce may keep the answer, as RFC 5019 has it', async () => {
    const id = certificateIdOf(readCertificate(company.certificate), readCertificate(company.chain[0]!));
    const request = createStatusRequest(id).toString('base64');
    const { answer, bytes } = await bytesOf(`${site.url}/pki/ocsp/${encodeURIComponent(request)}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('application/ocsp-response');
    expect(answer.headers.get('cache-control')).toMatch(/^max-age=\d+, public, no-transform, must-revalidate$/);
    expect(Date.parse(answer.headers.get('expires')!)).toBeGreaterThan(
      Date.parse(answer.headers.get('last-modified')!),
    );
    const unescaped = await bytesOf(`${site.url}/pki/ocsp/${request}`);
    expect(unescaped.bytes.equals(bytes)).toBe(true);
    const posted = await bytesOf(`${site.url}/pki/ocsp`, { method: 'POST', body: createStatusRequest(id) });
    expect(posted.bytes.equals(bytes)).toBe(true);
    expect(posted.answer.headers.get('cache-control')).toBe('no-store');
  });

  test('evidence for later holds status and list of the whole chain, in DER', async () => {
    const { crls, ocsps, certificates } = await site.trust.revocationEvidence(person.certificate);
    expect([crls.length, ocsps.length]).toEqual([1, 1]);
    expect(certificates).toEqual([...person.chain]);
    const stamp = await site.trust.timestampIdentity(site.database.db);
    expect((await site.trust.revocationEvidence(stamp.certificate)).ocsps).toHaveLength(1);
  });
});

test('evidence for a certificate of another authority is fetched from where it says', async () => {
  await using ours = await startSite('P-256');
  await using theirs = await startSite('RSA-2048');
  const who = { appId, etcOrgNo: 'c'.repeat(32), companyName: '别处的公司' };
  const signer = await theirs.trust.companySigner(theirs.database.db, who);
  const evidence = await ours.trust.revocationEvidence(signer.certificate);
  expect(evidence.certificates).toEqual([...signer.chain]);
  expect([evidence.ocsps.length, evidence.crls.length]).toEqual([1, 1]);

  const revoked = { serialNumber: serialOf(signer), reason: 'superseded', note: '更换', actor: 'operator' } as const;
  await theirs.trust.revocation.revokeCertificate(revoked);
  await expect(ours.trust.revocationEvidence(signer.certificate)).rejects.toThrow('certificate_revoked');
});

test('evidence that nobody gives is told as missing, and no forged answer is taken', async () => {
  await using ours = await startSite('P-256');
  let signer: DocumentSigner;
  {
    await using gone = await startSite('P-256');
    signer = await gone.trust.companySigner(gone.database.db, {
      appId,
      etcOrgNo: 'd'.repeat(32),
      companyName: '已关闭',
    });
  }
  const asked = ours.trust.revocationEvidence(signer.certificate, signer.chain);
  await expect(asked).rejects.toThrow('revocation_unavailable');
});

import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signPdf } from '../../src/documents/index.ts';
import { registerPkiRoutes } from '../../src/dialects/pki/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createTrust, type Trust } from '../../src/trust/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { opensslFolder, type OpensslFolder } from '../support/openssl.ts';
import { blankPdf, extractSignatures, opensslVerify, sealAt } from '../support/signed-pdf.ts';

const run = promisify(execFile);
const NSS_DATABASE = fileURLToPath(new URL('../support/nss-database.mjs', import.meta.url));
const appId = 'OIG0AF4DMOK2VC2N';

let database: TestDatabase;
let folder: OpensslFolder;
beforeAll(async () => {
  folder = await opensslFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** Whether pdfsig's own library can be told to trust a root on this machine. */
const judges = await canMakeNssDatabase();

async function canMakeNssDatabase(): Promise<boolean> {
  return run(process.execPath, [NSS_DATABASE, '/nowhere', '']).then(
    () => false,
    (error: { stderr?: string }) => (error.stderr ?? '').includes('NSS_InitReadWrite failed'),
  );
}

describe.each(['RSA-2048', 'P-256'] as const)('a contract that a company and a person sign with %s', (keyAlgorithm) => {
  let trust: Trust;
  let signed: Buffer;
  let server: ReturnType<typeof createHttpServer>;
  beforeAll(async () => {
    database = await createTestDatabase();
    const vault = createVault(Buffer.alloc(32, 2));
    const pkiUrl = (): string => `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
    trust = createTrust({
      db: database.db,
      vault,
      clock: systemClock,
      keyAlgorithm,
      pkiUrl,
    });
    server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
    const limits = { unprovenPerSecondPerAddressMax: 1_000 };
    registerPkiRoutes(server, { trust, clock: systemClock, limits });
    await server.listen({ host: '127.0.0.1', port: 0 });
    const { db } = database;
    const company = { appId, etcOrgNo: 'a'.repeat(32), companyName: '上海甲房地产经纪有限公司' };
    const person = { appId, personKey: 'p', name: '欧阳修', idNumber: '310101199001011234' };
    signed = await blankPdf(2);
    for (const [name, signer] of [
      ['one', await trust.companySigner(db, company)],
      ['two', await trust.personSigner(db, person)],
    ] as const) {
      const act = { signer, signedAt: new Date(), name };
      signed = await signPdf({ pdf: signed, fieldName: name, widget: sealAt(0, 200, 200), ...act });
    }
  });
  afterAll(async () => {
    await server.close();
    await database.drop();
  });

  test('is good to openssl for the root alone: the issuing authority comes along in each signature', async () => {
    for (const signature of extractSignatures(signed)) {
      expect(await opensslVerify(signature, await trust.rootCertificatePem())).toBe('CAdES Verification successful');
    }
  });

  test.skipIf(!judges)(
    'is trusted by pdfsig once its reader trusts the root, until our OCSP says revoked',
    async () => {
      const trusting = join(folder.path, keyAlgorithm);
      const empty = join(folder.path, `${keyAlgorithm}-empty`);
      await mkdir(trusting);
      await mkdir(empty);
      const root = await folder.write('root.der', new X509Certificate(await trust.rootCertificatePem()).raw);
      await run(process.execPath, [NSS_DATABASE, trusting, root]);
      const file = await folder.write('signed.pdf', signed);
      const verdicts = async (place: string, ...options: string[]): Promise<string[]> => {
        const { stdout } = await run('pdfsig', [...options, '-nssdir', place, file]);
        return stdout.split('\n').flatMap((line) => /(?:Signature|Certificate) Validation: (.*)/.exec(line)?.[1] ?? []);
      };
      const good = ['Signature is Valid.', 'Certificate is Trusted.'];
      expect(await verdicts(trusting, '-no-ocsp')).toEqual([...good, ...good]);
      expect(await verdicts(empty, '-no-ocsp')).not.toContain(good[1]);

      expect(await verdicts(trusting)).toEqual([...good, ...good]);
      const [company] = await trust.certificates({ holderKey: 'a'.repeat(32), limit: 1 });
      const serialNumber = company!.serial_number;
      await trust.revocation.revokeCertificate({
        serialNumber,
        reason: 'key_compromise',
        note: '泄露',
        actor: 'operator',
      });
      const revoked = ['Signature is Valid.', 'Certificate has been Revoked.'];
      expect(await verdicts(trusting)).toEqual([...revoked, ...good]);
    },
  );
});

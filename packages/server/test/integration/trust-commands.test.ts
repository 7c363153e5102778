import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadAdminToken, registerAdminRoutes, type AdminDependencies } from '../../src/dialects/admin/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createParties } from '../../src/parties/index.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createTrust, type Trust } from '../../src/trust/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { opensslFolder, type OpensslFolder } from '../support/openssl.ts';
import { yinxin, type Ran } from '../support/service-process.ts';

const appId = 'OIG0AF4DMOK2VC2N';
const clock = systemClock;

let database: TestDatabase;
let folder: OpensslFolder;
let trust: Trust;
let etcOrgNo: string;
let server: ReturnType<typeof createHttpServer>;
let url: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await opensslFolder();
  const { db } = database;
  const vault = createVault(Buffer.alloc(32, 8));
  await mkdir(join(folder.path, 'keys'));
  trust = createTrust({ db, vault, clock, keyAlgorithm: 'P-256', keysFolder: join(folder.path, 'keys') });
  const parties = createParties({ db, vault, clock });
  const org = await parties.createOrg({
    appId,
    bizOrgNo: 'org-1',
    orgType: '01',
    orgName: '上海甲房地产经纪有限公司',
    actor: 'operator',
    details: {},
  });
  ({ etcOrgNo } = org);
  const token = await loadAdminToken(join(folder.path, 'admin-token'));
  server = createHttpServer({ log: createLog({ level: 'silent' }), trustedProxies: [] });
  registerAdminRoutes(server, { token, trust, parties } as unknown as AdminDependencies);
  await server.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  await folder.write('passphrase', '保险柜 passphrase\n');
});
afterAll(async () => {
  await server.close();
  await folder[Symbol.asyncDispose]();
  await database.drop();
});

const at = (name: string): string => join(folder.path, name);
const run = async (...argv: string[]): Promise<Ran> =>
  yinxin(folder.path, 'trust', ...argv, '--server', url, '--token-file', at('admin-token'));

test('the root is shown, exported for its owner alone, taken out, and asked for where it is needed', async () => {
  const shown = await run('root', 'show');
  expect(`${shown.out}\n`).toBe(await trust.rootCertificatePem());
  const weak = at('weak');
  await writeFile(weak, 'short');
  expect(await run('root', 'export', at('root.pem'), '--passphrase-file', weak)).toMatchObject({
    code: 1,
    err: 'yinxin: the passphrase must have 12 characters at least',
  });
  const exported = await run('root', 'export', at('root.pem'), '--passphrase-file', at('passphrase'));
  expect(exported).toMatchObject({ code: 0, err: '' });
  expect((await stat(at('root.pem'))).mode & 0o777).toBe(0o600);
  expect(await readFile(at('root.pem'), 'utf8')).toContain('BEGIN ENCRYPTED PRIVATE KEY');
  const again = await run('root', 'export', at('root.pem'), '--passphrase-file', at('passphrase'));
  expect(again.err).toContain('does a file stand there already');

  const file = ['--root-file', at('root.pem'), '--passphrase-file', at('passphrase')];
  const taken = await run('root', 'take-out', ...file);
  expect(taken.err).toBe('');
  expect(taken.out).toMatch(/built-in +– +P-256 +false .* current\nissuing-\w{16} +built-in +P-256 +true .* current/);
  const refused = await run('issuing', 'renew');
  expect(refused).toMatchObject({ code: 1 });
  expect(refused.err).toContain("the root's key is not in the service");
  const renewed = (await run('issuing', 'renew', ...file, '--json')).json();
  expect(renewed['authorities']).toMatchObject([{ has_key: false }, { state: 'replaced' }, { state: 'current' }]);
  expect((await run('root', 'list', ...file)).out).toContain('next_update');
  expect((await run('root', 'bring-back', ...file)).out).toMatch(/built-in +– +P-256 +true/);
});

test('a certificate is listed and revoked, once, with a reason that RFC 5280 knows', async () => {
  const company = { appId, etcOrgNo, companyName: '上海甲房地产经纪有限公司' };
  const { certificate } = await trust.companySigner(database.db, company);
  const serial = new X509Certificate(certificate).serialNumber.toLowerCase();
  const listed = await run('certificate', 'list', '--app', appId);
  expect(listed.out).toContain(serial);
  const odd = await run('certificate', 'revoke', serial, '--reason', 'boredom', '--note', 'x');
  expect(odd).toMatchObject({ code: 1 });
  expect(odd.err).toContain('reason');
  const revoked = await run(
    'certificate',
    'revoke',
    serial,
    '--reason',
    'key_compromise',
    '--note',
    '密钥泄露',
    '--json',
  );
  expect(revoked.json()).toMatchObject({ serial_number: serial, state: 'revoked' });
  const twice = await run('certificate', 'revoke', serial, '--reason', 'key_compromise', '--note', '密钥泄露');
  expect(twice.err).toBe(`yinxin: certificate ${serial} is revoked already`);
  expect((await run('certificate', 'revoke', '41', '--reason', 'superseded', '--note', 'x')).err).toBe(
    'yinxin: no certificate 41',
  );
});

test("a company is given a licensed authority's certificate, and released from it", async () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await folder.write('k.pem', privateKey.export({ type: 'pkcs8', format: 'pem' }));
  await folder.write('ca.cnf', '[v3]\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,nonRepudiation\n');
  await folder.write(
    'req.cnf',
    '[req]\ndistinguished_name=dn\nprompt=no\nutf8=yes\n[dn]\nO=上海甲房地产经纪有限公司\n',
  );
  await folder.run('req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=Licensed -days 30');
  await folder.run('req -new -key k.pem -out k.csr -config req.cnf -utf8');
  await folder.run(
    'x509 -req -in k.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out c.pem -days 9 -extfile ca.cnf -extensions v3',
  );
  await folder.write('p', 'secret');
  const made = await folder.run(
    'pkcs12 -export -inkey k.pem -in c.pem -certfile ca.pem -out keys/c.p12 -passout file:p',
  );
  expect(made.text).toBe('');

  expect((await run('company', 'import', etcOrgNo, '--pkcs12', 'c.p12')).err).toContain('give --pkcs12 with');
  const gone = await run('company', 'import', etcOrgNo, '--pkcs12', 'no.p12', '--passphrase-file', at('p'));
  expect(gone.err).toBe('yinxin: no file no.p12 in the folder keys of the data directory');
  const source = ['--pkcs12', 'c.p12', '--passphrase-file', at('p')];
  const imported = await run('company', 'import', etcOrgNo, ...source, '--keep-in-file', '--json');
  expect(imported.err).toBe('');
  expect(imported.json()).toMatchObject({
    issuer: 'imported',
    key_store: 'pkcs12',
    key_reference: 'c.p12',
    key: 'RSA-2048',
  });
  expect((await run('company', 'import', 'nobody', ...source)).err).toBe('yinxin: no company nobody');
  const token = ['--pkcs11', 'pkcs11:token=t;object=o', '--certificates', at('c.pem')];
  expect((await run('company', 'import', etcOrgNo, ...token)).err).toContain(
    "its issuer's certificate did not come along",
  );
  expect((await run('company', 'release', etcOrgNo)).out).toContain('true');
  expect((await run('company', 'release', etcOrgNo)).err).toContain('has no certificate of another authority');
});

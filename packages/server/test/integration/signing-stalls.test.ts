import { generateKeyPairSync } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createSealReview } from '../../src/seals/index.ts';
import type { Signing } from '../../src/signing/index.ts';
import { createRoot, issueCompanyCertificate, type Issuer } from '../../src/trust/authority.ts';
import { createTrust, type Trust } from '../../src/trust/index.ts';
import { softwareKey } from '../../src/trust/keys/software-key.ts';
import { createManualJobs, type ManualJobs } from '../support/manual-jobs.ts';
import { opensslFolder, pem, type OpensslFolder } from '../support/openssl.ts';
import {
  individual,
  pdfsig,
  silentField,
  startSigningFixture,
  type CommandChange,
  type SigningFixture,
} from '../support/signing-fixture.ts';
import { defaultChoices, openLink, startSignerHttp, type SignerHttp } from '../support/signer-client.ts';

const SWEEP_MS = 30_000;
const actor = 'operator';

// A node on which companies sign with certificates of another authority alone.
let fixture: SigningFixture;
let jobs: ManualJobs;
let signing: Signing;
let trust: Trust;
let http: SignerHttp;
let folder: OpensslFolder;
let licensed: Issuer;
let companies = 0;

beforeAll(async () => {
  fixture = await startSigningFixture();
  folder = await opensslFolder();
  await mkdir(join(folder.path, 'keys'));
  await folder.write('passphrase', 'p@ss');
  jobs = createManualJobs();
  const { clock, service } = fixture;
  trust = createTrust({
    db: service.database.db,
    vault: createVault(Buffer.alloc(32, 7)),
    clock,
    keyAlgorithm: 'P-256',
    keysFolder: join(folder.path, 'keys'),
    policy: { companyAuthority: 'imported' },
  });
  signing = service.another(jobs, { trust });
  http = await startSignerHttp({ signing, clock });
  const key = softwareKey(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey);
  licensed = { certificate: (await createRoot(key, clock.now())).certificate, key };
});
beforeEach(() => jobs.lose());
afterAll(async () => {
  await http?.close();
  await trust?.close();
  await folder?.[Symbol.asyncDispose]();
  await fixture?.close();
});

type Company = { etcOrgNo: string; etcMemberNo: string; companyName: string };

async function newCompany(): Promise<Company> {
  companies += 1;
  const companyName = `第${'一二三四五六七八九'[companies]}置业有限公司`;
  return { ...(await fixture.service.company({ name: companyName })), companyName };
}

/** From now on the company can sign. */
async function importCertificate(
  { etcOrgNo, companyName }: Company,
  { days = 365, keepInFile = false } = {},
): Promise<void> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { publicKey } = softwareKey(privateKey);
  const now = fixture.clock.now();
  const request = { subject: { companyName }, publicKey, now, days };
  const { certificate } = await issueCompanyCertificate(licensed, request);
  await folder.write('made.key', privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  await folder.write('made.pem', pem(certificate));
  await folder.write('chain.pem', pem(licensed.certificate));
  const line = 'pkcs12 -export -inkey made.key -in made.pem -certfile chain.pem -out keys/made.p12';
  await folder.run(`${line} -passout file:passphrase`);
  const source = { kind: 'pkcs12', fileName: 'made.p12', passphrase: 'p@ss', keepInFile } as const;
  const { appId } = fixture.service;
  await trust.companies.importCompanyCertificate({ appId, etcOrgNo, companyName, source, actor });
}

/** What the jobs do that are due now; answers their errors. */
const work = async (): Promise<unknown[]> => jobs.run(fixture.clock.now());

/** A flow of the company, worked on as far as it goes. */
async function flowOf({ etcMemberNo }: Company, changed: CommandChange = {}): Promise<string> {
  const command = fixture.command(changed);
  const initiator = { ...command.initiator, etcMemberNo };
  const { flowRequestId } = await signing.createFlow({ ...command, initiator });
  expect(await work()).toEqual([]);
  const [created] = await fixture.notifications(flowRequestId);
  return String(created?.data['flow_id']);
}

async function sweepAfter(ms: number): Promise<void> {
  fixture.clock.pass(ms);
  await signing.sweep();
}

const stalled = async (...flowIds: string[]) =>
  (await signing.stalledFlows({ rowsMax: 100 })).filter(({ flowId }) => flowIds.includes(flowId));
const actionsOf = async (flowId: string): Promise<string[]> => {
  const { db } = fixture.service.database;
  const entries = await listAudit(db, { appId: fixture.service.appId, limit: 50, subject: `sign_flow:${flowId}` });
  return entries.map(({ action }) => action);
};

describe('a flow whose company has no certificate', () => {
  it('says why and since when, signs for the others meanwhile, and goes on within a sweep of the import', async () => {
    const company = await newCompany();
    const person = individual({ signOrder: 1 });
    const flowId = await flowOf(company, { signers: [person] });
    const since = fixture.clock.now();
    expect(await stalled(flowId)).toEqual([
      {
        appId: fixture.service.appId,
        flowId,
        subject: '房屋买卖合同.pdf',
        signer: { kind: 'company', name: company.companyName, orgNo: company.etcOrgNo },
        reason: 'certificate_not_imported',
        detail: `etcOrgNo ${company.etcOrgNo}`,
        since,
        attempts: 1,
      },
    ]);
    expect(await signing.countStalled()).toEqual([{ reason: 'certificate_not_imported', flows: 1, since }]);

    // The company stands first in the request; who signs beside it is not held up.
    const client = await openLink(http, await fixture.service.outgoing.linkOf(person.mobile));
    await client.enter(() => fixture.service.outgoing.codeOf(person.mobile));
    await client.read();
    expect(await client.task()).toMatchObject({ step: 'document', delayedSince: null });
    const { previewId } = await client.preview(defaultChoices(await client.task()));
    expect(await client.done('POST', '/confirm', { previewId })).toMatchObject({ step: 'sealing', delayedSince: null });
    expect(await work()).toEqual([]);
    const signed = { step: 'signed', isArchived: false, delayedSince: since.toISOString() };
    expect(await client.task()).toMatchObject(signed);

    await sweepAfter(SWEEP_MS);
    expect(await work()).toEqual([]);
    expect(await stalled(flowId)).toMatchObject([{ since, attempts: 3 }]);

    await importCertificate(company);
    await sweepAfter(SWEEP_MS);
    expect(await work()).toEqual([]);
    expect((await signing.flow(fixture.service.appId, flowId)).state).toBe('done');
    expect(await client.task()).toMatchObject({ step: 'signed', isArchived: true, delayedSince: null });
    expect(await stalled(flowId)).toEqual([]);
    expect(await pdfsig(fixture.directory, await fixture.newestFile(flowId))).toEqual({ listed: 2, valid: 2 });
    // However often it was tried, the record says once that it stood.
    expect((await actionsOf(flowId)).filter((action) => action === 'sign_flow.stall')).toHaveLength(1);
  });

  it('costs one attempt a sweep however many flows wait for it, and all of them go on together', async () => {
    const company = await newCompany();
    const flowIds: string[] = [];
    for (let count = 0; count < 12; count += 1) flowIds.push(await flowOf(company));
    expect(await stalled(...flowIds)).toHaveLength(12);
    await sweepAfter(SWEEP_MS);
    expect(jobs.waiting.filter(({ name }) => name === 'signing.advance')).toHaveLength(1);
    expect(await work()).toEqual([]);
    // The other way to be taken up again leaves them alone.
    await sweepAfter(3_600_000);
    expect(jobs.waiting.filter(({ name }) => name === 'signing.advance')).toHaveLength(1);
    jobs.lose();

    await importCertificate(company);
    await sweepAfter(SWEEP_MS);
    expect(await work()).toEqual([]);
    expect(await stalled(...flowIds)).toEqual([]);
    for (const flowId of flowIds) expect((await signing.flow(fixture.service.appId, flowId)).state).toBe('done');
  });

  it('keeps its place in a queue that is longer than the time between two sweeps', async () => {
    const flowId = await flowOf(await newCompany());
    const placeOf = () => jobs.waiting.find(({ payload }) => payload['flowId'] === flowId)?.runAt;
    await sweepAfter(SWEEP_MS);
    const place = placeOf();
    expect(place?.getTime()).toBeLessThan(fixture.clock.now().getTime());
    await sweepAfter(SWEEP_MS);
    expect(placeOf()).toEqual(place);
  });

  it('takes up the signature of another signer whose job was lost', async () => {
    const company = await newCompany();
    await flowOf(company);
    const person = individual({ signOrder: 1, mobile: '13900139000' });
    const flowId = await flowOf(company, { signers: [person] });
    const client = await openLink(http, await fixture.service.outgoing.linkOf(person.mobile));
    await client.enter(() => fixture.service.outgoing.codeOf(person.mobile));
    expect(await client.sign()).toMatchObject({ step: 'sealing' });
    jobs.lose();
    await sweepAfter(6 * 60_000);
    expect(await work()).toEqual([]);
    expect(await client.task()).toMatchObject({ step: 'signed', isArchived: false });
    expect(await stalled(flowId)).toHaveLength(1);
  });

  it('that ends otherwise is held up no more', async () => {
    const company = await newCompany();
    const flowId = await flowOf(company);
    expect(await stalled(flowId)).toHaveLength(1);
    const { etcMemberNo } = company;
    await signing.revokeFlow({ appId: fixture.service.appId, flowId, etcMemberNo, reason: '不再需要' });
    expect(await stalled(flowId)).toEqual([]);
    const expiring = await flowOf(company, { signValidity: new Date(fixture.clock.now().getTime() + 3_600_000) });
    expect(await stalled(expiring)).toHaveLength(1);
    await sweepAfter(3_600_000);
    expect(await stalled(expiring)).toEqual([]);
    const { rows } = await sql`select 1 from sign_stall where flow_id in (${flowId}, ${expiring})`.execute(
      fixture.service.database.db,
    );
    expect(rows).toEqual([]);
  });
});

describe('other reasons', () => {
  it('a certificate that ended, and its successor', async () => {
    const company = await newCompany();
    await importCertificate(company, { days: 30 });
    fixture.clock.pass(31 * 86_400_000);
    const flowId = await flowOf(company);
    expect(await stalled(flowId)).toMatchObject([{ reason: 'certificate_expired' }]);
    await importCertificate(company);
    await sweepAfter(SWEEP_MS);
    expect(await work()).toEqual([]);
    expect((await signing.flow(fixture.service.appId, flowId)).state).toBe('done');
  });

  it('a key file that is away, and comes back', async () => {
    const company = await newCompany();
    await importCertificate(company, { keepInFile: true });
    const file = join(folder.path, 'keys', 'made.p12');
    await rename(file, `${file}.away`);
    const flowId = await flowOf(company);
    expect(await stalled(flowId)).toMatchObject([{ reason: 'key_file_missing', detail: 'fileName made.p12' }]);
    await rename(`${file}.away`, file);
    await sweepAfter(SWEEP_MS);
    expect(await work()).toEqual([]);
    expect((await signing.flow(fixture.service.appId, flowId)).state).toBe('done');
  });

  it('a seal that waits for its review while the flow is under way, and passes', async () => {
    const { service, clock } = fixture;
    const { db } = service.database;
    const company = await newCompany();
    await importCertificate(company);
    const identity = { appId: service.appId, etcOrgNo: company.etcOrgNo, companyName: company.companyName };
    const { sealId } = await service.seals.defaultSeal(db, identity);
    const command = fixture.command({ fields: [silentField()] });
    await signing.createFlow({ ...command, initiator: { ...command.initiator, etcMemberNo: company.etcMemberNo } });
    await jobs.runNext();
    // As another node's operator wants it between the opening of the flow and its first signature.
    await sql`update seal set status = 'pending' where seal_id = ${sealId}`.execute(db);
    expect(await work()).toEqual([]);
    const flow = (await signing.stalledFlows({ rowsMax: 100 })).find(({ signer }) => signer.orgNo === company.etcOrgNo);
    expect(flow).toMatchObject({ reason: 'seal_not_reviewed', detail: `sealId ${sealId}` });
    const sealReview = createSealReview({ db, clock, seals: { sealUrl: () => '' } });
    const { appId, etcOrgNo } = identity;
    await sealReview.review({ appId, etcOrgNo, sealId, passes: true, reason: null, actor });
    await sweepAfter(SWEEP_MS);
    expect(await work()).toEqual([]);
    expect((await signing.flow(appId, flow!.flowId)).state).toBe('done');
  });

  it('what may pass by itself is tried again by the job, and shown when it lasts', async () => {
    const company = await newCompany();
    await importCertificate(company);
    const broken = createManualJobs();
    const { documents } = fixture.service;
    const full = {
      ...documents,
      storeFile: async () => Promise.reject(new Error('ENOSPC: no space left on device')),
    };
    fixture.service.another(broken, { trust, documents: full });
    const command = fixture.command();
    const { flowRequestId } = await signing.createFlow({
      ...command,
      initiator: { ...command.initiator, etcMemberNo: company.etcMemberNo },
    });
    await jobs.runNext();
    const [created] = await fixture.notifications(flowRequestId);
    const flowId = String(created?.data['flow_id']);
    const advance = jobs.waiting.find(({ name }) => name === 'signing.advance')!;
    await broken.add(fixture.service.database.db, advance.name, advance.payload);
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      expect(await stalled(flowId)).toEqual([]);
      expect(await broken.run(fixture.clock.now())).toMatchObject([{ message: 'ENOSPC: no space left on device' }]);
    }
    expect(await stalled(flowId)).toMatchObject([
      { reason: 'unexpected', detail: 'ENOSPC: no space left on device', attempts: 3 },
    ]);
    expect(await work()).toEqual([]);
    expect(await stalled(flowId)).toEqual([]);
    expect((await signing.flow(fixture.service.appId, flowId)).state).toBe('done');
    expect(await actionsOf(flowId)).not.toContain('sign_flow.stall');
  });
});

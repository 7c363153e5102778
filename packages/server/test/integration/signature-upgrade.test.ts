import { randomBytes, X509Certificate } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { readSignatures } from '../../src/documents/index.ts';
import { DomainError } from '../../src/platform/errors.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import type { SigningDependencies } from '../../src/signing/index.ts';
import { createTimestamps, httpTimestampService, isTimestamped } from '../../src/trust/index.ts';
import { withoutPadding } from '../../src/trust/timestamp/cms-attribute.ts';
import { startHttpStub } from '../support/http-stub.ts';
import { opensslTimestampVerify } from '../support/long-term.ts';
import { createManualJobs } from '../support/manual-jobs.ts';
import { extractSignatures } from '../support/signed-pdf.ts';
import { HOUR_MS, silentField, START } from '../support/signing-fixture.ts';
import { opensslTimestampAuthority, startTimestampServer } from '../support/timestamp-services.ts';
import {
  levelsInFile,
  PDF_LIMITS,
  soundContents,
  startUpgradeWorld,
  twoPages,
  type UpgradeWorld,
} from '../support/upgrade-world.ts';

const DAY_MS = 24 * HOUR_MS;

let world: UpgradeWorld;
afterEach(() => world?.fixture.close());

describe('a flow with a timestamp service', () => {
  beforeEach(async () => {
    world = await startUpgradeWorld('B-T');
  });

  test('has a timestamp in each signature, and nothing is left to do', async () => {
    const flowId = await world.fixture.openedFlow({ fields: [twoPages(), silentField()] });
    expect(await soundContents(world, await world.fixture.newestFile(flowId))).toEqual([
      'stamped',
      'stamped',
      'stamped',
    ]);
    expect(await world.levels(flowId)).toEqual(['B-T', 'B-T']);
    expect(await levelsInFile(world, await world.fixture.newestFile(flowId))).toEqual(['B-T', 'B-T', 'B-T']);
    expect(await world.queue()).toEqual([]);
    const [document] = await world.fixture.service.signing.documents(world.fixture.service.appId, flowId);
    expect(document).toMatchObject({ signatureLevel: 'B-T' });
  });

  test('that is down is signed without, says so, and gets there when the service answers again', async () => {
    world.isUp = false;
    const flowId = await world.fixture.openedFlow({ fields: [twoPages(), silentField()] });
    expect(await world.fixture.state(flowId)).toBe('done');
    const before = await world.fixture.newestFile(flowId);
    expect(await soundContents(world, before)).toEqual(['plain', 'plain', 'plain']);
    expect(await world.levels(flowId)).toEqual(['B-B', 'B-B']);
    expect(await world.queue()).toMatchObject([
      { goal: 'B-T', renewal: false, failure: expect.stringContaining('down') },
    ]);
    const files = await world.fileCount();

    await world.later(HOUR_MS);
    expect(await world.fileCount(), 'what did not help is not kept').toBe(files);
    world.isUp = true;
    await world.later(2 * HOUR_MS);
    const after = await world.fixture.newestFile(flowId);
    // The last one has room that nobody signed; those before it are proved by one timestamp of the whole.
    expect(await soundContents(world, after)).toEqual(['plain', 'plain', 'stamped', 'timestamp']);
    expect(await levelsInFile(world, after)).toEqual(['B-T', 'B-T', 'B-T']);
    expect(await world.levels(flowId)).toEqual(['B-T', 'B-T']);
    expect(await world.queue()).toEqual([]);
    const filter = { appId: world.fixture.service.appId, subject: `sign_flow:${flowId}`, limit: 1 };
    expect((await listAudit(world.fixture.service.database.db, filter))[0]).toMatchObject({
      action: 'sign_flow.upgrade',
      actor: 'system',
      detail: { steps: ['stamp-last-signature', 'stamp-document'] },
    });
    await world.later(DAY_MS);
    expect((await world.fixture.newestFile(flowId)).equals(after)).toBe(true);
  });

  test('that still waits for a signer gets its timestamp in place, and nothing is appended', async () => {
    world.isUp = false;
    const flowId = await world.fixture.waitingFlow({ fields: [twoPages()] });
    const before = await world.fixture.newestFile(flowId);
    world.isUp = true;
    await world.later(HOUR_MS);
    const after = await world.fixture.newestFile(flowId);
    expect(after).toHaveLength(before.length);
    expect(await soundContents(world, after)).toEqual(['plain', 'stamped']);
    expect(await world.levels(flowId), 'one of its two is still without').toEqual(['B-B', null]);
    expect(await world.queue()).toEqual([]);
  });

  test('that was revoked is left alone', async () => {
    world.isUp = false;
    const flowId = await world.fixture.waitingFlow();
    const { etcMemberNo } = world.fixture.company;
    await world.fixture.service.signing.revokeFlow({ appId: world.fixture.service.appId, flowId, etcMemberNo });
    const before = await world.fixture.newestFile(flowId);
    world.isUp = true;
    await world.later(HOUR_MS);
    expect((await world.fixture.newestFile(flowId)).equals(before)).toBe(true);
    expect(await world.queue()).toEqual([]);
  });

  test('whose seal crosses many pages has one timestamp of the whole in place of one for each', async () => {
    const { contractPdf } = await import('../support/contract-pdf.ts');
    const fileUrl = world.fixture.outside.answer('/long.pdf', await contractPdf(20));
    const across = silentField({ placement: { kind: 'cross-page', positions: [{ pages: 'all', y: 421 }] } });
    const flowId = await world.fixture.openedFlow({ fileUrl, fields: [across] });
    expect(await soundContents(world, await world.fixture.newestFile(flowId))).toEqual([
      ...Array<string>(20).fill('plain'),
      'timestamp',
    ]);
    expect(await world.levels(flowId)).toEqual(['B-T']);
  });

  test('whose service is configured no more waits, and says why', async () => {
    world.isUp = false;
    await world.fixture.openedFlow();
    const jobs = createManualJobs();
    const signing = world.fixture.service.another(jobs, { longTerm: { level: 'B-B' } });
    await world.later(HOUR_MS, { signing, jobs });
    expect(await world.queue()).toMatchObject([{ failure: 'no timestamp service is configured any more' }]);
  });
});

describe('a flow that is to be proved for years', () => {
  test('holds what validators need once it is done', async () => {
    world = await startUpgradeWorld('B-LT');
    const flowId = await world.fixture.openedFlow({ fields: [silentField()] });
    const pdf = await world.fixture.newestFile(flowId);
    expect(await soundContents(world, pdf)).toEqual(['stamped']);
    expect(pdf.toString('latin1')).toMatch(/\/DSS \d+ 0 R/);
    expect(await levelsInFile(world, pdf)).toEqual(['B-LT']);
    expect(await world.levels(flowId)).toEqual(['B-LT']);
    expect(await world.queue()).toEqual([]);
  });

  test('has a timestamp over all of it, which is renewed before its certificate ends, and no sooner', async () => {
    world = await startUpgradeWorld('B-LTA');
    const flowId = await world.fixture.openedFlow({ fields: [silentField(), silentField()] });
    const first = await world.fixture.newestFile(flowId);
    expect(await soundContents(world, first)).toEqual(['stamped', 'stamped', 'timestamp']);
    expect(await levelsInFile(world, first)).toEqual(['B-LTA', 'B-LTA']);
    expect(await world.levels(flowId)).toEqual(['B-LTA', 'B-LTA']);
    const [waiting] = await world.queue();
    expect(waiting).toMatchObject({ goal: 'B-LTA', renewal: true, attempts: 0, failure: null });
    expect(waiting!.due_at.getTime()).toBeGreaterThan(world.fixture.clock.now().getTime() + 365 * DAY_MS);

    await world.later(300 * DAY_MS);
    expect((await world.fixture.newestFile(flowId)).equals(first)).toBe(true);
    await world.later(waiting!.due_at.getTime() - world.fixture.clock.now().getTime());
    const renewed = await world.fixture.newestFile(flowId);
    expect(renewed.subarray(0, first.length).equals(first)).toBe(true);
    expect(await soundContents(world, renewed)).toEqual(['stamped', 'stamped', 'timestamp', 'timestamp']);
    // The certificates that signed have ended by now, and the file alone still proves that they were good.
    const yearsLater = world.fixture.clock.now().getTime() - START.getTime();
    expect(yearsLater).toBeGreaterThan(4 * 365 * DAY_MS);
    expect(await levelsInFile(world, renewed)).toEqual(['B-LTA', 'B-LTA']);
    expect((await world.queue())[0]!.due_at.getTime()).toBeGreaterThan(waiting!.due_at.getTime() + 365 * DAY_MS);
    const filter = { appId: world.fixture.service.appId, subject: `sign_flow:${flowId}`, limit: 1 };
    const [entry] = await listAudit(world.fixture.service.database.db, filter);
    expect(entry).toMatchObject({ action: 'sign_flow.renew_timestamp' });
  });

  test('keeps what it reached where nobody can say whether a certificate is good, and does not grow at each try', async () => {
    world = await startUpgradeWorld('B-LTA');
    const jobs = createManualJobs();
    let isAnswering = false;
    const { trust } = world.fixture.service;
    const revocationEvidence: typeof trust.revocationEvidence = async (...asked) => {
      if (!isAnswering) throw new Error('nobody answers');
      return trust.revocationEvidence(...asked);
    };
    const changed: Partial<SigningDependencies> = {
      trust: { ...trust, revocationEvidence },
      longTerm: { level: 'B-LTA', timestamps: world.timestamps },
    };
    const signing = world.fixture.service.another(jobs, changed);
    world.isUp = false;
    const flowId = await world.fixture.openedFlow({ fields: [silentField()] });
    world.fixture.jobs.lose();
    world.isUp = true;
    await world.later(HOUR_MS, { signing, jobs });
    expect(await world.levels(flowId)).toEqual(['B-T']);
    expect(await world.queue()).toMatchObject([{ renewal: false, failure: 'evidence: nobody answers' }]);
    const files = await world.fileCount();
    await world.later(HOUR_MS, { signing, jobs });
    await world.later(2 * HOUR_MS, { signing, jobs });
    expect(await world.fileCount()).toBe(files);
    isAnswering = true;
    await world.later(2 * HOUR_MS, { signing, jobs });
    expect(await world.levels(flowId)).toEqual(['B-LTA']);
    expect(await soundContents(world, await world.fixture.newestFile(flowId))).toEqual(['stamped', 'timestamp']);
  });
});

describe('a timestamp that is to be renewed', () => {
  let flowId: string;
  let dueAt: Date;
  beforeEach(async () => {
    world = await startUpgradeWorld('B-LTA');
    flowId = await world.fixture.openedFlow({ fields: [silentField()] });
    dueAt = (await world.queue())[0]!.due_at;
  });
  const nodeWith = (revocationEvidence: SigningDependencies['trust']['revocationEvidence']) => {
    const jobs = createManualJobs();
    const { trust } = world.fixture.service;
    const longTerm = { level: 'B-LTA' as const, timestamps: world.timestamps };
    return {
      jobs,
      signing: world.fixture.service.another(jobs, { trust: { ...trust, revocationEvidence }, longTerm }),
    };
  };
  const passUntil = (at: Date) => at.getTime() - world.fixture.clock.now().getTime();

  test('asks for evidence of its own certificate alone: of those that ended long ago there is none any more', async () => {
    const { trust } = world.fixture.service;
    const asked: string[] = [];
    const node = nodeWith(async (certificate, chain) => {
      asked.push(new X509Certificate(certificate).subject.split('\n').at(-1)!);
      return trust.revocationEvidence(certificate, chain);
    });
    await world.later(passUntil(dueAt), node);
    expect(asked).toEqual([expect.stringContaining('Development Time Stamp')]);
    expect(await soundContents(world, await world.fixture.newestFile(flowId))).toEqual([
      'stamped',
      'timestamp',
      'timestamp',
    ]);
  });

  test('waits for evidence, but not until its certificate has ended', async () => {
    const node = nodeWith(async () => Promise.reject(new Error('nobody answers')));
    const before = await world.fixture.newestFile(flowId);
    await world.later(passUntil(dueAt), node);
    await world.later(DAY_MS, node);
    expect((await world.fixture.newestFile(flowId)).equals(before)).toBe(true);
    expect(await world.queue()).toMatchObject([{ renewal: true, failure: 'evidence: nobody answers' }]);
    const fiveYears = new Date(START.getTime() + 5 * 365 * DAY_MS);
    await world.later(passUntil(fiveYears) - 6 * DAY_MS, node);
    expect(await soundContents(world, await world.fixture.newestFile(flowId))).toEqual([
      'stamped',
      'timestamp',
      'timestamp',
    ]);
    expect(await world.queue()).toMatchObject([{ renewal: true, failure: null }]);
  });
});

test('a document whose certificate was revoked keeps what it reached, and the audit says that it will not get further', async () => {
  world = await startUpgradeWorld('B-LT');
  const jobs = createManualJobs();
  const { trust, appId } = world.fixture.service;
  const revocationEvidence = async () => Promise.reject(new DomainError('certificate_revoked'));
  const longTerm = { level: 'B-LT' as const, timestamps: world.timestamps };
  const signing = world.fixture.service.another(jobs, { trust: { ...trust, revocationEvidence }, longTerm });
  world.isUp = false;
  const flowId = await world.fixture.openedFlow({ fields: [silentField()] });
  world.fixture.jobs.lose();
  world.isUp = true;
  await world.later(HOUR_MS, { signing, jobs });
  expect(await world.levels(flowId)).toEqual(['B-T']);
  expect(await world.queue()).toEqual([]);
  const [entry] = await listAudit(world.fixture.service.database.db, {
    appId,
    subject: `sign_flow:${flowId}`,
    limit: 1,
  });
  expect(entry!.detail).toMatchObject({ failure: expect.stringContaining('certificate_revoked') });
});

test("a service of somebody else is asked over HTTP, and its authority's list goes into the document", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'yinxin-other-tsa-'));
  const lists = await startHttpStub();
  const other = await opensslTimestampAuthority(directory, { listUrl: `${lists.url}/tsa.crl` });
  const server = await startTimestampServer((query) => other.respond(query));
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });
  try {
    // Its certificates begin now, and so does everything here.
    const clock = { now: () => new Date() };
    const service = httpTimestampService(egress, { url: server.url, roots: [other.root] });
    const timestamps = createTimestamps({ services: [service], clock, randomBytes });
    world = await startUpgradeWorld('B-LTA', timestamps);
    world.fixture.clock.set(new Date());
    const flowId = await world.fixture.openedFlow({ fields: [silentField()] });
    expect(await world.levels(flowId)).toEqual(['B-T']);
    expect(await world.queue()).toMatchObject([{ failure: expect.stringContaining('evidence') }]);

    lists.answer('/tsa.crl', other.revocationList);
    await world.later(HOUR_MS);
    expect(await world.levels(flowId)).toEqual(['B-LTA']);
    const pdf = await world.fixture.newestFile(flowId);
    expect(pdf.includes(other.revocationList)).toBe(true);
    expect(pdf.includes(other.root)).toBe(true);
    const [signature, timestamp] = readSignatures(pdf, PDF_LIMITS);
    const [content] = extractSignatures(pdf).slice(-1);
    const rootPem = new X509Certificate(other.root).toString();
    await opensslTimestampVerify(content!.content, withoutPadding(timestamp!.contents), rootPem);
    expect(isTimestamped(signature!.contents)).toBe(true);
  } finally {
    await Promise.all([server.close(), lists.close(), egress.close(), rm(directory, { recursive: true, force: true })]);
  }
});

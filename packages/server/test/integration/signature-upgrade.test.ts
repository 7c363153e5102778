import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { readSignatures } from '../../src/documents/index.ts';
import type { SigningDependencies } from '../../src/signing/index.ts';
import { createTimestampAuthority, createTimestamps, isTimestamped, type Timestamps } from '../../src/trust/index.ts';
import { withoutPadding } from '../../src/trust/timestamp/cms-attribute.ts';
import { createManualJobs } from '../support/manual-jobs.ts';
import { opensslTimestampVerify } from '../support/long-term.ts';
import { extractSignatures, opensslVerify, qpdfCheck } from '../support/signed-pdf.ts';
import { HOUR_MS, pdfsig, silentField, startSigningFixture, type SigningFixture } from '../support/signing-fixture.ts';

type Level = 'B-T' | 'B-LT' | 'B-LTA';
const limits = { bytesMax: 50_000_000 };
const DAY_MS = 24 * HOUR_MS;
const LEASE_MS = 5 * 60_000;

let fixture: SigningFixture;
/** Whether the timestamp service answers. */
let isUp: boolean;
/** Called before each answer of the timestamp service. */
let beforeAnswer: () => Promise<void>;
let timestamps: Timestamps;

async function start(level: Level): Promise<void> {
  fixture = await startSigningFixture(
    {},
    {
      longTerm: ({ trust, db, clock }) => {
        const identity = () => trust.timestampIdentity(db);
        const authority = createTimestampAuthority({ identity, clock, randomBytes });
        const service = {
          name: 'test',
          builtIn: true,
          policy: undefined,
          roots: async () => (await identity()).chain.slice(-1),
          async request(query: Buffer) {
            await beforeAnswer();
            if (!isUp) throw new Error('is down');
            return authority.respond(query);
          },
        };
        timestamps = createTimestamps({ services: [service], clock, randomBytes });
        return { level, timestamps };
      },
    },
  );
}

beforeEach(() => {
  isUp = true;
  beforeAnswer = async () => {};
});
afterEach(() => fixture?.close());

const twoPages = () =>
  silentField({
    placement: {
      kind: 'page',
      positions: [
        { page: 1, x: 300, y: 200 },
        { page: 3, x: 420, y: 150 },
      ],
    },
  });

async function queue(): Promise<
  { goal: string; renewal: boolean; failure: string | null; due_at: Date; attempts: number }[]
> {
  const { rows } = await sql<Awaited<ReturnType<typeof queue>>[number]>`
    select goal, renewal, failure, due_at, attempts from signature_upgrade
  `.execute(fixture.service.database.db);
  return rows;
}

async function levels(flowId: string): Promise<(string | null)[]> {
  const { rows } = await sql<{ signature_level: string | null }>`
    select signature_level from sign_field where flow_id = ${flowId} order by state, position
  `.execute(fixture.service.database.db);
  return rows.map((row) => row.signature_level);
}

async function fileCount(): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from document_file`.execute(
    fixture.service.database.db,
  );
  return rows[0]!.count;
}

/** Lets `ms` pass, and then does what the jobs of a node do. */
async function later(ms: number, { signing, jobs } = { signing: fixture.service.signing, jobs: fixture.jobs }) {
  fixture.clock.pass(ms);
  await signing.sweep();
  expect(await jobs.run(fixture.clock.now())).toEqual([]);
}

/** By pdfsig, openssl and qpdf: every signature and every timestamp of a file. Answers what it holds, in order. */
async function soundContents(pdf: Buffer): Promise<string[]> {
  const check = await qpdfCheck(pdf);
  expect(check.status, check.text).toBe(0);
  const rootPem = await fixture.service.trust.rootCertificatePem();
  const found = readSignatures(pdf, limits);
  const extracted = extractSignatures(pdf);
  expect(extracted).toHaveLength(found.length);
  const contents: string[] = [];
  for (const [index, { kind, contents: bytes }] of found.entries()) {
    const { content } = extracted[index]!;
    if (kind === 'timestamp') {
      await opensslTimestampVerify(content, withoutPadding(bytes), rootPem, fixture.clock.now());
      contents.push('timestamp');
    } else {
      expect(await opensslVerify(extracted[index]!, rootPem)).toContain('CAdES Verification successful');
      contents.push(isTimestamped(bytes) ? 'stamped' : 'plain');
    }
  }
  const signatures = contents.filter((each) => each !== 'timestamp').length;
  expect((await pdfsig(fixture.directory, pdf)).valid).toBe(signatures);
  return contents;
}

describe('a flow with a timestamp service', () => {
  beforeEach(() => start('B-T'));

  test('has a timestamp in each signature, and nothing is left to do', async () => {
    const flowId = await fixture.openedFlow({ fields: [twoPages(), silentField()] });
    expect(await soundContents(await fixture.newestFile(flowId))).toEqual(['stamped', 'stamped', 'stamped']);
    expect(await levels(flowId)).toEqual(['B-T', 'B-T']);
    expect(await queue()).toEqual([]);
    const [document] = await fixture.service.signing.documents(fixture.service.appId, flowId);
    expect(document).toMatchObject({ signatureLevel: 'B-T' });
  });

  test('that is down is signed without, says so, and gets there when the service answers again', async () => {
    isUp = false;
    const flowId = await fixture.openedFlow({ fields: [twoPages(), silentField()] });
    expect(await fixture.state(flowId)).toBe('done');
    const before = await fixture.newestFile(flowId);
    expect(await soundContents(before)).toEqual(['plain', 'plain', 'plain']);
    expect(await levels(flowId)).toEqual(['B-B', 'B-B']);
    expect(await queue()).toMatchObject([{ goal: 'B-T', renewal: false, failure: expect.stringContaining('down') }]);
    const files = await fileCount();

    await later(HOUR_MS);
    expect(await fileCount(), 'what did not help is not kept').toBe(files);
    isUp = true;
    await later(2 * HOUR_MS);
    const after = await fixture.newestFile(flowId);
    // The last one has room that nobody signed; those before it are proved by one timestamp of the whole.
    expect(await soundContents(after)).toEqual(['plain', 'plain', 'stamped', 'timestamp']);
    expect(await levels(flowId)).toEqual(['B-T', 'B-T']);
    expect(await queue()).toEqual([]);
    const filter = { appId: fixture.service.appId, subject: `sign_flow:${flowId}`, limit: 1 };
    expect((await listAudit(fixture.service.database.db, filter))[0]).toMatchObject({
      action: 'sign_flow.upgrade',
      actor: 'system',
      detail: { steps: ['stamp-last-signature', 'stamp-document'] },
    });
    await later(DAY_MS);
    expect((await fixture.newestFile(flowId)).equals(after)).toBe(true);
  });

  test('that still waits for a signer gets its timestamp in place, and nothing is appended', async () => {
    isUp = false;
    const flowId = await fixture.waitingFlow({ fields: [twoPages()] });
    const before = await fixture.newestFile(flowId);
    isUp = true;
    await later(HOUR_MS);
    const after = await fixture.newestFile(flowId);
    expect(after).toHaveLength(before.length);
    expect(await soundContents(after)).toEqual(['plain', 'stamped']);
    expect(await levels(flowId), 'one of its two is still without').toEqual(['B-B', null]);
    expect(await queue()).toEqual([]);
  });

  test('that was revoked is left alone', async () => {
    isUp = false;
    const flowId = await fixture.waitingFlow();
    const { etcMemberNo } = fixture.company;
    await fixture.service.signing.revokeFlow({ appId: fixture.service.appId, flowId, etcMemberNo });
    const before = await fixture.newestFile(flowId);
    isUp = true;
    await later(HOUR_MS);
    expect((await fixture.newestFile(flowId)).equals(before)).toBe(true);
    expect(await queue()).toEqual([]);
  });

  test('whose seal crosses many pages has one timestamp of the whole in place of one for each', async () => {
    const { contractPdf } = await import('../support/contract-pdf.ts');
    const fileUrl = fixture.outside.answer('/long.pdf', await contractPdf(20));
    const across = silentField({ placement: { kind: 'cross-page', positions: [{ pages: 'all', y: 421 }] } });
    const flowId = await fixture.openedFlow({ fileUrl, fields: [across] });
    expect(await soundContents(await fixture.newestFile(flowId))).toEqual([
      ...Array<string>(20).fill('plain'),
      'timestamp',
    ]);
    expect(await levels(flowId)).toEqual(['B-T']);
  });

  test('whose service is configured no more waits, and says why', async () => {
    isUp = false;
    await fixture.openedFlow();
    const jobs = createManualJobs();
    const signing = fixture.service.another(jobs, { longTerm: { level: 'B-B' } });
    await later(HOUR_MS, { signing, jobs });
    expect(await queue()).toMatchObject([{ failure: 'no timestamp service is configured any more' }]);
  });
});

describe('a flow that is to be proved for years', () => {
  test('holds what validators need once it is done', async () => {
    await start('B-LT');
    const flowId = await fixture.openedFlow({ fields: [silentField()] });
    const pdf = await fixture.newestFile(flowId);
    expect(await soundContents(pdf)).toEqual(['stamped']);
    expect(pdf.toString('latin1')).toMatch(/\/DSS \d+ 0 R/);
    expect(await levels(flowId)).toEqual(['B-LT']);
    expect(await queue()).toEqual([]);
  });

  test('has a timestamp over all of it, which is renewed before its certificate ends, and no sooner', async () => {
    await start('B-LTA');
    const flowId = await fixture.openedFlow({ fields: [silentField(), silentField()] });
    const first = await fixture.newestFile(flowId);
    expect(await soundContents(first)).toEqual(['stamped', 'stamped', 'timestamp']);
    expect(await levels(flowId)).toEqual(['B-LTA', 'B-LTA']);
    const [waiting] = await queue();
    expect(waiting).toMatchObject({ goal: 'B-LTA', renewal: true, attempts: 0, failure: null });
    expect(waiting!.due_at.getTime()).toBeGreaterThan(fixture.clock.now().getTime() + 365 * DAY_MS);

    await later(300 * DAY_MS);
    expect((await fixture.newestFile(flowId)).equals(first)).toBe(true);
    await later(waiting!.due_at.getTime() - fixture.clock.now().getTime());
    const renewed = await fixture.newestFile(flowId);
    expect(renewed.subarray(0, first.length).equals(first)).toBe(true);
    expect(await soundContents(renewed)).toEqual(['stamped', 'stamped', 'timestamp', 'timestamp']);
    expect((await queue())[0]!.due_at.getTime()).toBeGreaterThan(waiting!.due_at.getTime() + 365 * DAY_MS);
    const filter = { appId: fixture.service.appId, subject: `sign_flow:${flowId}`, limit: 1 };
    const [entry] = await listAudit(fixture.service.database.db, filter);
    expect(entry).toMatchObject({ action: 'sign_flow.renew_timestamp' });
  });

  test('keeps what it reached where nobody can say whether a certificate is good, and does not grow at each try', async () => {
    await start('B-LTA');
    const jobs = createManualJobs();
    let isAnswering = false;
    const { trust } = fixture.service;
    const revocationEvidence: typeof trust.revocationEvidence = async (...asked) => {
      if (!isAnswering) throw new Error('nobody answers');
      return trust.revocationEvidence(...asked);
    };
    const changed: Partial<SigningDependencies> = {
      trust: { ...trust, revocationEvidence },
      longTerm: { level: 'B-LTA', timestamps },
    };
    const signing = fixture.service.another(jobs, changed);
    isUp = false;
    const flowId = await fixture.openedFlow({ fields: [silentField()] });
    fixture.jobs.lose();
    isUp = true;
    await later(HOUR_MS, { signing, jobs });
    expect(await levels(flowId)).toEqual(['B-T']);
    expect(await queue()).toMatchObject([{ renewal: false, failure: 'evidence: nobody answers' }]);
    const files = await fileCount();
    await later(HOUR_MS, { signing, jobs });
    await later(2 * HOUR_MS, { signing, jobs });
    expect(await fileCount()).toBe(files);
    isAnswering = true;
    await later(2 * HOUR_MS, { signing, jobs });
    expect(await levels(flowId)).toEqual(['B-LTA']);
    expect(await soundContents(await fixture.newestFile(flowId))).toEqual(['stamped', 'timestamp']);
  });
});

describe('an upgrade', () => {
  test('is made once, however many nodes try', async () => {
    await start('B-LTA');
    isUp = false;
    const flowId = await fixture.openedFlow({ fields: [twoPages()] });
    isUp = true;
    fixture.clock.pass(HOUR_MS);
    const nodes = Array.from({ length: 3 }, () => {
      const jobs = createManualJobs();
      return { jobs, signing: fixture.service.another(jobs, { longTerm: { level: 'B-LTA', timestamps } }) };
    });
    const files = await fileCount();
    await Promise.all(nodes.map((node) => later(0, node)));
    expect(await soundContents(await fixture.newestFile(flowId))).toEqual(['plain', 'stamped', 'timestamp']);
    expect(await fileCount()).toBe(files + 1);
  });

  test('that hung while another node took it on comes to nothing, and leaves no file', async () => {
    await start('B-T');
    isUp = false;
    const flowId = await fixture.openedFlow({ fields: [twoPages()] });
    isUp = true;
    fixture.clock.pass(HOUR_MS);
    const [stuck, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    beforeAnswer = async () => {
      beforeAnswer = async () => {};
      stuck.resolve();
      await released.promise;
    };
    await fixture.service.signing.sweep();
    const slow = fixture.jobs.run(fixture.clock.now());
    await stuck.promise;
    const jobs = createManualJobs();
    const signing = fixture.service.another(jobs, { longTerm: { level: 'B-T', timestamps } });
    await later(LEASE_MS, { signing, jobs });
    const upgraded = await fixture.newestFile(flowId);
    const files = await fileCount();
    released.resolve();
    expect(await slow).toEqual([]);
    expect((await fixture.newestFile(flowId)).equals(upgraded)).toBe(true);
    expect(await fileCount()).toBe(files);
    await later(HOUR_MS);
    expect(await soundContents(await fixture.newestFile(flowId))).toEqual(['plain', 'stamped', 'timestamp']);
    expect(await queue()).toEqual([]);
  });

  test.each([0, 1, 2, 3, 4, 5, 6, 7])('whose node dies at its step %i is made by the next', async (dyingStep) => {
    await start('B-LTA');
    isUp = false;
    const flowId = await fixture.openedFlow({ fields: [twoPages()] });
    fixture.jobs.lose();
    isUp = true;
    fixture.clock.pass(HOUR_MS);
    let step = 0;
    const never = new Promise<never>(() => {});
    let dead = Promise.withResolvers<void>();
    // What a killed process does no more: from its step on, nothing that it asks for comes back.
    const dies = <T extends object>(target: T): T =>
      new Proxy(target, {
        get(object, name) {
          const value: unknown = Reflect.get(object, name);
          if (typeof value !== 'function') return value;
          return (...asked: unknown[]) => {
            step += 1;
            if (step - 1 < dyingStep) return (value as (...all: unknown[]) => unknown).apply(object, asked);
            dead.resolve();
            return never;
          };
        },
      });
    const jobs = createManualJobs();
    const { trust, documents } = fixture.service;
    fixture.service.another(jobs, {
      trust: dies(trust),
      documents: dies(documents),
      longTerm: { level: 'B-LTA', timestamps: dies(timestamps) },
    });
    await jobs.add(fixture.service.database.db, 'signing.upgrade', { appId: fixture.service.appId, flowId });
    await Promise.race([dead.promise, jobs.run(fixture.clock.now())]);

    await later(LEASE_MS + 1);
    expect(await soundContents(await fixture.newestFile(flowId))).toEqual(['plain', 'stamped', 'timestamp']);
    expect(await levels(flowId)).toEqual(['B-LTA']);
    expect(await queue()).toMatchObject([{ renewal: true }]);
  });

  test('that a signature overtook does not count, and what it was for is done later', async () => {
    await start('B-T');
    isUp = false;
    const flowId = await fixture.waitingFlow({ fields: [twoPages()] });
    isUp = true;
    fixture.clock.pass(HOUR_MS);
    const before = await fixture.newestFile(flowId);
    beforeAnswer = async () => {
      beforeAnswer = async () => {};
      // The flow's newest revision changes while the service thinks, as a signature changes it.
      const file = { appId: fixture.service.appId, fileName: 'overtaking.pdf', bytes: before };
      const { fileId } = await fixture.service.documents.storeFile(file);
      await sql`update sign_flow set file_id = ${fileId} where flow_id = ${flowId}`.execute(
        fixture.service.database.db,
      );
    };
    await fixture.service.signing.sweep();
    await fixture.jobs.runNext();
    expect((await fixture.newestFile(flowId)).equals(before)).toBe(true);
    await later(0);
    expect(await soundContents(await fixture.newestFile(flowId))).toEqual(['plain', 'stamped']);
  });
});

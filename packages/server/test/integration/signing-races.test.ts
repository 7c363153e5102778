import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import type { Documents } from '../../src/documents/index.ts';
import type { Seals } from '../../src/seals/index.ts';
import { createManualJobs, type ManualJobs } from '../support/manual-jobs.ts';
import {
  HOUR_MS,
  pdfsig,
  signatureCount,
  silentField,
  startSigningFixture,
  type CommandChange,
  type SigningFixture,
} from '../support/signing-fixture.ts';

let fixture: SigningFixture;

beforeAll(async () => {
  fixture = await startSigningFixture();
});
beforeEach(() => fixture.jobs.lose());
afterAll(() => fixture?.close());

type Store = Documents['storeFile'];

/** A node whose storing of files the test has its hands on. */
function node(storeFile: (store: Store) => Store): { jobs: ManualJobs; signing: SigningFixture['service']['signing'] } {
  const { documents } = fixture.service;
  const jobs = createManualJobs();
  const changed = { documents: { ...documents, storeFile: storeFile(documents.storeFile) } };
  return { jobs, signing: fixture.service.another(jobs, changed) };
}

/** A flow that is open and that nobody has signed: its silent fields wait for the job in `jobs`. */
async function unsignedFlow(jobs: ManualJobs, changed: CommandChange = {}): Promise<{ flowId: string }> {
  const held = createManualJobs();
  const { flowRequestId } = await fixture.service.another(held).createFlow(fixture.command(changed));
  const [open] = held.waiting;
  held.lose();
  // Only the job that opens: the one that signs is taken over by the caller's node.
  const opening = createManualJobs();
  fixture.service.another(opening);
  await opening.add(fixture.service.database.db, open!.name, open!.payload);
  await opening.runNext();
  const [advance] = opening.waiting;
  await jobs.add(fixture.service.database.db, advance!.name, advance!.payload);
  const [told] = await fixture.notifications(flowRequestId);
  return { flowId: String(told!.data['flow_id']) };
}

function endings(flowId: string) {
  return fixture.notifications(`"flow_id":"${flowId}","timestamp"`);
}

describe('a signature counts once', () => {
  it('a node that dies between signing and committing leaves the flow to be signed by the next run, once', async () => {
    const dying = node((store) => async (file) => {
      await store(file);
      throw new Error('killed');
    });
    const { flowId } = await unsignedFlow(dying.jobs);
    expect(await dying.jobs.run(fixture.clock.now())).toMatchObject([{ message: 'killed' }]);
    expect(await fixture.state(flowId)).toBe('signing');
    expect(signatureCount(await fixture.newestFile(flowId))).toBe(0);

    const [advance] = dying.jobs.waiting;
    await fixture.jobs.add(fixture.service.database.db, advance!.name, advance!.payload);
    expect(await fixture.jobs.run(fixture.clock.now())).toEqual([]);
    expect(await fixture.state(flowId)).toBe('done');
    expect(signatureCount(await fixture.newestFile(flowId))).toBe(1);
    expect(await endings(flowId)).toHaveLength(1);
  });

  it('two nodes that sign the same fields at the same moment make each signature once', async () => {
    let arrived = 0;
    const both = Promise.withResolvers<void>();
    const together = () =>
      node((store) => async (file) => {
        arrived += 1;
        if (arrived === 2) both.resolve();
        await both.promise;
        return store(file);
      });
    const [first, second] = [together(), together()];
    const { flowId } = await unsignedFlow(first.jobs, { fields: [silentField(), silentField(), silentField()] });
    const [advance] = first.jobs.waiting;
    await second.jobs.add(fixture.service.database.db, advance!.name, advance!.payload);
    const now = fixture.clock.now();
    expect(await Promise.all([first.jobs.run(now), second.jobs.run(now)])).toEqual([[], []]);

    expect(await fixture.state(flowId)).toBe('done');
    const newest = await fixture.newestFile(flowId);
    expect(signatureCount(newest)).toBe(3);
    expect(await pdfsig(fixture.directory, newest)).toEqual({ listed: 3, valid: 3 });
    expect(await endings(flowId)).toHaveLength(1);
    const filter = { appId: fixture.service.appId, subject: `sign_flow:${flowId}`, limit: 20 };
    const audit = await listAudit(fixture.service.database.db, filter);
    expect(audit.filter((entry) => entry.action === 'sign_flow.sign')).toHaveLength(3);
  });

  it('a flow that is opened twice at the same moment is one flow, and its file is kept once', async () => {
    fixture.clock.pass(1);
    const { flowRequestId } = await fixture.service.signing.createFlow(fixture.command());
    const [open] = fixture.jobs.waiting;
    fixture.jobs.lose();
    const nodes = [createManualJobs(), createManualJobs()];
    for (const jobs of nodes) {
      fixture.service.another(jobs);
      await jobs.add(fixture.service.database.db, open!.name, open!.payload);
    }
    await Promise.all(nodes.map((jobs) => jobs.runNext()));
    expect(await fixture.notifications(`"flow_request_id":"${flowRequestId}"`)).toHaveLength(1);
    const { rows } = await sql`select 1 from sign_flow where flow_request_id = ${flowRequestId}`.execute(
      fixture.service.database.db,
    );
    expect(rows).toHaveLength(1);
    const stored = await sql`select 1 from document_file where created_at = ${fixture.clock.now()}`.execute(
      fixture.service.database.db,
    );
    expect(stored.rows).toHaveLength(1);
  });

  it('a disk that is full for a long time loses no request', async () => {
    let full = true;
    const jobs = node((store) => async (file) => {
      if (full) throw new Error('ENOSPC');
      return store(file);
    });
    const { flowRequestId } = await jobs.signing.createFlow(fixture.command());
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      expect(await jobs.jobs.run(fixture.clock.now())).toMatchObject([{ message: 'ENOSPC' }]);
    }
    expect(await fixture.notifications(flowRequestId)).toEqual([]);
    full = false;
    expect(await jobs.jobs.run(fixture.clock.now())).toEqual([]);
    expect((await fixture.notifications(flowRequestId))[0]).toMatchObject({ data: { success_flag: true } });
  });
});

describe('one of two ends a flow', () => {
  const revoke = (flowId: string) =>
    fixture.service.signing.revokeFlow({
      appId: fixture.service.appId,
      flowId,
      etcMemberNo: fixture.company.etcMemberNo,
    });

  it('a revoke while the signature is being made wins, and the signed revision is thrown away', async () => {
    let flowId = '';
    let discarded = '';
    const signing = node((store) => async (file) => {
      const stored = await store(file);
      await revoke(flowId);
      discarded = stored.fileId;
      return stored;
    });
    ({ flowId } = await unsignedFlow(signing.jobs));
    expect(await signing.jobs.run(fixture.clock.now())).toEqual([]);
    expect(await fixture.state(flowId)).toBe('revoked');
    expect(signatureCount(await fixture.newestFile(flowId))).toBe(0);
    const key = { appId: fixture.service.appId, fileId: discarded };
    expect(await fixture.service.documents.findFile(key)).toBeUndefined();
    expect((await endings(flowId)).map(({ data }) => data['flow_status'])).toEqual(['3']);
  });

  it('a deadline that comes while the signature is being made wins', async () => {
    const signing = node((store) => (file) => {
      fixture.clock.pass(HOUR_MS);
      return store(file);
    });
    const signValidity = new Date(fixture.clock.now().getTime() + HOUR_MS);
    const { flowId } = await unsignedFlow(signing.jobs, { signValidity });
    expect(await signing.jobs.run(fixture.clock.now())).toEqual([]);
    expect(await fixture.state(flowId)).toBe('expired');
    expect(signatureCount(await fixture.newestFile(flowId))).toBe(0);
    expect((await endings(flowId)).map(({ data }) => data['flow_status'])).toEqual(['5']);
  });

  it('a revoke and the last signature that commit at the same moment: either, with one notification', async () => {
    const ended = new Set<string>();
    for (let round = 0; round < 12; round += 1) {
      const ready = Promise.withResolvers<void>();
      const signing = node((store) => async (file) => {
        const stored = await store(file);
        ready.resolve();
        return stored;
      });
      const { flowId } = await unsignedFlow(signing.jobs);
      const revoking = ready.promise
        .then(() => revoke(flowId))
        .then(
          () => 'revoked',
          (error: { code: string }) => error.code,
        );
      const [errors, answer] = await Promise.all([signing.jobs.run(fixture.clock.now()), revoking]);
      expect(errors).toEqual([]);
      const state = await fixture.state(flowId);
      expect(answer).toBe(state === 'revoked' ? 'revoked' : 'flow_not_signing');
      expect(signatureCount(await fixture.newestFile(flowId))).toBe(state === 'done' ? 1 : 0);
      expect((await endings(flowId)).map(({ data }) => data['flow_status'])).toEqual([state === 'done' ? '2' : '3']);
      ended.add(state);
    }
    expect([...ended].every((state) => state === 'done' || state === 'revoked')).toBe(true);
  });

  it('of many revokes at the same moment one wins', async () => {
    const flowId = await fixture.waitingFlow();
    const answers = await Promise.allSettled(Array.from({ length: 6 }, () => revoke(flowId)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const codes = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason.code] : []));
    expect(new Set(codes)).toEqual(new Set(['flow_already_revoked']));
    expect(await endings(flowId)).toHaveLength(1);
  });

  it('a revoke and the expiry at the same moment: one of them', async () => {
    const signValidity = new Date(fixture.clock.now().getTime() + HOUR_MS);
    const flowId = await fixture.waitingFlow({ signValidity });
    fixture.clock.pass(HOUR_MS);
    await Promise.allSettled([revoke(flowId), fixture.service.signing.sweep(), fixture.service.signing.sweep()]);
    const [told, ...more] = await endings(flowId);
    expect(more).toEqual([]);
    expect(told!.data['flow_status']).toBe((await fixture.state(flowId)) === 'revoked' ? '3' : '5');
  });
});

describe('all or nothing', () => {
  it('a state change whose notification cannot be written does not happen', async () => {
    const failing = () => Promise.reject(new Error('outbox is full'));
    const told = { flowCreated: failing, flowEnded: failing, receiptEnded: failing };
    const app = { ...told, verificationEnded: failing, identityEnded: failing };
    const notify = { forApp: () => Promise.resolve(app) };
    const flowId = await fixture.waitingFlow();
    const signing = fixture.service.another(createManualJobs(), { notify });
    const { appId } = fixture.service;
    const command = { appId, flowId, etcMemberNo: fixture.company.etcMemberNo };
    await expect(signing.revokeFlow(command)).rejects.toThrow('outbox is full');
    expect(await fixture.state(flowId)).toBe('signing');
    const audit = await listAudit(fixture.service.database.db, { appId, subject: `sign_flow:${flowId}`, limit: 20 });
    expect(audit.map((entry) => entry.action)).not.toContain('sign_flow.revoke');
  });
});

describe('lost jobs', () => {
  it('a request and a silent field that nobody has touched for a while get a new job', async () => {
    const { flowRequestId } = await fixture.service.signing.createFlow(fixture.command());
    const { flowId } = await unsignedFlow(createManualJobs());
    fixture.jobs.lose();
    const renewed = () => fixture.jobs.waiting.map(({ payload }) => payload['flowId'] ?? payload['flowRequestId']);
    await fixture.service.signing.sweep();
    expect(renewed()).not.toContain(flowId);
    fixture.clock.pass(HOUR_MS);
    await fixture.service.signing.sweep();
    expect(renewed()).toEqual(expect.arrayContaining([flowId, flowRequestId]));
    expect(await fixture.jobs.run(fixture.clock.now())).toEqual([]);
    expect(await fixture.state(flowId)).toBe('done');
    expect((await fixture.notifications(flowRequestId))[0]).toMatchObject({ data: { success_flag: true } });
  });

  it('a file that ends every process that opens it ends its own request', async () => {
    const jobs = createManualJobs();
    const killed = () => Promise.reject(new Error('killed'));
    const seals = new Proxy({}, { get: () => killed }) as Seals;
    const { flowRequestId } = await fixture.service.another(jobs, { seals }).createFlow(fixture.command());
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      expect(await jobs.run(fixture.clock.now())).toMatchObject([{ message: 'killed' }]);
    }
    expect(await jobs.run(fixture.clock.now())).toEqual([]);
    const [told] = await fixture.notifications(flowRequestId);
    expect(told).toMatchObject({ status: 'failed', data: { success_flag: false, message: expect.any(String) } });
  });
});

it('more revokes at the same moment than there are connections end, each flow once', async () => {
  const flowIds: string[] = [];
  for (let count = 0; count < 20; count += 1) flowIds.push(await fixture.waitingFlow({ fields: [] }));
  // What the node knows of the app is too old to be used again.
  fixture.clock.pass(HOUR_MS);
  const { appId, signing } = fixture.service;
  const { etcMemberNo } = fixture.company;
  await Promise.all(flowIds.map((flowId) => signing.revokeFlow({ appId, flowId, etcMemberNo })));
  const states = await Promise.all(flowIds.map((flowId) => fixture.state(flowId)));
  expect(new Set(states)).toEqual(new Set(['revoked']));
});

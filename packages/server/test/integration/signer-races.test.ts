import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Individual } from '../../src/signing/index.ts';
import { createManualJobs } from '../support/manual-jobs.ts';
import {
  HOUR_MS,
  individual,
  pdfsig,
  signatureCount,
  startSigningFixture,
  type CommandChange,
  type SigningFixture,
} from '../support/signing-fixture.ts';
import {
  defaultChoices,
  openLink,
  startSignerHttp,
  type SignerClient,
  type SignerHttp,
} from '../support/signer-client.ts';

let fixture: SigningFixture;
let http: SignerHttp;
let people = 0;

beforeAll(async () => {
  fixture = await startSigningFixture();
  http = await startSignerHttp({ signing: fixture.service.signing, clock: fixture.clock });
});
beforeEach(() => fixture.jobs.lose());
afterAll(async () => {
  await http?.close();
  await fixture?.close();
});

/** A person whom no other test writes to. */
function person(changed: Partial<Individual> = {}): Individual {
  people += 1;
  return individual({ mobile: `138${String(people).padStart(8, '0')}`, ...changed });
}

/** Who has read everything and needs only to confirm. */
async function entered({ mobile }: Individual): Promise<SignerClient> {
  const client = await openLink(http, await fixture.service.outgoing.linkOf(mobile));
  await client.enter(() => fixture.service.outgoing.codeOf(mobile));
  await client.read();
  return client;
}

async function previewed(client: SignerClient, point?: { page: number; x: number; y: number }): Promise<string> {
  return (await client.preview(defaultChoices(await client.task(), point))).previewId;
}

async function sealed(): Promise<void> {
  expect(await fixture.jobs.run(fixture.clock.now())).toEqual([]);
}

const revoke = (flowId: string) =>
  fixture.service.signing
    .revokeFlow({ appId: fixture.service.appId, flowId, etcMemberNo: fixture.company.etcMemberNo, reason: '条款有误' })
    .then(
      () => 'revoked',
      (error: { code: string }) => error.code,
    );
const endings = async (flowId: string) =>
  (await fixture.notifications(`"flow_id":"${flowId}","timestamp"`)).map(({ data }) => data['flow_status']);

async function flowOf(signers: Individual[], changed: CommandChange = {}): Promise<string> {
  return fixture.waitingFlow({ signers, ...changed });
}

describe('two signers of one order', () => {
  it('who confirm at the same second are both in, and both signatures are valid', async () => {
    const [first, second] = [person({ name: '甲' }), person({ name: '乙' })];
    const flowId = await flowOf([first, second]);
    const clients = [await entered(first), await entered(second)];
    const previews = [
      await previewed(clients[0]!, { page: 1, x: 150, y: 400 }),
      await previewed(clients[1]!, { page: 1, x: 450, y: 400 }),
    ];
    const answers = await Promise.all(
      clients.map((client, index) => client.done('POST', '/confirm', { previewId: previews[index] })),
    );
    expect(answers.map(({ step }) => step)).toEqual(['sealing', 'sealing']);
    // Two nodes take the job up at once.
    const other = createManualJobs();
    fixture.service.another(other);
    const advance = fixture.jobs.waiting.find(({ name }) => name === 'signing.advance')!;
    await other.add(fixture.service.database.db, advance.name, advance.payload);
    const now = fixture.clock.now();
    expect(await Promise.all([fixture.jobs.run(now), other.run(now)])).toEqual([[], []]);
    expect(await fixture.state(flowId)).toBe('done');
    expect(await pdfsig(fixture.directory, await fixture.newestFile(flowId))).toEqual({ listed: 3, valid: 3 });
    expect(await endings(flowId)).toEqual(['2']);
  });

  it('a signature beside it leaves a preview good; one where theirs is to stand does not', async () => {
    const [first, beside, over] = [person(), person(), person()];
    const flowId = await flowOf([first, beside, over]);
    const clients = [await entered(first), await entered(beside), await entered(over)] as const;
    const before = [
      await previewed(clients[1], { page: 1, x: 450, y: 400 }),
      await previewed(clients[2], { page: 1, x: 160, y: 410 }),
    ];
    await clients[0].done('POST', '/confirm', { previewId: await previewed(clients[0], { page: 1, x: 150, y: 400 }) });
    await sealed();
    expect((await clients[1].done('POST', '/confirm', { previewId: before[0] })).step).toBe('sealing');
    const changed = await clients[2].call('POST', '/confirm', { previewId: before[1] });
    expect([changed.status, changed.body.error]).toEqual([409, 'document_changed']);
    await clients[2].done('POST', '/confirm', { previewId: await previewed(clients[2], { page: 1, x: 160, y: 410 }) });
    await sealed();
    expect(await fixture.state(flowId)).toBe('done');
    expect(await pdfsig(fixture.directory, await fixture.newestFile(flowId))).toEqual({ listed: 4, valid: 4 });
  });

  it('a double click, in two tabs at once, confirms once', async () => {
    const signer = person();
    const flowId = await flowOf([signer]);
    const client = await entered(signer);
    const previewId = await previewed(client);
    const answers = await Promise.all([1, 2, 3, 4].map(() => client.done('POST', '/confirm', { previewId })));
    expect(new Set(answers.map(({ step }) => step))).toEqual(new Set(['sealing']));
    await sealed();
    expect(signatureCount(await fixture.newestFile(flowId))).toBe(2);
  });
});

describe('one of two ends it', () => {
  it('a revoke between preview and confirmation wins: nothing is signed, and the page says why', async () => {
    const signer = person();
    const flowId = await flowOf([signer]);
    const client = await entered(signer);
    const previewId = await previewed(client);
    expect(await revoke(flowId)).toBe('revoked');
    const answer = await client.call('POST', '/confirm', { previewId });
    expect([answer.status, answer.body.error]).toEqual([409, 'flow_over']);
    expect(await client.task()).toMatchObject({ step: 'revoked', reason: '条款有误', document: null });
    await sealed();
    expect(signatureCount(await fixture.newestFile(flowId))).toBe(1);
  });

  it('a revoke and a confirmation at the same moment: the database decides, and there is one end', async () => {
    const states = new Set<string>();
    for (let round = 0; round < 8; round += 1) {
      const signer = person();
      const flowId = await flowOf([signer]);
      const client = await entered(signer);
      const previewId = await previewed(client);
      // Every other time the signature is being made already.
      if (round % 2 === 1) await client.done('POST', '/confirm', { previewId });
      const confirming = client.call('POST', '/confirm', { previewId });
      const [answer, revoked] = await Promise.all([confirming, revoke(flowId), round % 2 === 1 ? sealed() : undefined]);
      await sealed();
      const state = await fixture.state(flowId);
      states.add(state);
      expect(revoked).toBe(state === 'revoked' ? 'revoked' : 'flow_not_signing');
      if (answer.status !== 200) expect(answer.body.error).toBe('flow_over');
      expect(signatureCount(await fixture.newestFile(flowId))).toBe(state === 'done' ? 2 : 1);
      expect(await endings(flowId)).toEqual([state === 'done' ? '2' : '3']);
      expect((await client.task()).step).toBe(state === 'done' ? 'signed' : 'revoked');
    }
    expect([...states].every((state) => state === 'done' || state === 'revoked')).toBe(true);
  });

  it('one refuses: the flow ends with the reason, is told as 7 拒签, and the other one sees it', async () => {
    const [refusing, other] = [person(), person()];
    const flowId = await flowOf([refusing, other]);
    const unproved = await openLink(http, await fixture.service.outgoing.linkOf(refusing.mobile));
    expect((await unproved.call('POST', '/refuse', { reason: '我不签' })).body.error).toBe('step_missing');
    const clients = [await entered(refusing), await entered(other)] as const;
    for (const reason of ['半个字\ud842', '价格\u0000不对', ' ', '不'.repeat(201)]) {
      expect((await clients[0].call('POST', '/refuse', { reason })).status, reason).toBe(422);
    }
    const previewId = await previewed(clients[1]);
    const [refused, confirmed] = await Promise.all([
      clients[0].call('POST', '/refuse', { reason: '价格不对' }),
      clients[1].call('POST', '/confirm', { previewId }),
    ]);
    expect([refused.status, refused.body.step]).toEqual([200, 'refused']);
    expect([200, 409]).toContain(confirmed.status);
    await sealed();
    expect(await fixture.state(flowId)).toBe('refused');
    const [told] = await fixture.notifications(`"flow_id":"${flowId}","timestamp"`);
    expect(told).toMatchObject({
      api_callback_code: 'sign_process',
      data: { flow_status: '7', status_description: '拒签', action: 'SIGN_FLOW_FINISH' },
    });
    expect(await clients[1].task()).toMatchObject({ step: 'flow_refused', reason: '价格不对', document: null });
    expect((await clients[0].call('POST', '/refuse', { reason: '再说一次' })).status).toBe(200);
    expect(await endings(flowId)).toEqual(['7']);
  });

  it('who confirmed cannot refuse, and who refused cannot confirm', async () => {
    const signer = person();
    await flowOf([signer]);
    const client = await entered(signer);
    const previewId = await previewed(client);
    await client.done('POST', '/confirm', { previewId });
    expect((await client.call('POST', '/refuse', { reason: '算了' })).body.error).toBe('not_your_turn');
    await sealed();
    expect((await client.task()).step).toBe('signed');
  });
});

describe('deadlines, days and lost jobs', () => {
  it('who confirmed in time has signed in time, though the signature is made after the deadline', async () => {
    const signer = person();
    const flowId = await flowOf([signer], { signValidity: new Date(fixture.clock.now().getTime() + HOUR_MS) });
    const client = await entered(signer);
    await client.done('POST', '/confirm', { previewId: await previewed(client) });
    const advance = fixture.jobs.waiting.find(({ name }) => name === 'signing.advance')!;
    fixture.jobs.lose();
    fixture.clock.pass(HOUR_MS + 1);
    await fixture.service.signing.sweep();
    expect(await fixture.state(flowId)).toBe('signing');
    await fixture.jobs.add(fixture.service.database.db, advance.name, advance.payload);
    await sealed();
    expect(await fixture.state(flowId)).toBe('done');
  });

  it('a deadline that came first ends it: the confirmation is refused, the page says expired', async () => {
    const signer = person();
    const flowId = await flowOf([signer], { signValidity: new Date(fixture.clock.now().getTime() + HOUR_MS) });
    const client = await entered(signer);
    const previewId = await previewed(client);
    fixture.clock.pass(HOUR_MS);
    expect((await client.call('POST', '/confirm', { previewId })).body.error).toBe('flow_over');
    await fixture.service.signing.sweep();
    expect((await client.task()).step).toBe('expired');
    expect(await endings(flowId)).toEqual(['5']);
  });

  it('a preview of yesterday, of another session or of nobody is none', async () => {
    const signer = person();
    await flowOf([signer]);
    const client = await entered(signer);
    const previewId = await previewed(client);
    const elsewhere = await entered(signer);
    expect((await elsewhere.call('POST', '/confirm', { previewId })).body.error).toBe('preview_gone');
    expect((await elsewhere.call('GET', `/previews/${previewId}/pages/1?width=100`)).body.error).toBe('preview_gone');
    expect((await client.call('POST', '/confirm', { previewId: 'a'.repeat(32) })).body.error).toBe('preview_gone');
    fixture.clock.set(new Date('2026-04-01T15:59:00Z'));
    const late = await entered(signer);
    const yesterday = await previewed(late);
    fixture.clock.pass(120_000);
    expect((await late.call('POST', '/confirm', { previewId: yesterday })).body.error).toBe('preview_gone');
  });

  it('a confirmed signature whose job was lost is made by the sweep', async () => {
    const signer = person();
    const flowId = await flowOf([signer]);
    const client = await entered(signer);
    await client.done('POST', '/confirm', { previewId: await previewed(client) });
    fixture.jobs.lose();
    fixture.clock.pass(HOUR_MS);
    await fixture.service.signing.sweep();
    await sealed();
    expect(await fixture.state(flowId)).toBe('done');
  });

  it('a seal that is retired between the confirmation and the signature still signs', async () => {
    const name = '上海落章有限公司';
    people += 1;
    const mobile = `139${String(people).padStart(8, '0')}`;
    const company = await fixture.service.company({ name, memberName: '赵六', mobile });
    const fields = [
      {
        autoExecute: false,
        placement: { kind: 'page' as const, positions: [{ page: 1, x: 300, y: 300 }] },
        width: null,
        date: null,
      },
    ];
    const flowId = await fixture.openedFlow({
      initiator: { etcMemberNo: company.etcMemberNo, signOrder: 1, fields },
      signers: [],
    });
    const client = await entered(individual({ mobile }));
    await client.done('POST', '/confirm', { previewId: await previewed(client) });
    const { seals, database, appId } = fixture.service;
    const chosen = { appId, etcOrgNo: company.etcOrgNo, companyName: name, code: null };
    await seals.chooseVariant(database.db, chosen, 'contract');
    await sealed();
    expect(await fixture.state(flowId)).toBe('done');
  });
});

describe('reminders', () => {
  const remind = (flowId: string, idNumber?: string) =>
    fixture.service.signing.remindSigner({
      appId: fixture.service.appId,
      flowId,
      actor: 'operator',
      ...(idNumber !== undefined && { idNumber }),
    });

  it('send those in turn a new link, no more often than every ten minutes; the old one stays good', async () => {
    const [first, second] = [
      person({ idNumber: '110105194912310046' }),
      person({ signOrder: 3, idNumber: '110105194912310062' }),
    ];
    const flowId = await flowOf([first, second]);
    const before = await fixture.service.outgoing.linkOf(first.mobile);
    expect(await remind(flowId, first.idNumber)).toEqual({ sent: 1 });
    expect(await fixture.service.outgoing.linkOf(first.mobile)).not.toBe(before);
    expect((await fixture.service.outgoing.deliver()).at(-1)).toMatchObject({ kind: 'sign_reminder' });
    await expect(remind(flowId, first.idNumber)).rejects.toMatchObject({
      code: 'reminded_too_soon',
      params: { retryAfter: '600' },
    });
    await expect(remind(flowId, second.idNumber)).rejects.toMatchObject({ code: 'signer_not_waiting' });
    await expect(remind(flowId, '110105194912310089')).rejects.toMatchObject({ code: 'signer_not_found' });
    fixture.clock.pass(600_000);
    expect(await remind(flowId)).toEqual({ sent: 1 });
    expect((await (await openLink(http, before)).task()).step).toBe('identity');
    await revoke(flowId);
    await expect(remind(flowId)).rejects.toMatchObject({ code: 'flow_not_signing' });
  });
});

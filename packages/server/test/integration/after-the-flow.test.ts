import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HandoverAnswer } from '../../src/dialects/signer/contract.ts';
import { evidenceOf, LI, LI_SI, startEndedFlows, WANG, WANG_WU, type EndedFlows } from '../support/ended-flows.ts';
import { createManualJobs } from '../support/manual-jobs.ts';
import { HANDWRITING, openLink, startSignerHttp } from '../support/signer-client.ts';
import { HOUR_MS, pdfsig, type SigningFixture } from '../support/signing-fixture.ts';

// What comes after the last signature: who is told, and what their links open.

const DAY_MS = 24 * HOUR_MS;
const MIN_MS = 60_000;

let flows: EndedFlows;
let fixture: SigningFixture;
beforeAll(async () => {
  flows = await startEndedFlows();
  ({ fixture } = flows);
});
beforeEach(() => {
  fixture.jobs.lose();
  // Codes are counted by the hour, and flows of other tests wrote to the same mobile.
  fixture.clock.pass(2 * HOUR_MS);
});
afterAll(async () => {
  await flows?.close();
});

const outgoing = () => fixture.service.outgoing;
const signing = () => fixture.service.signing;
const appId = () => fixture.service.appId;

describe('who signed', () => {
  it('is told when all have signed, by a link that opens the document for them and for nobody else', async () => {
    const flowId = await flows.waitingFlow({ signers: [LI_SI, WANG_WU] });
    expect(await flows.sentBy(() => flows.signAs(LI))).toMatchObject([{ kind: 'sign_link', to: { mobile: WANG } }]);
    const sent = await flows.sentBy(() => flows.signAs(WANG));
    expect(sent.map(({ kind, to }) => [kind, to.mobile])).toEqual([
      ['sign_done', LI],
      ['sign_done', WANG],
    ]);
    expect(sent[0]!.text).toContain('《房屋买卖合同》已由各方签署完成');
    expect(sent[0]!.params['url']).not.toBe(sent[1]!.params['url']);

    fixture.clock.pass(60 * DAY_MS);
    const stranger = await flows.open(LI);
    const before = await stranger.task();
    expect(before).toMatchObject({ role: 'signer', step: 'identity', isArchived: true, document: null });
    expect(JSON.stringify(before.parties)).not.toContain('王五');
    for (const path of ['/document', '/evidence', '/pages/1?width=400']) {
      expect((await stranger.bytes(path)).status, path).toBe(409);
    }
    expect(await flows.prove(stranger, LI)).toMatchObject({
      step: 'signed',
      isArchived: true,
      document: { fields: [] },
    });
    const code = (await outgoing().deliver()).findLast(({ to }) => to.mobile === LI)!;
    expect([code.kind, code.text]).toEqual(['view_code', expect.stringContaining('用于查看已签署的《房屋买卖合同》')]);
    const document = await stranger.bytes('/document');
    expect(document.body.equals(await fixture.newestFile(flowId))).toBe(true);
    expect((await stranger.bytes('/pages/1?width=400')).status).toBe(200);

    fixture.clock.pass(31 * DAY_MS);
    const late = await fetch(`${flows.http.url}/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ token: new URL(sent[0]!.params['url']!).hash.slice(1) }),
    });
    expect([late.status, ((await late.json()) as { error: string }).error]).toEqual([410, 'token_expired']);
  });

  it('comes back by the link they signed by, though its time would be over', async () => {
    const signValidity = new Date(fixture.clock.now().getTime() + DAY_MS);
    await flows.waitingFlow({ signValidity });
    const token = await outgoing().linkOf(LI);
    await flows.signAs(LI);
    fixture.clock.pass(10 * DAY_MS);
    const again = await openLink(flows.http, token);
    expect((await flows.prove(again, LI)).step).toBe('signed');
    fixture.clock.pass(81 * DAY_MS);
    await expect(openLink(flows.http, token)).rejects.toThrow('token_expired');
  });

  it('not so by the link for the other device, which opened once and soon', async () => {
    await flows.waitingFlow();
    const client = await flows.open(LI);
    await client.enter(() => outgoing().codeOf(LI));
    const { url } = await client.done<HandoverAnswer>('POST', '/handover');
    await client.sign();
    expect(await fixture.jobs.run(fixture.clock.now())).toEqual([]);
    fixture.clock.pass(11 * MIN_MS);
    await expect(openLink(flows.http, new URL(url).hash.slice(1))).rejects.toThrow('token_expired');
  });

  it('who has signed and waits for others proves themselves in another browser, and agrees to nothing twice', async () => {
    const flowId = await flows.waitingFlow({ signers: [LI_SI, WANG_WU] });
    const token = await outgoing().linkOf(LI);
    await flows.signAs(LI);
    fixture.clock.pass(61_000);
    const other = await openLink(flows.http, token);
    expect((await other.task()).step).toBe('identity');
    expect(await flows.prove(other, LI)).toMatchObject({ step: 'signed', isArchived: false });
    expect((await other.bytes('/document')).status).toBe(200);
    // There is no report of what is not over.
    expect((await other.bytes('/evidence')).status).toBe(409);
    const { etcMemberNo } = fixture.company;
    await signing().revokeFlow({ appId: appId(), flowId, etcMemberNo });
  });

  it('that asks for the evidence report many times at once has one made', async () => {
    const flowId = await flows.doneFlow();
    const { service } = fixture;
    const storeFile = vi.fn(service.documents.storeFile);
    const documents = { ...service.documents, storeFile };
    const reports = await evidenceOf({ ...fixture, service: { ...service, documents } });
    const asked = { appId: appId(), flowId, actor: 'signer:a', ageMsMax: 60_000 };
    const answers = await Promise.all(Array.from({ length: 6 }, () => reports.report(asked)));
    expect(new Set(answers.map(({ sha256 }) => sha256)).size).toBe(1);
    expect(storeFile).toHaveBeenCalledTimes(1);
  });

  it('has the evidence report, made once in ten minutes however often it is asked for', async () => {
    const flowId = await flows.doneFlow();
    fixture.clock.pass(61_000);
    const client = await flows.open(LI);
    await flows.prove(client, LI);
    const first = await client.bytes('/evidence');
    expect([first.status, first.headers.get('content-type')]).toEqual([200, 'application/pdf']);
    expect(decodeURIComponent(first.headers.get('content-disposition')!)).toContain(`签署证据报告-${flowId}.pdf`);
    expect(await pdfsig(fixture.directory, first.body)).toEqual({ listed: 1, valid: 1 });
    // Each download of the document is news for the report.
    await client.bytes('/document');
    expect((await client.bytes('/evidence')).body.equals(first.body)).toBe(true);
    fixture.clock.pass(11 * MIN_MS);
    expect((await client.bytes('/evidence')).body.equals(first.body)).toBe(false);
    const { rows } = await sql<{ actor: string }>`
      select actor from audit_entry where action = 'sign_flow.evidence_downloaded' and subject = ${`sign_flow:${flowId}`}
    `.execute(fixture.service.database.db);
    expect(rows.map(({ actor }) => actor)).toEqual(Array(3).fill(expect.stringMatching(/^signer:/)));
  });

  it('is not told where the application wants nobody told', async () => {
    await signing().changeSettings({ appId: appId(), change: { tellsEnd: false }, actor: 'operator' });
    try {
      const flowId = await flows.waitingFlow();
      await flows.addCopy(flowId);
      expect(await flows.sentBy(() => flows.signAs(LI))).toMatchObject([{ kind: 'sign_copy' }]);
    } finally {
      await signing().changeSettings({ appId: appId(), change: { tellsEnd: true }, actor: 'operator' });
    }
  });

  it('is told with the end or not at all: a message that cannot be written ends no flow, and the next try writes one', async () => {
    const flowId = await flows.waitingFlow();
    await flows.confirmAs(LI);
    const failing = createManualJobs();
    const { messages } = outgoing();
    fixture.service.another(failing, {
      messages: { ...messages, send: () => Promise.reject(new Error('no room')) },
    });
    await failing.add(undefined as never, 'signing.advance', { appId: appId(), flowId });
    expect(await failing.run(fixture.clock.now())).toHaveLength(1);
    expect(await fixture.state(flowId)).toBe('signing');
    const sent = await flows.sentBy(async () => expect(await fixture.jobs.run(fixture.clock.now())).toEqual([]));
    expect(sent.map(({ kind }) => kind)).toEqual(['sign_done']);
    expect(await fixture.state(flowId)).toBe('done');
  });
});

describe('a flow that ends without all signatures', () => {
  const both = { signers: [LI_SI, { ...WANG_WU, signOrder: 2 }] };

  it('revoked: who was asked hears that there is nothing to sign any more', async () => {
    const flowId = await flows.waitingFlow(both);
    const { etcMemberNo } = fixture.company;
    const sent = await flows.sentBy(() => signing().revokeFlow({ appId: appId(), flowId, etcMemberNo }));
    expect(sent.map(({ kind, to, params }) => [kind, to.mobile, params['outcome'], params['url']])).toEqual([
      ['sign_ended', LI, 'revoked', undefined],
      ['sign_ended', WANG, 'revoked', undefined],
    ]);
    expect(sent[0]!.text).toContain('已被发起方撤销');
  });

  it('refused: whoever refused knows; expired before their turn: who was never asked hears nothing', async () => {
    await flows.waitingFlow(both);
    const client = await flows.open(WANG);
    await client.enter(() => outgoing().codeOf(WANG));
    const sent = await flows.sentBy(() => client.done('POST', '/refuse', { reason: '价格不符' }));
    expect(sent.map(({ to, params }) => [to.mobile, params['outcome']])).toEqual([[LI, 'refused']]);

    const signValidity = new Date(fixture.clock.now().getTime() + DAY_MS);
    await flows.waitingFlow({ signers: [LI_SI, WANG_WU], signValidity });
    fixture.clock.pass(DAY_MS + 1);
    const late = await flows.sentBy(() => signing().sweep());
    expect(late.map(({ to, params }) => [to.mobile, params['outcome']])).toEqual([[LI, 'expired']]);
  });
});

describe('the reading time', () => {
  it('is the application’s own where it settled one, and the service’s otherwise', async () => {
    const reading = fixture.service.another(createManualJobs(), { readingSeconds: 30 });
    const own = await startSignerHttp({ signing: reading, clock: fixture.clock });
    const flowId = await flows.waitingFlow();
    const client = await openLink(own, await outgoing().linkOf(LI));
    const leftOf = async () => (await client.task()).document!.readingSecondsLeft;
    await client.enter(() => outgoing().codeOf(LI));
    const settle = (readingSeconds: number | null) =>
      reading.changeSettings({ appId: appId(), change: { readingSeconds }, actor: 'operator' });
    expect(await leftOf()).toBe(30);
    await settle(90);
    expect(await leftOf()).toBe(90);
    await client.read();
    const task = await client.task();
    const choices = task.document!.fields.map(({ fieldId }) => ({
      fieldId,
      form: 'handwritten' as const,
      handwriting: HANDWRITING,
      points: [{ page: 1, x: 300, y: 400 }],
    }));
    const { previewId } = await client.preview(choices);
    fixture.clock.pass(31_000);
    expect((await client.call('POST', '/confirm', { previewId })).body.error).toBe('reading_time_left');
    await settle(0);
    expect((await client.done('POST', '/confirm', { previewId })).step).toBe('sealing');
    expect(await settle(null)).toEqual({ readingSeconds: null, tellsEnd: true });
    await expect(settle(3_601)).rejects.toMatchObject({ code: 'signing_settings_invalid' });
    await expect(
      reading.changeSettings({ appId: 'A'.repeat(16), change: {}, actor: 'operator' }),
    ).rejects.toMatchObject({ code: 'app_not_found' });
    await own.close();
    expect(await fixture.state(flowId)).toBe('signing');
  });
});

import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { verifyAuditChain } from '../../src/audit/index.ts';
import {
  HOUR_MS,
  individual,
  pdfsig,
  signatureCount,
  startSigningFixture,
  type SigningFixture,
} from '../support/signing-fixture.ts';
import {
  defaultChoices,
  HANDWRITING,
  openLink,
  startSignerHttp,
  type SignerClient,
  type SignerHttp,
} from '../support/signer-client.ts';
import { createManualJobs } from '../support/manual-jobs.ts';
import { isRed } from '../support/signed-pdf.ts';

const MOBILE = '13800138000';
let fixture: SigningFixture;
let http: SignerHttp;

beforeAll(async () => {
  fixture = await startSigningFixture();
  http = await startSignerHttp({ signing: fixture.service.signing, clock: fixture.clock });
});
beforeEach(() => {
  fixture.jobs.lose();
  // Codes are counted by the hour, and flows of other tests wrote to the same mobile.
  fixture.clock.pass(2 * HOUR_MS);
});
afterAll(async () => {
  await http?.close();
  await fixture?.close();
});

const codeOf = (mobile = MOBILE) => fixture.service.outgoing.codeOf(mobile);
const open = async (mobile = MOBILE): Promise<SignerClient> =>
  openLink(http, await fixture.service.outgoing.linkOf(mobile));

/** Their signatures are made by the job. */
async function sealed(): Promise<void> {
  expect(await fixture.jobs.run(fixture.clock.now())).toEqual([]);
}

async function acts(
  flowId: string,
): Promise<{ kind: string; ip: string | null; userAgent: string | null; detail: Record<string, unknown> }[]> {
  return [...(await fixture.service.signing.evidence(fixture.service.appId, flowId)).acts];
}

describe('from the link to the signed document', () => {
  it('a person proves who they are, agrees, reads, writes by hand, sees a preview, confirms once and downloads', async () => {
    const date = { fontSize: 12, format: 'yyyy-MM-dd' as const, positions: [{ page: 2, x: 420, y: 90 }] };
    const field = {
      placement: { kind: 'page' as const, positions: [{ page: 2, x: 420, y: 150 }] },
      width: null,
      date,
      forms: [],
    };
    const flowId = await fixture.waitingFlow({ signers: [individual({ fields: [field] })] });
    const signer = await open();

    const first = await signer.task();
    expect(first).toMatchObject({
      step: 'identity',
      subject: '房屋买卖合同.pdf',
      initiator: { companyName: '北京易楼房地产经纪有限公司', memberName: '张三', appName: '测试应用' },
      signer: { name: '李四', maskedMobile: '138****8000', signsFor: null },
      document: null,
      isArchived: false,
    });
    expect((await signer.call('GET', '/pages/1?width=800')).status).toBe(409);
    expect((await signer.call('POST', '/consent', { version: first.consent.version })).body.error).toBe('step_missing');

    expect(await signer.done('POST', '/code')).toEqual({ sentTo: '138****8000', expiresIn: 600, resendIn: 60 });
    const checked = await signer.done('POST', '/code/check', { code: await codeOf() });
    expect(checked).toMatchObject({ step: 'consent', document: null });
    const task = await signer.done('POST', '/consent', { version: checked.consent.version });
    expect(task.step).toBe('document');
    expect(task.document).toMatchObject({
      pages: [1, 2, 3].map(() => ({ width: 595, height: 842 })),
      fields: [{ forms: ['handwritten', 'template'], datePoints: [{ page: 2, x: 420, y: 90 }], width: null }],
      seals: [{ sealId: 'personal', kind: 'template' }],
    });
    const page = await signer.bytes('/pages/2?width=790');
    expect([page.status, page.headers.get('content-type'), page.body.readUInt32BE(16)]).toEqual([
      200,
      'image/png',
      800,
    ]);
    const seal = await signer.bytes('/seals/personal');
    expect(seal.headers.get('content-type')).toBe('image/svg+xml');
    expect(
      (
        await signer.call('POST', '/views', {
          views: [
            { page: 2, milliseconds: 4_000 },
            { page: 9, milliseconds: 1 },
          ],
        })
      ).status,
    ).toBe(204);

    const [choice] = defaultChoices(task);
    expect(choice!.form).toBe('handwritten');
    const preview = await signer.preview([choice!]);
    expect(preview.pages).toEqual([2]);
    const stamped = await signer.bytes(`/previews/${preview.previewId}/pages/2?width=800`);
    expect(stamped.status).toBe(200);
    expect(stamped.body.equals(page.body)).toBe(false);
    expect(signatureCount(await fixture.newestFile(flowId))).toBe(1);

    expect((await signer.done('POST', '/confirm', { previewId: preview.previewId })).step).toBe('sealing');
    // Asked again, as a phone without a good connection does.
    expect((await signer.done('POST', '/confirm', { previewId: preview.previewId })).step).toBe('sealing');
    await sealed();
    expect(await signer.task()).toMatchObject({ step: 'signed', isArchived: true, document: { fields: [] } });
    expect(await fixture.state(flowId)).toBe('done');

    const document = await signer.bytes('/document');
    expect(document.headers.get('content-disposition')).toContain('filename*=UTF-8');
    expect(await pdfsig(fixture.directory, document.body)).toEqual({ listed: 2, valid: 2 });
    expect(document.body.equals(await fixture.newestFile(flowId))).toBe(true);

    const recorded = await acts(flowId);
    expect(recorded.map(({ kind }) => kind)).toEqual([
      'created',
      'signed',
      'link_sent',
      'opened',
      'code_sent',
      'identity_checked',
      'consented',
      'document_opened',
      'previewed',
      'confirmed',
      'signed',
      'done',
      'result_sent',
      'downloaded',
    ]);
    expect(recorded.find(({ kind }) => kind === 'confirmed')).toMatchObject({
      ip: '127.0.0.1',
      userAgent: 'a phone',
      consentVersion: task.consent.version,
      fileSha256: task.document!.sha256,
      detail: { pagesViewed: 1, viewedMs: 4_000 },
    });
    expect(JSON.stringify(recorded)).not.toMatch(/13800138000|11010519491231002X/);
    const { database, appId } = fixture.service;
    expect((await verifyAuditChain(database.db, appId)).fault).toBeNull();
    await expect(sql`update sign_act set ip = '1.2.3.4'`.execute(database.db)).rejects.toThrow('written once');
    await expect(sql`delete from sign_act`.execute(database.db)).rejects.toThrow('written once');
  });

  it('several fields: the personal seal at a free place, across the pages, by hand at another', async () => {
    const base = { width: null, date: null };
    const fields = [
      { ...base, placement: { kind: 'free' as const }, forms: ['template' as const] },
      {
        ...base,
        placement: { kind: 'cross-page' as const, positions: [{ pages: 'all' as const, y: 421 }] },
        forms: ['handwritten' as const],
      },
      {
        ...base,
        placement: { kind: 'page' as const, positions: [{ page: 3, x: 200, y: 100 }] },
        forms: ['handwritten' as const],
      },
    ];
    const flowId = await fixture.waitingFlow({ fields: [], signers: [individual({ signOrder: 1, fields })] });
    const signer = await open();
    const task = await signer.enter(codeOf);
    expect(task.document!.fields.map(({ placement }) => placement.kind)).toEqual(['free', 'cross-page', 'page']);

    const choices = defaultChoices(task, { page: 2, x: 300, y: 300 });
    const off = choices.map((choice) =>
      'points' in choice ? { ...choice, points: [{ page: 2, x: 700, y: 300 }] } : choice,
    );
    expect((await signer.call('POST', '/preview', { choices: off })).body).toMatchObject({ error: 'invalid' });
    expect((await signer.preview(choices)).pages).toEqual([1, 2, 3]);
    expect((await signer.sign({ page: 2, x: 300, y: 300 })).step).toBe('sealing');
    await sealed();
    const pdf = await fixture.newestFile(flowId);
    // One on page 2, three slices, one on page 3.
    expect(await pdfsig(fixture.directory, pdf)).toEqual({ listed: 5, valid: 5 });
    // The frame of the personal seal, 20 mm wide, at its left edge.
    expect(await isRed(pdf, 2, [300 - 27, 300])).toEqual([true]);
  });

  it('an employee signs for the company with the seal of their choice where a field is not silent', async () => {
    const name = '杭州印信科技有限公司';
    const company = await fixture.service.company({ name, memberName: '王五', mobile: '13900139000' });
    const manual = {
      autoExecute: false,
      placement: { kind: 'page' as const, positions: [{ page: 1, x: 300, y: 300 }] },
      width: null,
      date: null,
    };
    const initiator = { etcMemberNo: company.etcMemberNo, signOrder: 1, fields: [manual] };
    const flowId = await fixture.openedFlow({ initiator, signers: [individual()] });
    const employee = await open('13900139000');
    const task = await employee.enter(() => codeOf('13900139000'));
    expect(task).toMatchObject({ signer: { name: '王五', signsFor: name } });
    expect(task.document!.seals.map(({ label }) => label)).toEqual(['公章', '合同专用章']);
    const [field] = task.document!.fields;
    expect(field!.forms).toEqual(['company']);
    const chosen = { fieldId: field!.fieldId, form: 'company' as const, sealId: task.document!.seals[1]!.sealId };
    const { previewId } = await employee.preview([chosen]);
    // With no reading time either nobody signs what was not shown to them.
    expect((await employee.call('POST', '/confirm', { previewId })).body.error).toBe('step_missing');
    await employee.read();
    await employee.done('POST', '/confirm', { previewId });
    await sealed();
    expect(await fixture.state(flowId)).toBe('signing');
    expect(await pdfsig(fixture.directory, await fixture.newestFile(flowId))).toEqual({ listed: 1, valid: 1 });
    const signed = (await acts(flowId)).find(({ kind }) => kind === 'signed');
    expect(signed!.detail['sealId']).toBe(chosen.sealId);
    // Now it is the individual's turn: their link went out with the signature.
    expect((await (await open()).task()).step).toBe('identity');
  });
});

describe('what may be signed', () => {
  it('choices that are none: forms, seals, empty strokes, points, fields of others', async () => {
    const fields = [{ placement: { kind: 'free' as const }, width: null, date: null, forms: ['handwritten' as const] }];
    await fixture.waitingFlow({ signers: [individual({ fields })] });
    const signer = await open();
    const task = await signer.enter(codeOf);
    const [good] = defaultChoices(task) as [
      Extract<ReturnType<typeof defaultChoices>[number], { form: 'handwritten' }>,
    ];
    const { fieldId } = good;
    const points = [{ page: 1, x: 300, y: 400 }];
    const dot = { ...HANDWRITING, strokes: [{ points: [[3, 3, 1]] }] };
    const beyond = {
      ...HANDWRITING,
      strokes: [
        {
          points: [
            [3, 3, 1],
            [700, 3, 1],
          ],
        },
      ],
    };
    for (const choices of [
      [],
      [good, good],
      [{ ...good, fieldId: 'a'.repeat(32) }],
      [{ fieldId, form: 'template', sealId: 'personal', points }],
      [{ ...good, handwriting: dot }],
      [{ ...good, handwriting: beyond }],
      [{ ...good, handwriting: { ...HANDWRITING, width: -1 } }],
      [{ fieldId, form: 'handwritten', handwriting: HANDWRITING }],
      [{ ...good, points: [{ page: 4, x: 1, y: 1 }] }],
      [{ ...good, points: [{ page: 1, x: -5, y: 1 }] }],
      [{ ...good, more: 1 }],
      'none',
    ]) {
      const answer = await signer.call('POST', '/preview', { choices });
      expect([answer.status, answer.body.error, choices]).toEqual([422, 'invalid', choices]);
    }
    expect((await signer.preview([good])).pages).toEqual([1]);
  });

  it('a line that goes to and fro as no hand does is refused, and told how long one may be', async () => {
    await fixture.waitingFlow();
    const signer = await open();
    const [good] = defaultChoices(await signer.enter(codeOf));
    const strokes = Array.from({ length: 200 }, (_, stroke) => ({
      points: Array.from({ length: 50 }, (_, index) => [index % 2 === 0 ? 0 : 10_000, stroke * 5, 1]),
    }));
    const choices = [{ ...good, handwriting: { width: 10_000, height: 1_000, strokes } }];
    const answer = await signer.call('POST', '/preview', { choices });
    expect([answer.status, answer.body.error]).toEqual([422, 'invalid']);
    expect(answer.body.message).toContain('at most 100 times the longer side of the box');
    const written = { ...choices[0], handwriting: { ...choices[0]!.handwriting, strokes: strokes.slice(0, 2) } };
    expect((await signer.call('POST', '/preview', { choices: [written] })).status).toBe(200);
  });

  it('a document that must be read cannot be signed before its time is over, counted from its first page', async () => {
    const reading = fixture.service.another(createManualJobs(), { readingSeconds: 30 });
    const own = await startSignerHttp({ signing: reading, clock: fixture.clock });
    const flowId = await fixture.waitingFlow();
    const signer = await openLink(own, await fixture.service.outgoing.linkOf(MOBILE));
    const task = await signer.enter(codeOf);
    expect(task.document).toMatchObject({ readingSeconds: 30, readingSecondsLeft: 30 });
    fixture.clock.pass(60_000);
    const { previewId } = await signer.preview(defaultChoices(task));
    expect((await signer.call('POST', '/confirm', { previewId })).body).toMatchObject({
      error: 'reading_time_left',
      retryAfter: 30,
    });
    expect((await signer.bytes('/pages/1?width=400')).status).toBe(200);
    fixture.clock.pass(29_500);
    expect((await signer.task()).document).toMatchObject({ readingSecondsLeft: 1 });
    expect((await signer.call('POST', '/confirm', { previewId })).body.error).toBe('reading_time_left');
    fixture.clock.pass(500);
    expect((await signer.done('POST', '/confirm', { previewId })).step).toBe('sealing');
    await own.close();
    await sealed();
    // The job of the other service is not ours to run.
    fixture.clock.pass(HOUR_MS);
    await fixture.service.signing.sweep();
    await sealed();
    expect(await fixture.state(flowId)).toBe('done');
  });

  it('a name that no seal can be drawn for signs by hand, and where only a seal is allowed there is no flow', async () => {
    const name = '李\u{10FFFD}';
    await fixture.waitingFlow({ signers: [individual({ name })] });
    const task = await (await open()).enter(codeOf);
    expect(task.document).toMatchObject({ seals: [], fields: [{ forms: ['handwritten'] }] });
    const fields = [{ placement: { kind: 'free' as const }, width: null, date: null, forms: ['template' as const] }];
    await expect(fixture.waitingFlow({ signers: [individual({ name, fields })] })).rejects.toThrow('请允许手写签名');
  });

  it('a company that is not verified is not signed for; a member without a mobile cannot be asked', async () => {
    const manual = {
      autoExecute: false,
      placement: { kind: 'page' as const, positions: [{ page: 1, x: 300, y: 300 }] },
      width: null,
      date: null,
    };
    const unverified = await fixture.service.company({
      verified: false,
      name: '北京未核有限公司',
      mobile: '13500135000',
    });
    const initiator = { etcMemberNo: unverified.etcMemberNo, signOrder: 1, fields: [manual] };
    await fixture.openedFlow({ initiator });
    const member = await open('13500135000');
    const task = await member.enter(() => codeOf('13500135000'));
    expect((await member.call('POST', '/preview', { choices: defaultChoices(task) })).body).toMatchObject({
      error: 'unavailable',
    });
    const mute = await fixture.service.company({ name: '北京无号有限公司', mobile: null });
    const other = { etcMemberNo: mute.etcMemberNo, signOrder: 1, fields: [manual] };
    await expect(fixture.openedFlow({ initiator: other })).rejects.toThrow('没有手机号');
  });
});

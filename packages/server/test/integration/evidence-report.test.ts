import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { createEvidenceReports } from '../../src/evidence-report/index.ts';
import { reportPdf } from '../../src/evidence-report/report-pdf.ts';
import { createParties } from '../../src/parties/index.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createValidation } from '../../src/validation/index.ts';
import { createSeals } from '../../src/seals/index.ts';
import { evidenceFacts } from '../support/evidence-facts.ts';
import { pdfsig, qpdfCheck, testSigner } from '../support/signed-pdf.ts';
import { startSigningFixture } from '../support/signing-fixture.ts';

const run = promisify(execFile);
const fixture = await startSigningFixture();
const { clock, service } = fixture;
const { appId, documents, signing } = service;
const { db } = service.database;
const signer = await testSigner('P-256', '印信服务 Yinxin Service');
const validation = createValidation({
  clock,
  anchors: async () =>
    (await service.trust.authorities()).map(({ certificate }) => ({ der: certificate, source: 'built_in' })),
});
const evidence = createEvidenceReports({
  db,
  clock,
  documents,
  signing,
  parties: createParties({ db, vault: createVault(Buffer.alloc(32, 7)), clock }),
  seals: createSeals({ clock }),
  signer: () => Promise.resolve(signer),
  validate: (pdf) => validation.validate(Uint8Array.from(pdf)),
});
afterAll(async () => {
  await validation.close();
  await fixture.close();
});

const reportOf = async (flowId: string) => evidence.report({ appId, flowId, actor: 'operator' });
/** The report's text, with its line breaks as spaces. */
async function textOf(pdf: Buffer): Promise<string> {
  const file = join(fixture.directory, `${crypto.randomUUID()}.pdf`);
  await writeFile(file, pdf);
  const { stdout } = await run('pdftotext', ['-raw', file, '-'], { maxBuffer: 16_777_216 });
  return stdout.replaceAll(/\s+/g, ' ');
}
/** A text without its spaces: hashes are printed in two lines. */
const packed = (text: string): string => text.replaceAll(' ', '');

describe('the evidence report of a flow', () => {
  test('is a signed PDF that names parties, revisions, acts and the chain', async () => {
    const flowId = await fixture.openedFlow();
    expect(await fixture.state(flowId)).toBe('done');
    const report = await reportOf(flowId);
    expect(await pdfsig(report.bytes)).toMatchObject([
      { field: 'evidence-report', commonName: '印信服务 Yinxin Service', valid: true, whole: true },
    ]);
    expect(await qpdfCheck(report.bytes)).toMatchObject({ status: 0 });
    expect(report.sha256).toBe(createHash('sha256').update(report.bytes).digest('hex'));

    const text = await textOf(report.bytes);
    const document = await fixture.newestFile(flowId);
    const newest = createHash('sha256').update(document).digest('hex');
    const { acts } = await signing.evidence(appId, flowId);
    expect(acts.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['created', 'signed', 'done']));
    for (const words of [
      '签署证据报告',
      flowId,
      '北京易楼房地产经纪有限公司',
      '房屋买卖合同.pdf',
      'PAdES B-B',
      '校验结果 Verdict',
      '+08:00',
    ])
      expect(text).toContain(words);
    for (const hash of [newest, createHash('sha256').update(fixture.contract).digest('hex')])
      expect(packed(text)).toContain(hash);
    for (const { sha256 } of acts) expect(packed(text)).toContain(sha256);
    const { rows } = await sql<{ hash: Buffer }>`
      select hash from audit_entry where app_id = ${appId} and subject = ${`sign_flow:${flowId}`}
    `.execute(db);
    for (const { hash } of rows) expect(packed(text)).toContain(hash.toString('hex'));
  });

  test('carries what it says for programs: each act can be hashed again', async () => {
    const flowId = await fixture.openedFlow();
    const file = join(fixture.directory, 'attached.pdf');
    await writeFile(file, (await reportOf(flowId)).bytes);
    await run('pdfdetach', ['-saveall', '-o', fixture.directory, file]);
    const json = JSON.parse(await readFile(join(fixture.directory, 'evidence.json'), 'utf8')) as {
      flow: { flowId: string };
      acts: { content: string; sha256: string; audit: { hash: string } }[];
    };
    expect(json.flow.flowId).toBe(flowId);
    expect(json.acts.length).toBeGreaterThan(2);
    for (const { content, sha256, audit } of json.acts) {
      expect(createHash('sha256').update(content, 'utf8').digest('hex')).toBe(sha256);
      expect(audit.hash).toMatch(/^[0-9a-f]{64}$/);
    }
    expect(JSON.stringify(json)).not.toMatch(/11010519491231002X|13800138000/);
  });

  test('is made once for one state, also when many ask at once, and anew when more has happened', async () => {
    const flowId = await fixture.openedFlow();
    const reports = await Promise.all(Array.from({ length: 4 }, () => reportOf(flowId)));
    expect(new Set(reports.map(({ fileId }) => fileId)).size).toBe(1);
    clock.pass(60_000);
    expect((await reportOf(flowId)).fileId).toBe(reports[0]?.fileId);
    await sql`
      insert into sign_act (app_id, flow_id, act_id, kind, actor, at, detail, content, sha256)
      values (${appId}, ${flowId}, 'later', 'downloaded', 'system', ${clock.now()}, '{}', '[]', ${'0'.repeat(64)})
    `.execute(db);
    const later = await reportOf(flowId);
    expect(later.fileId).not.toBe(reports[0]?.fileId);
    expect(await textOf(later.bytes)).toContain('下载文件');
    const { rows } = await sql<{ count: number }>`
      select count(*) as count from audit_entry where action = 'evidence_report.create'
      and subject = ${`evidence_report:${flowId}`}
    `.execute(db);
    expect(Number(rows[0]?.count)).toBe(2);
  });

  test('is of what is over: a flow in signing has none; a revoked one has, with its reason', async () => {
    const flowId = await fixture.waitingFlow();
    await expect(reportOf(flowId)).rejects.toMatchObject({ code: 'flow_not_ended' });
    const { etcMemberNo } = fixture.company;
    await signing.revokeFlow({ appId, flowId, etcMemberNo, reason: '合同有误' });
    const text = await textOf((await reportOf(flowId)).bytes);
    expect(text).toContain('合同有误');
    expect(text).toContain('110***********002X');
    expect(text).toContain('138****8000');
    for (const secret of ['11010519491231002X', '13800138000']) expect(text).not.toContain(secret);
  });

  test('of another application, or of no flow, is none', async () => {
    const flowId = await fixture.openedFlow();
    await expect(evidence.report({ appId: 'B'.repeat(16), flowId, actor: 'x' })).rejects.toMatchObject({
      code: 'flow_not_found',
    });
    await expect(signing.appOf('0'.repeat(32))).rejects.toMatchObject({ code: 'flow_not_found' });
    expect(await signing.appOf(flowId)).toBe(appId);
  });

  test('opens by a link for a while', async () => {
    const flowId = await fixture.openedFlow();
    const url = await evidence.url({ appId, flowId, actor: 'operator' });
    expect(url).toMatch(/^http:\/\/files\.test\/files\//);
  });
});

describe('its layout', () => {
  const at = new Date('2026-11-22T02:00:00Z');
  const pdfOf = async (pages: number): Promise<Buffer> =>
    reportPdf({ ...evidenceFacts({ pages }), validation: null, factsSha256: 'ab'.repeat(32), at });

  test('says of each act when, by whom, from where, with which message and terms', async () => {
    const text = await textOf(await pdfOf(12));
    const { facts } = evidenceFacts();
    for (const { act, words } of [
      { act: '身份核验通过', words: ['203.0.113.21', 'Android 13', 'Chrome', '138****8000'] },
      { act: '同意电子签名条款', words: ['条款版本 terms：2026-03-01', 'iOS 17.1', '微信 8.0.44'] },
    ]) {
      expect(text).toContain(act);
      for (const each of words) expect(text).toContain(each);
    }
    for (const { messageId } of facts.evidence.acts) if (messageId !== null) expect(text).toContain(messageId);
    expect(text).toContain('2026-03-22 18:24:28.123 +08:00');
    expect(text).toContain('12.2 s');
  });

  test('goes on for as many pages as a contract of 200 pages takes, with the head of the table on each', async () => {
    const pdf = await pdfOf(200);
    const file = join(fixture.directory, 'long.pdf');
    await writeFile(file, pdf);
    const { stdout: info } = await run('pdfinfo', [file]);
    const pages = Number(/Pages:\s+(\d+)/.exec(info)?.[1]);
    expect(pages).toBeGreaterThan(10);
    expect(await qpdfCheck(pdf)).toMatchObject({ status: 0 });
    const { stdout: sixth } = await run('pdftotext', ['-f', '8', '-l', '8', '-raw', file, '-']);
    expect(sixth).toMatch(/Party/);
    expect(sixth).toContain(`8 / ${pages}`);
  });
});

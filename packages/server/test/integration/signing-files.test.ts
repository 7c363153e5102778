import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CompanyField } from '../../src/signing/index.ts';
import { contractPdf } from '../support/contract-pdf.ts';
import { createManualJobs } from '../support/manual-jobs.ts';
import { CATALOG, PAGES, pdfOf, stream } from '../support/raw-pdf.ts';
import {
  individual,
  run,
  silentField,
  startSigningFixture,
  type CommandChange,
  type SigningFixture,
} from '../support/signing-fixture.ts';

let fixture: SigningFixture;

beforeAll(async () => {
  fixture = await startSigningFixture({ fileBytesMax: 1_000_000 });
});
beforeEach(() => fixture.jobs.lose());
afterAll(() => fixture?.close());

describe('a file or a field that is no good', () => {
  const failure = async (changed: CommandChange) => {
    const { flowRequestId } = await fixture.service.signing.createFlow(fixture.command(changed));
    await fixture.jobs.run(fixture.clock.now());
    const told = await fixture.notifications(flowRequestId);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({
      api_callback_code: 'create_sign_process',
      status: 'failed',
      data: { flow_id: '', flow_request_id: flowRequestId, success_flag: false },
    });
    expect(String(told[0]!.data['message']).length).toBeLessThanOrEqual(64);
    return told[0]!.data['message'];
  };

  it('not a PDF, HTML, cut short, too large, not found, forbidden', async () => {
    const at = (path: string, body: Buffer) => ({ fileUrl: fixture.outside.answer(path, body) });
    expect(await failure(at('/text', Buffer.from('hello')))).toBe('文件不是PDF');
    expect(await failure(at('/html', Buffer.from('<!doctype html><p>%PDF</p>')))).toBe('文件不是PDF');
    expect(await failure(at('/empty', Buffer.alloc(0)))).toBe('文件不是PDF');
    const pdf = await contractPdf(2);
    expect(await failure(at('/cut', pdf.subarray(0, pdf.length / 2)))).toContain('损坏');
    expect(await failure(at('/large', Buffer.alloc(1_000_001, 32)))).toMatch(/^文件超过/);
    expect(await failure({ fileUrl: `${fixture.outside.url}/missing.pdf` })).toBe('下载文件失败，HTTP状态404');
    expect(await failure({ fileUrl: 'http://169.254.169.254/latest' })).toBe('文件地址不允许访问');
    expect(await failure({ fileUrl: 'file:///etc/passwd' })).toBe('文件地址不正确');
  });

  it('a bomb', async () => {
    const nested = `<</Type/Pages/Count 1/Kids ${'['.repeat(10_000)}>>`;
    const fileUrl = fixture.outside.answer('/bomb', pdfOf(['<</Type/Catalog/Pages 2 0 R>>', nested]));
    expect(await failure({ fileUrl })).toContain('结构过于复杂');
  });

  it('a page that nobody could be shown, where people are to sign; silent signatures need nobody to look', async () => {
    const form = (next: number) =>
      stream(
        `/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F ${next} 0 R>>>>`,
        Buffer.from('/F Do\n'.repeat(100)),
      );
    const bomb = pdfOf([
      CATALOG,
      PAGES,
      '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>',
      stream('', Buffer.from('/F Do')),
      ...[6, 7, 8, 9, 10].map(form),
      stream('/Type/XObject/Subtype/Form/BBox[0 0 9 9]', Buffer.from('0 0 5 5 re f')),
    ]);
    const fileUrl = fixture.outside.answer('/undrawable', bomb);
    const placement = { kind: 'page' as const, positions: [{ page: 1, x: 300, y: 300 }] };
    const signers = [individual({ fields: [{ placement, width: null, date: null, forms: [] }] })];
    const fields = [silentField({ placement })];
    expect(await failure({ fileUrl, fields, signers })).toContain('第1页内容过于复杂或者已损坏');
    const { flowRequestId } = await fixture.service.signing.createFlow(
      fixture.command({ fileUrl, fields, signers: [] }),
    );
    await fixture.jobs.run(fixture.clock.now());
    expect((await fixture.notifications(flowRequestId))[0]).toMatchObject({ data: { success_flag: true } });
  });

  it('an encrypted PDF', async () => {
    const [plain, encrypted] = [join(fixture.directory, 'plain.pdf'), join(fixture.directory, 'encrypted.pdf')];
    await writeFile(plain, await contractPdf(1));
    await run('qpdf', ['--encrypt', '', 'owner', '256', '--', plain, encrypted]);
    const fileUrl = fixture.outside.answer('/encrypted', await readFile(encrypted));
    expect(await failure({ fileUrl })).toContain('已加密');
  });

  it('a field on page 99, beyond the page, a cross-page seal over one page, a seal larger than the page', async () => {
    const page = (page: number, x: number) => ({ kind: 'page' as const, positions: [{ page, x, y: 100 }] });
    const fields = (changed: Partial<CompanyField>) => ({ fields: [silentField(), silentField(changed)] });
    expect(await failure(fields({ placement: page(99, 100) }))).toBe('发起方第2个签署区：第99页不存在，文件共3页');
    expect(await failure(fields({ placement: page(2, 600) }))).toContain('第2页的签署位置超出页面');
    expect(await failure(fields({ width: 700 }))).toContain('放不下');
    const alone = { kind: 'cross-page' as const, positions: [{ pages: { first: 2, last: 2 }, y: 100 }] };
    expect(await failure(fields({ placement: alone }))).toContain('骑缝签署至少需要两页');
    const signers = [individual({ fields: [{ placement: page(4, 9), width: null, date: null, forms: [] }] })];
    expect(await failure({ signers })).toBe('第1个签署人第1个签署区：第4页不存在，文件共3页');
  });

  it('fields that make more signatures than a flow may have', async () => {
    const jobs = createManualJobs();
    const strict = fixture.service.another(jobs, { limits: { signaturesMax: 5 } });
    const across = silentField({ placement: { kind: 'cross-page', positions: [{ pages: 'all', y: 421 }] } });
    for (const [signers, message] of [
      [[], '发起成功'],
      [[individual()], '签名过多：每个签署区在每页各一个，合计不能超过5个'],
    ] as const) {
      // Three pages and two more; an individual's makes six.
      const fields = [across, silentField(), silentField()];
      const { flowRequestId } = await strict.createFlow(fixture.command({ fields, signers }));
      await jobs.run(fixture.clock.now());
      const [told] = await fixture.notifications(flowRequestId);
      expect(told!.data['message']).toBe(message);
    }
  });

  it('a fault that may pass is tried again, and ends the request when the tries are used up', async () => {
    let answers = 0;
    const pdf = await contractPdf(3);
    const flaky = fixture.outside.answer('/flaky', (response) => {
      answers += 1;
      if (answers < 3) response.writeHead(503).end();
      else response.writeHead(200).end(pdf);
    });
    const { flowRequestId } = await fixture.service.signing.createFlow(fixture.command({ fileUrl: flaky }));
    for (let attempt = 1; attempt < 3; attempt += 1) {
      expect(await fixture.jobs.run(fixture.clock.now())).toHaveLength(1);
      expect(await fixture.notifications(flowRequestId)).toEqual([]);
    }
    expect(await fixture.jobs.run(fixture.clock.now())).toEqual([]);
    expect((await fixture.notifications(flowRequestId))[0]).toMatchObject({ data: { success_flag: true } });

    const down = fixture.outside.answer('/down', (response) => void response.writeHead(500).end());
    const failed = await fixture.service.signing.createFlow(fixture.command({ fileUrl: down }));
    for (let attempt = 1; attempt <= 4; attempt += 1) await fixture.jobs.run(fixture.clock.now());
    expect(fixture.outside.hits.get('/down')).toBe(4);
    expect((await fixture.notifications(failed.flowRequestId))[0]!.data['message']).toBe('下载文件失败，HTTP状态500');
  });

  it('a server that hangs is left after the time limit', async () => {
    const hanging = fixture.outside.answer('/hanging', (response) => {
      response.writeHead(200);
      response.write('%PDF-1.7\n');
    });
    const jobs = createManualJobs();
    const impatient = fixture.service.another(jobs, { limits: { fetchTimeoutMs: 100, openAttemptsMax: 2 } });
    const { flowRequestId } = await impatient.createFlow(fixture.command({ fileUrl: hanging }));
    expect(await jobs.run(fixture.clock.now())).toMatchObject([{ message: '下载文件超时' }]);
    expect(await jobs.run(fixture.clock.now())).toEqual([]);
    expect((await fixture.notifications(flowRequestId))[0]!.data['message']).toBe('下载文件超时');
  });
});

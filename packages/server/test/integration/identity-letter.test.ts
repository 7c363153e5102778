import { execFile } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { Resvg } from '@resvg/resvg-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listAudit } from '../../src/audit/index.ts';
import { chinaDateTime } from '../../src/platform/clock.ts';
import {
  COMPANY,
  DAY_MS,
  MAIN,
  MINUTE_MS,
  RESIDENT_ID,
  startIdentity,
  type IdentityService,
} from '../support/identity-service.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const PUB = '/v2/identity/auth/pub/organization';
const actor = 'operator';

let service: IdentityService;
beforeAll(async () => {
  service = await startIdentity();
});
afterAll(() => service.stop());

const letter = async () => {
  const bytes = Buffer.from('%PDF-1.7\n% a letter that somebody signed\n%%EOF\n');
  const { fileId } = await service.documents.storeFile({ appId: service.appId, fileName: '授权书.pdf', bytes });
  return fileId;
};
const act = (flowId: string, reason = '印章清晰') => ({ appId: service.appId, flowId, actor, reason });

describe('template/download', () => {
  it('is a sound PDF of one page under a link that lives 60 minutes', async () => {
    const flowId = await service.newFlow();
    const path = `${PUB}/${flowId}/template/download`;
    const answer = await service.call('GET', path);
    expect(answer.json).toStrictEqual({ code: 0, message: '成功', data: { fileUrl: expect.any(String) } });
    const { fileUrl } = answer.json['data'] as { fileUrl: string };
    const file = await fetch(fileUrl);
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'application/pdf']);
    const folder = await makeTemporaryFolder('yinxin-letter-');
    const pdf = join(folder, 'letter.pdf');
    await writeFile(pdf, Buffer.from(await file.arrayBuffer()));
    await expect(run('qpdf', ['--check', pdf])).resolves.toBeDefined();
    const { stdout } = await run('pdfinfo', [pdf]);
    expect(stdout).toMatch(/Pages:\s+1/);
    expect(stdout).toMatch(/A4/);
    // The text is drawn: a picture of the page has ink where the company's name stands.
    await run('pdftoppm', ['-r', '40', '-gray', pdf, join(folder, 'page')]);
    const picture = await readFile(join(folder, 'page-1.pgm'));
    expect(picture.subarray(-10_000).filter((grey) => grey < 128).length).toBe(0);
    expect(picture.subarray(0, 80_000).filter((grey) => grey < 128).length).toBeGreaterThan(500);
    await rm(folder, { recursive: true });

    service.clock.pass(59 * MINUTE_MS);
    expect((await fetch(fileUrl)).status).toBe(200);
    service.clock.pass(MINUTE_MS);
    expect((await fetch(fileUrl)).status).toBe(403);
    const again = await service.call('GET', path);
    const anew = (again.json['data'] as { fileUrl: string }).fileUrl;
    expect((await fetch(anew)).status).toBe(200);
    // The file is the same, the link is another.
    expect(new URL(anew).pathname).toBe(new URL(fileUrl).pathname);
  });
});

describe('a letter of authorisation', () => {
  it('withholds the verification until an operator accepted it', async () => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    const authLetterFileId = await letter();
    const order = await service.call('POST', `${PUB}/${flowId}/reversePayment`, { authLetterFileId });
    expect(order.json['data']).toMatchObject({ subAccountNo });
    const status = async () => (await service.process(flowId))['data'] as Record<string, unknown>;
    const waiting = {
      process: 'CREATED',
      subAccount: subAccountNo,
      subAccountChannelName: MAIN.mainAccountBank,
      mainAccountName: MAIN.mainAccountName,
      oppAccountNo: null,
      oppAccountName: null,
      oppBankName: null,
      payAmount: null,
      tradeTime: null,
      createTime: null,
      modifyTime: null,
      message: null,
      bizFlowNo: null,
      auditing: null,
      authLetterAuditStatus: 'INIT',
    };
    expect(await status()).toStrictEqual(waiting);

    const orderedAt = String(service.clock.now().getTime());
    service.clock.pass(MINUTE_MS);
    const paidAt = service.clock.now();
    await service.pay({ subAccountNo, bizFlowNo: `L${flowId}` });
    const paid = {
      ...waiting,
      oppAccountNo: '1105011111111000018',
      oppAccountName: COMPANY.name,
      oppBankName: '中国建设银行股份有限公司北京西三旗支行',
      payAmount: '0.01',
      tradeTime: chinaDateTime(paidAt).replaceAll(/\D/g, ''),
      createTime: orderedAt,
      modifyTime: String(paidAt.getTime()),
      message: '已收到打款，打款授权书审核通过后完成认证',
      bizFlowNo: `L${flowId}`,
    };
    expect(await status()).toStrictEqual(paid);
    expect((await service.identity.list({ limit: 50, letterWaiting: true })).map((flow) => flow.flowId)).toContain(
      flowId,
    );
    const { fileUrl } = await service.identity.openLetter({ appId: service.appId, flowId, actor });
    expect((await fetch(fileUrl)).status).toBe(200);
    expect(await status()).toStrictEqual({ ...paid, authLetterAuditStatus: 'ING' });

    await service.identity.refuseLetter(act(flowId, '未加盖公章'));
    expect(await status()).toStrictEqual({ ...paid, authLetterAuditStatus: 'FAIL', auditing: '未加盖公章' });
    await expect(service.identity.acceptLetter(act(flowId))).rejects.toMatchObject({ code: 'letter_not_waiting' });

    await service.call('POST', `${PUB}/${flowId}/reversePayment`, { authLetterFileId: await letter() });
    expect(await status()).toStrictEqual(paid);
    await service.identity.acceptLetter(act(flowId));
    expect(await status()).toStrictEqual({
      ...paid,
      process: 'ORGANFINISHED',
      message: null,
      authLetterAuditStatus: 'SUCCESS',
      auditing: '印章清晰',
    });
    const subject = `verification:${flowId}`;
    const entries = await listAudit(service.database.db, { appId: service.appId, subject, limit: 20 });
    expect(entries.map((entry) => entry.action)).toEqual([
      'verification.verify',
      'verification.accept_letter',
      'verification.submit_letter',
      'verification.refuse_letter',
      'verification.open_letter',
      'verification.hold_payment',
      'verification.submit_letter',
      'verification.order_payment',
      'verification.start',
    ]);
  });

  it('accepted before the payment, it changes nothing more', async () => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    await service.call('POST', `${PUB}/${flowId}/reversePayment`, { authLetterFileId: await letter() });
    await service.identity.acceptLetter(act(flowId));
    await service.pay({ subAccountNo });
    expect((await service.process(flowId))['data']).toMatchObject({ process: 'ORGANFINISHED' });
  });

  it('a payment that waits for it can be taken back', async () => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    await service.call('POST', `${PUB}/${flowId}/reversePayment`, { authLetterFileId: await letter() });
    await service.pay({ subAccountNo, bizFlowNo: 'H1' });
    await service.pay({ subAccountNo, bizFlowNo: 'H1', reversal: true });
    await service.identity.acceptLetter(act(flowId));
    expect((await service.process(flowId))['data']).toMatchObject({ process: 'PAY_FAILED' });
  });

  it('ends with its flow: TERMINATED', async () => {
    const { flowId } = await service.orderedFlow();
    await service.call('POST', `${PUB}/${flowId}/reversePayment`, { authLetterFileId: await letter() });
    service.clock.pass(8 * DAY_MS);
    await service.identity.sweep();
    expect(await service.identity.show({ flowId })).toMatchObject({ state: 'expired', letterStatus: 'TERMINATED' });
    await expect(service.identity.acceptLetter(act(flowId))).rejects.toMatchObject({ code: 'letter_not_waiting' });
  });

  describe('handed in as bytes', () => {
    const png = new Resvg('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"/>').render().asPng();
    /** The same with another size in its header, and the checksum for it. */
    const pngOf = (widthPixels: number, heightPixels: number): Buffer => {
      const changed = Buffer.from(png);
      changed.writeUInt32BE(widthPixels, 16);
      changed.writeUInt32BE(heightPixels, 20);
      changed.writeUInt32BE(crc32(changed.subarray(12, 29)), 29);
      return changed;
    };
    const submit = async (bytes: Buffer, fileName: string): Promise<{ flowId: string; file: Response }> => {
      const { flowId } = await service.orderedFlow();
      const key = { appId: service.appId, flowId, actor };
      await service.identity.submitLetter({ ...key, fileName, bytes });
      expect(await service.identity.show({ flowId })).toMatchObject({ letterStatus: 'INIT' });
      return { flowId, file: await fetch((await service.identity.openLetter(key)).fileUrl) };
    };

    it.each([
      ['a PDF', Buffer.from('%PDF-1.4\n%%EOF'), 'application/pdf', 'document.pdf'],
      ['a scan', png, 'image/png', 'document.png'],
    ])('%s is shown as what it is and runs nothing, whatever its name says', async (_what, bytes, type, name) => {
      const { file } = await submit(bytes, '授权书".html');
      expect(Object.fromEntries(file.headers)).toMatchObject({
        'content-type': type,
        'content-disposition': `inline; filename="${name}"; filename*=UTF-8''%E6%8E%88%E6%9D%83%E4%B9%A6%22.html`,
        'content-security-policy': "sandbox; default-src 'none'",
        'x-content-type-options': 'nosniff',
      });
      expect(Buffer.from(await file.arrayBuffer()).equals(bytes)).toBe(true);
    });

    it('what a camera writes behind a picture is not kept', async () => {
      const { file } = await submit(Buffer.concat([png, Buffer.from('<script>alert(1)</script>')]), 'a.png');
      expect(Buffer.from(await file.arrayBuffer()).equals(png)).toBe(true);
    });

    it.each([
      ['another kind of file', Buffer.from('GIF89a')],
      ['a page', Buffer.from('<html><script>alert(1)</script>')],
      ['half a picture', png.subarray(0, -20)],
      ['a picture too wide to show', pngOf(12_001, 1)],
      ['a picture of too many pixels', pngOf(12_000, 12_000)],
      ['more than 10 MiB', Buffer.concat([Buffer.from('%PDF-1.4'), Buffer.alloc(10 * 1024 * 1024)])],
    ])('%s is none, and nothing changes', async (_what, bytes) => {
      const { flowId } = await service.orderedFlow();
      const command = { appId: service.appId, flowId, fileName: 'a.pdf', bytes, actor };
      await expect(service.identity.submitLetter(command)).rejects.toMatchObject({ code: 'identity_invalid' });
      expect(await service.identity.show({ flowId })).toMatchObject({ letterStatus: null });
    });
  });
});

describe('what an operator sees', () => {
  it('numbers are masked; a reveal shows them and is in the audit before', async () => {
    const answer = await service.call('POST', '/v2/identity/auth/api/organization/enterprise/fourFactors', {
      ...COMPANY,
      legalRepIdNo: RESIDENT_ID,
    });
    const { flowId } = answer.json['data'] as { flowId: string };
    const order = await service.call('POST', `${PUB}/${flowId}/reversePayment`, {});
    await service.pay({ subAccountNo: (order.json['data'] as { subAccountNo: string }).subAccountNo });
    expect(await service.identity.show({ flowId })).toMatchObject({
      legalRepIdNo: '110***********002X',
      payerAccountNo: '1105***********0018',
      payAmount: '0.01',
    });
    const reveal = { actor, reason: '客户来电核对' };
    expect(await service.identity.show({ flowId }, reveal)).toMatchObject({
      legalRepIdNo: RESIDENT_ID,
      payerAccountNo: '1105011111111000018',
    });
    const subject = `verification:${flowId}`;
    const [newest] = await listAudit(service.database.db, { appId: service.appId, subject, limit: 1 });
    expect(newest).toMatchObject({ action: 'verification.reveal', actor, detail: { reason: '客户来电核对' } });
  });

  it('of a person who paid by mistake the first character, of another company the name; a reveal shows the person', async () => {
    const { flowId, subAccountNo } = await service.orderedFlow();
    await service.pay({ subAccountNo, payerName: '李 晓红', bizFlowNo: `PERSON${flowId}` });
    const seen = await service.identity.show({ flowId });
    expect(seen).toMatchObject({ process: 'PAY_FAILED', payerName: '李***' });
    expect(JSON.stringify(seen)).not.toContain('晓红');
    const reveal = { actor, reason: '退款' };
    expect(await service.identity.show({ flowId }, reveal)).toMatchObject({ payerName: '李 晓红' });
    await service.pay({ subAccountNo, payerName: '上海明月贸易有限公司', bizFlowNo: `COMPANY${flowId}` });
    expect(await service.identity.show({ flowId })).toMatchObject({ payerName: '上海明月贸易有限公司' });
  });
});

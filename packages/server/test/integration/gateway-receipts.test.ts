import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sql } from 'kysely';
import { afterAll, describe, expect, test } from 'vitest';
import { createNotify } from '../../src/notify/index.ts';
import { createParties } from '../../src/parties/index.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createReceipts, withReceipts } from '../../src/receipts/index.ts';
import { createSealReview, createSeals } from '../../src/seals/index.ts';
import { callNewer, callOlder } from '../support/gateway-client.ts';
import { startGatewayOf } from '../support/gateway-of.ts';
import { createManualJobs } from '../support/manual-jobs.ts';
import { pdfsig, qpdfCheck } from '../support/signed-pdf.ts';
import { openLink, startSignerHttp } from '../support/signer-client.ts';
import { startSigningFixture } from '../support/signing-fixture.ts';

const run = promisify(execFile);
const fixture = await startSigningFixture();
const { clock, service } = fixture;
const { db } = service.database;
const { appId, apps, relay, documents } = service;
const jobs = createManualJobs();
const parties = createParties({ db, vault: createVault(Buffer.alloc(32, 7)), clock });
const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });
const notify = createNotify({ relay, apps, log: createLog({ level: 'silent' }) });
const signing = service.another(jobs, { notify: withReceipts(notify, (key) => documents.fileUrl(key)) });
const receipts = createReceipts({ db, clock, egress, parties, documents, signing });
const gateway = await startGatewayOf(fixture, { receipts, signing });
const { client } = gateway;
afterAll(async () => {
  await gateway.close();
  await egress.close();
  await fixture.close();
});

const BIZ = {
  T001001: 'SJ-20261122-001',
  T001002: '2026-11-21',
  T001003: '张三丰',
  T001004: '银行转账',
  T001005: '壹万贰仟叁佰肆拾伍元陆角柒分',
  T001006: '12,345.67',
  T001007: 'HT-2026-0001',
  T001008: '中介服务',
  T001009: '2026-11-20',
  T001010: '房屋买卖居间服务合同',
  T001011: '2026',
  T001012: '11',
  T001013: '22',
};
/** Of the company's only member, as the fixture makes it. */
const MEMBER_MOBILE = '13600136000';

let receiptsMade = 0;
const params = (biz: object = {}, more: object = {}) => {
  receiptsMade += 1;
  return {
    notify_url: `${fixture.outside.url}/receipts`,
    biz_params: { ...BIZ, T001001: `SJ-${receiptsMade}`, ...biz },
    ...more,
  };
};
const create = async (given: object) => callNewer(client, 'esign.signflows.receipt.create', given);
const download = async (flowId: string) =>
  callNewer(client, 'esign.signflows.receipt.download', { sign_flow_id: flowId });
const made = async (given: object): Promise<string> => {
  const answer = await create(given);
  expect(answer).toMatchObject({ code: '000', data: { sign_flow_id: expect.stringMatching(/^[0-9a-f]{32}$/) } });
  return (answer.data as { sign_flow_id: string }).sign_flow_id;
};
const pdfOf = async (flowId: string): Promise<Buffer> => {
  const [document] = await signing.documents(appId, flowId);
  return (await documents.readFile({ appId, fileId: document!.fileId })).bytes;
};
const receiptCount = async (): Promise<number> => {
  const { rows } = await sql<{ count: number }>`select count(*) as count from receipt`.execute(db);
  return Number(rows[0]?.count);
};

describe('a receipt', () => {
  test('is issued, signed silently by the company, told of and there to fetch', async () => {
    const flowId = await made(params());
    expect(await download(flowId)).toMatchObject({ code: '400', msg: '收据尚未签署完成，请稍后再试' });
    expect(await jobs.run(clock.now())).toEqual([]);
    const { data } = await download(flowId);
    expect(data).toEqual({ sign_file_url: expect.stringMatching(/^http:\/\/files\.test\/files\//) });

    const pdf = await pdfOf(flowId);
    expect(await pdfsig(pdf)).toMatchObject([{ commonName: '北京易楼房地产经纪有限公司', valid: true, whole: true }]);
    expect(await qpdfCheck(pdf)).toMatchObject({ status: 0 });
    const file = join(fixture.directory, 'receipt.pdf');
    await writeFile(file, pdf);
    const { stdout: text } = await run('pdftotext', ['-layout', file, '-']);
    for (const words of ['SJ-1', '张三丰', '壹万贰仟叁佰肆拾伍元陆角柒分', '￥12,345.67', '2026年11月22日'])
      expect(text).toContain(words);
    const { stdout: fonts } = await run('pdffonts', [file]);
    expect(fonts).toMatch(/NotoSerifSC-SemiBold\s+CID TrueType\s+Identity-H\s+yes yes yes/);

    const { rows } = await sql<{ content: string; url: string }>`
      select content, url from delivery where app_id = ${appId} and position(${flowId} in content) > 0
    `.execute(db);
    expect(rows.map(({ content }) => JSON.parse(content) as object)).toEqual([
      {
        sign_end_time: '2026-03-22 18:24:28',
        sign_flow_status: '2',
        sign_flow_id: flowId,
        sign_file_url: expect.stringMatching(/^http:\/\/files\.test\/files\//),
      },
    ]);
    expect(rows[0]?.url).toBe(`${fixture.outside.url}/receipts`);
  });

  test('is asked for in the older dialect, whose biz_params are nested', async () => {
    const answer = await callOlder(client, 'esign.signflows.receipt.create', params());
    expect(answer).toMatchObject({ responseCode: '000', data: { sign_flow_id: expect.any(String) } });
  });

  test('of one number is issued once, also when ten ask at once; with other contents it is refused', async () => {
    const given = params();
    const before = await receiptCount();
    const answers = await Promise.all(Array.from({ length: 10 }, () => create(given)));
    expect(new Set(answers.map(({ data }) => (data as { sign_flow_id: string }).sign_flow_id)).size).toBe(1);
    expect(await receiptCount()).toBe(before + 1);
    const other = { ...given, biz_params: { ...given.biz_params, T001003: '李四' } };
    expect(await create(other)).toMatchObject({
      code: '400',
      msg: '参数biz_params.T001001的收据编号已开具过且内容不一致，请核对或更换编号',
    });
    expect(await receiptCount()).toBe(before + 1);
  });

  test('is signed by a member who is sent a link, where auto_execute is false', async () => {
    const given = params({}, { auto_execute: false });
    const flowId = await made(given);
    expect(await jobs.run(clock.now())).toEqual([]);
    expect((await signing.flow(appId, flowId)).state).toBe('signing');
    expect(await download(flowId)).toMatchObject({ code: '400' });

    const http = await startSignerHttp({ signing, clock });
    const person = await openLink(http, await service.outgoing.linkOf(MEMBER_MOBILE));
    await person.enter(() => service.outgoing.codeOf(MEMBER_MOBILE));
    expect(await person.task()).toMatchObject({
      step: 'document',
      subject: expect.stringContaining('收据'),
      signer: { name: '张三', signsFor: '北京易楼房地产经纪有限公司' },
      initiator: { memberName: '张三' },
    });
    expect(await person.sign()).toMatchObject({ step: 'sealing' });
    expect(await jobs.run(clock.now())).toEqual([]);
    expect(await person.task()).toMatchObject({ step: 'signed', isArchived: true });
    await http.close();
    expect(await download(flowId)).toMatchObject({ code: '000' });
    expect(await pdfsig(await pdfOf(flowId))).toMatchObject([
      { commonName: '北京易楼房地产经纪有限公司', valid: true, whole: true },
    ]);
    // The same again is the same receipt, and nobody is written to twice.
    expect(await made(given)).toBe(flowId);
    const { acts } = await signing.evidence(appId, flowId);
    expect(acts.filter(({ kind }) => kind === 'link_sent')).toHaveLength(1);
  });

  test.each([
    [{ T001005: '壹万贰仟叁佰肆拾伍元整' }, '参数biz_params.T001005的大写金额与T001006的小写金额不一致'],
    [{ T001006: '12345.68' }, '参数biz_params.T001005的大写金额与T001006的小写金额不一致'],
    [{ T001005: '一万二千' }, '参数biz_params.T001005应为中文大写金额，如壹佰贰拾叁元整'],
    [{ T001006: '一万' }, '参数biz_params.T001006应为金额数字，如1234.50'],
    [{ T001005: '零元整', T001006: '0.00' }, '参数biz_params.T001006应大于零'],
    [{ T001011: '0000' }, '参数biz_params.T001013与T001011、T001012应组成真实的日期'],
    [{ T001012: '13' }, '参数biz_params.T001013与T001011、T001012应组成真实的日期'],
    [{ T001012: '2', T001013: '30' }, '参数biz_params.T001013与T001011、T001012应组成真实的日期'],
    [{ T001003: '张😀' }, '参数biz_params.T001003含有无法打印的字符“😀”'],
    [{ T001003: ' ' }, '参数biz_params.T001003不能为空'],
    [{ T001013: undefined }, '参数biz_params.T001013不能为空'],
    [{ T001010: '合'.repeat(65) }, '参数biz_params.T001010应为不超过64个字符的字符串'],
  ])('that cannot be issued is refused and leaves nothing: %o', async (biz, msg) => {
    const before = await receiptCount();
    expect(await create(params(biz))).toMatchObject({ code: '400', msg, data: null });
    expect(await receiptCount()).toBe(before);
  });

  test.each([
    [{ sign_template_code: 'T002' }, '参数sign_template_code应为T001之一'],
    [{ notify_url: 'http://169.254.169.254/' }, '参数notify_url应为可访问的http(s)地址'],
    [{ notify_url: undefined }, '参数notify_url不能为空'],
    [{ etc_org_no: '0'.repeat(32) }, '参数etc_org_no对应的机构不存在，请核对机构编号'],
    [{ biz_params: undefined }, '参数biz_params不能为空'],
  ])('is refused for what surrounds it: %o', async (more, msg) => {
    expect(await create(params({}, more))).toMatchObject({ code: '400', msg });
  });

  test('needs a name where several companies may issue it, and no company that may not', async () => {
    const second = await service.company({ name: '上海示例房产经纪有限公司' });
    expect(await create(params())).toMatchObject({
      code: '400',
      msg: '有多家企业可开具收据，请用参数etc_org_no指定',
    });
    const flowId = await made(params({}, { etc_org_no: second.etcOrgNo }));
    await jobs.run(clock.now());
    expect(await pdfsig(await pdfOf(flowId))).toMatchObject([{ commonName: '上海示例房产经纪有限公司', valid: true }]);
    const unverified = await service.company({ verified: false, name: '未认证有限公司' });
    expect(await create(params({}, { etc_org_no: unverified.etcOrgNo }))).toMatchObject({
      code: '400',
      msg: '发起方企业未认证，不能静默签署，请先完成企业认证',
    });
  });

  test('is refused while the seal that would sign it waits for a review', async () => {
    const seals = createSeals({ clock });
    const review = createSealReview({ db, clock, seals });
    await review.require({ appId, isRequired: true, actor: 'operator' });
    const company = await service.company({ name: '待审印章有限公司' });
    expect(await create(params({}, { etc_org_no: company.etcOrgNo }))).toMatchObject({
      code: '400',
      msg: '企业印章待审核，请审核通过后重试',
    });
    await review.require({ appId, isRequired: false, actor: 'operator' });
  });

  test('by hand is refused where nobody, or more than one member, could be sent the link', async () => {
    const nobody = await service.company({ name: '天津示例房产经纪有限公司', mobile: null });
    const before = await receiptCount();
    const byHand = (more: object) => create(params({}, { auto_execute: false, ...more }));
    const missing = { code: '400', msg: '没有可签署收据的用户：auto_execute为false时，企业须有留了手机号的用户' };
    expect(await byHand({ etc_org_no: nobody.etcOrgNo })).toMatchObject(missing);
    expect(await byHand({ etc_member_no: nobody.etcMemberNo })).toMatchObject(missing);
    const { etcOrgNo, etcMemberNo } = fixture.company;
    const unknown = { code: '400', msg: '参数etc_member_no对应的用户不存在，请先创建用户' };
    expect(await byHand({ etc_member_no: '0'.repeat(32) })).toMatchObject(unknown);
    expect(await byHand({ etc_member_no: etcMemberNo, etc_org_no: nobody.etcOrgNo })).toMatchObject(unknown);
    const another = { bizMemberNo: 'm2', memberName: '王五', mobile: '13700137000', actor: 'operator' };
    await parties.createMember({ appId, etcOrgNo, ...another });
    expect(await byHand({ etc_org_no: etcOrgNo })).toMatchObject({
      code: '400',
      msg: '企业有多位用户可签署收据，请用参数etc_member_no指定',
    });
    expect(await receiptCount()).toBe(before);
    expect(await byHand({ etc_member_no: etcMemberNo })).toMatchObject({ code: '000' });
    expect(await receiptCount()).toBe(before + 1);
  });

  test('of another application is none', async () => {
    expect(await download('0'.repeat(32))).toMatchObject({ code: '400', msg: '参数sign_flow_id对应的收据不存在' });
  });
});

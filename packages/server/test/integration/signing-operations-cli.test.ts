import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contractPdf } from '../support/contract-pdf.ts';
import { callNewer, type PartnerClient } from '../support/gateway-client.ts';
import { startHttpStub, type HttpStub } from '../support/http-stub.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import {
  startServiceProcess,
  temporaryDirectory,
  yinxin,
  type Ran,
  type ServiceProcess,
} from '../support/service-process.ts';
import { pdfsig } from '../support/signed-pdf.ts';

// The whole service, as an operator and a partner meet it.
let service: ServiceProcess;
let directory: { path: string; remove: () => Promise<void> };
let outside: HttpStub;
let receiver: Receiver;
let client: PartnerClient;
let company: { etcOrgNo: string; etcMemberNo: string };

const run = async (...argv: string[]): Promise<Ran> => yinxin(join(directory.path, 'data'), ...argv);
const dataOf = async (apiCode: string, params: object): Promise<Record<string, string>> => {
  const answer = await callNewer(client, apiCode, params);
  expect(answer).toMatchObject({ code: '000' });
  return answer.data as Record<string, string>;
};

beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-operations-');
  const dataDir = join(directory.path, 'data');
  service = await startServiceProcess(dataDir, { YINXIN_EGRESS_ALLOW: '127.0.0.0/8' });
  outside = await startHttpStub();
  receiver = await startReceiver(() => ({ body: '{"response_code":"000"}' }));
  const key = join(directory.path, 'key');
  const app = (await run('app', 'create', '--name', 'partner', '--generate-key', key, '--json')).json();
  client = {
    url: `${service.url}/api/gateway`,
    appId: String(app['app_id']),
    privateKey: createPrivateKey(await readFile(join(key, 'private-key.pem'), 'utf8')),
    algorithm: 'RSA-SHA256',
    now: () => Date.now(),
  };
  const org = await dataOf('partner.org.create', { biz_org_no: 'B1', org_type: '01', org_name: '北京易楼有限公司' });
  const etcOrgNo = org['etc_org_no']!;
  const member = { etc_org_no: etcOrgNo, biz_member_no: 'M1', member_name: '张三' };
  const { etc_member_no: etcMemberNo } = await dataOf('partner.member.create', member);
  company = { etcOrgNo, etcMemberNo: etcMemberNo! };
  await run('org', 'verify', etcOrgNo, '--reason', '营业执照已核对');
});
afterAll(async () => {
  await service.end('SIGTERM');
  await receiver.close();
  await outside.close();
  await directory.remove();
});

/** A flow that the company signs silently; its id, once it has ended. */
async function doneFlow(): Promise<string> {
  const before = receiver.receipts.length;
  await dataOf('esign.signflows.createFlowOneStep', {
    fileUrl: outside.answer('/contract.pdf', await contractPdf(2)),
    fileName: '合同.pdf',
    notifyUrl: receiver.url,
    signers: {
      initiatorAccount: {
        etc_member_no: company.etcMemberNo,
        signfields: { signBean: { posBean: [{ posPage: '1', posX: '300', posY: '200' }] } },
      },
    },
  });
  await receiver.received(before + 2);
  const ended = receiver.receipts
    .map(({ json }) => json)
    .findLast((json) => json['api_callback_code'] === 'sign_process');
  return (ended?.['data'] as Record<string, string> | undefined)?.['flow_id'] ?? '';
}

describe('yinxin app quota', () => {
  test('sets, shows, adds to and lifts what an application may begin', async () => {
    const { appId } = client;
    expect((await run('app', 'quota', appId, '--json')).json()).toEqual({
      app_id: appId,
      is_limited: false,
      contracts_left: null,
    });
    expect((await run('app', 'quota', appId, '--set', '2', '--json')).json()).toMatchObject({ contracts_left: 2 });
    expect((await run('app', 'quota', appId, '--add', '3', '--json')).json()).toMatchObject({ contracts_left: 5 });
    expect(await dataOf('esign.contract.surplus', {})).toEqual({ surplus_contract: 5 });
    expect((await run('app', 'quota', appId, '--unlimited', '--json')).json()).toMatchObject({ is_limited: false });
    const both = await run('app', 'quota', appId, '--set', '2', '--unlimited');
    expect([both.code, both.err]).toEqual([1, 'yinxin: give one of --set, --add and --unlimited']);
    expect((await run('app', 'quota', 'A'.repeat(16), '--set', '2')).err).toContain('no application');
  });
});

describe('yinxin flow evidence', () => {
  test('writes the signed report of a flow that ended', async () => {
    const flowId = await doneFlow();
    const file = join(directory.path, 'evidence.pdf');
    const ran = await run('flow', 'evidence', flowId, '--out', file, '--json');
    expect(ran.err).toBe('');
    const pdf = await readFile(file);
    expect(ran.json()).toEqual({ flow_id: flowId, file, bytes: pdf.length });
    expect(await pdfsig(pdf)).toMatchObject([{ commonName: '印信服务 Yinxin Service', valid: true, whole: true }]);
    const missing = await run('flow', 'evidence', '0'.repeat(32), '--out', file);
    expect([missing.code, missing.err]).toEqual([1, `yinxin: no sign flow ${'0'.repeat(32)}`]);
    const nowhere = await run('flow', 'evidence', flowId, '--out', join(directory.path, 'no', 'such', 'folder'));
    expect(nowhere.err).toContain('cannot write');
  });
});

describe('yinxin flow copy', () => {
  test('adds, lists and takes back who gets the signed document', async () => {
    const flowId = await doneFlow();
    const none = await run('flow', 'copy', 'list', flowId);
    expect(none.out).toContain('nobody gets a copy');
    const whom = ['--name', '周律师', '--mobile', '13500135000', '--email', 'zhou@example.com'];
    const added = (await run('flow', 'copy', 'add', flowId, ...whom, '--json')).json();
    expect(added).toMatchObject({ flow_id: flowId, name: '周律师', mobile: '135****5000', email: 'z***@example.com' });
    expect(added['sent_at']).not.toBeNull();
    const copyId = String(added['copy_id']);
    expect((await run('flow', 'copy', 'list', flowId, '--json')).json()).toEqual({ copies: [added] });
    const twice = await run('flow', 'copy', 'add', flowId, '--name', '周', '--mobile', '13500135000');
    expect([twice.code, twice.err]).toEqual([
      1,
      `yinxin: copy ${copyId} goes to this mobile or e-mail address already`,
    ]);
    const nobody = await run('flow', 'copy', 'add', flowId, '--name', '周');
    expect(nobody.err).toBe('yinxin: mobile must be given, or an e-mail address');
    const removed = (await run('flow', 'copy', 'remove', flowId, copyId, '--json')).json();
    expect(removed).toEqual({ flow_id: flowId, copy_id: copyId });
    expect((await run('flow', 'copy', 'remove', flowId, copyId)).err).toBe(`yinxin: no copy ${copyId}`);
    expect((await run('flow', 'copy', 'list', '0'.repeat(32))).err).toContain('no sign flow');
  });
});

describe('yinxin app signing', () => {
  test('shows and settles the reading time and whether signers are told of the end', async () => {
    const { appId } = client;
    const settled = async (...options: string[]) => (await run('app', 'signing', appId, ...options, '--json')).json();
    expect(await settled()).toEqual({ app_id: appId, reading_seconds: null, end_messages: true });
    expect(await settled('--reading-seconds', '20', '--end-messages', 'off')).toMatchObject({
      reading_seconds: 20,
      end_messages: false,
    });
    expect(await settled('--default-reading')).toMatchObject({ reading_seconds: null, end_messages: false });
    expect(await settled('--end-messages', 'on')).toMatchObject({ end_messages: true });
    const both = await run('app', 'signing', appId, '--reading-seconds', '5', '--default-reading');
    expect([both.code, both.err]).toEqual([1, 'yinxin: give --reading-seconds or --default-reading, not both']);
    const long = await run('app', 'signing', appId, '--reading-seconds', '3601');
    expect([long.code, long.err.includes('3600')]).toEqual([1, true]);
    expect((await run('app', 'signing', 'A'.repeat(16))).err).toContain('no application');
  });
});

describe('pages and receipts of the service', () => {
  test('a page of a flow opens as a PNG', async () => {
    const { imgUrls } = (await dataOf('esign.signflows.pdf2img', { flowId: await doneFlow() })) as unknown as {
      imgUrls: string[];
    };
    expect(imgUrls).toHaveLength(2);
    const page = await fetch(imgUrls[1]!);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'image/png']);
  });

  test('a receipt is signed, told of and there to fetch', async () => {
    const before = receiver.receipts.length;
    const { sign_flow_id: flowId } = await dataOf('esign.signflows.receipt.create', {
      notify_url: receiver.url,
      biz_params: {
        T001001: 'SJ-1',
        T001002: '2026-11-21',
        T001003: '张三丰',
        T001004: '银行转账',
        T001005: '壹佰贰拾叁元整',
        T001006: '123.00',
        T001007: 'HT-1',
        T001008: '中介服务',
        T001009: '2026-11-20',
        T001010: '居间服务合同',
        T001011: '2026',
        T001012: '11',
        T001013: '22',
      },
    });
    await receiver.received(before + 1);
    expect(receiver.receipts.at(-1)?.json).toMatchObject({ sign_flow_id: flowId, sign_flow_status: '2' });
    const { sign_file_url: url } = await dataOf('esign.signflows.receipt.download', { sign_flow_id: flowId });
    const pdf = Buffer.from(await (await fetch(url!)).arrayBuffer());
    expect(await pdfsig(pdf)).toMatchObject([{ commonName: '北京易楼有限公司', valid: true, whole: true }]);
  });
});

describe('yinxin seal', () => {
  test('asks for reviews, lists what waits, and lets a seal pass', async () => {
    const { appId } = client;
    expect((await run('seal', 'pending', appId, '--require')).out).toContain('new seals are reviewed');
    const org = await dataOf('partner.org.create', { biz_org_no: 'B2', org_type: '01', org_name: '上海示例有限公司' });
    const etcOrgNo = org['etc_org_no']!;
    await run('org', 'verify', etcOrgNo, '--reason', '营业执照已核对');
    const receipt = await callNewer(client, 'esign.signflows.receipt.create', { notify_url: receiver.url });
    expect(receipt).toMatchObject({ code: '400' });
    const member = { etc_org_no: etcOrgNo, biz_member_no: 'M2', member_name: '李四' };
    const { etc_member_no: etcMemberNo } = await dataOf('partner.member.create', member);
    company = { etcOrgNo, etcMemberNo: etcMemberNo! };
    const before = receiver.receipts.length;
    await dataOf('esign.signflows.createFlowOneStep', {
      fileUrl: outside.answer('/contract.pdf', await contractPdf(1)),
      fileName: '合同.pdf',
      notifyUrl: receiver.url,
      signers: {
        initiatorAccount: {
          etc_member_no: etcMemberNo,
          signfields: { signBean: { posBean: [{ posPage: '1', posX: '300', posY: '200' }] } },
        },
      },
    });
    await receiver.received(before + 1);
    const [waiting] = (await run('seal', 'pending', appId, '--json')).json()['pending'] as Record<string, string>[];
    expect(waiting).toMatchObject({ etc_org_no: etcOrgNo, alias: '公章' });
    const verdict = ['seal', 'review', etcOrgNo, waiting!['seal_id']!, '--app', appId];
    expect((await run(...verdict)).err).toBe('yinxin: give either --pass or --reject');
    expect((await run(...verdict, '--pass', '--reason', '与备案一致')).code).toBe(0);
    const again = await run(...verdict, '--reject');
    expect(again.err).toContain('does not wait for a review');
    expect((await run('seal', 'pending', appId, '--waive')).out).toContain('no seal waits');
  });
});

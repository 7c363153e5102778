import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

// The whole service, where companies sign with certificates of another authority alone.
let service: ServiceProcess;
let directory: { path: string; remove: () => Promise<void> };
let outside: HttpStub;
let receiver: Receiver;
let client: PartnerClient;

const run = async (...argv: string[]): Promise<Ran> => yinxin(join(directory.path, 'data'), ...argv);
const dataOf = async (apiCode: string, params: object): Promise<Record<string, string>> => {
  const answer = await callNewer(client, apiCode, params);
  expect(answer).toMatchObject({ code: '000' });
  return answer.data as Record<string, string>;
};

beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-stalls-');
  const dataDir = join(directory.path, 'data');
  service = await startServiceProcess(dataDir, {
    YINXIN_EGRESS_ALLOW: '127.0.0.0/8',
    YINXIN_COMPANY_AUTHORITY: 'imported',
  });
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
});
afterAll(async () => {
  await service?.end('SIGTERM');
  await receiver?.close();
  await outside?.close();
  await directory?.remove();
});

const gaugeOf = async (reason: string): Promise<string | undefined> => {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  return text.split('\n').find((line) => line.startsWith(`yinxin_sign_flows_stalled{reason="${reason}"}`));
};

test('a flow that cannot go on is named, counted and explained to whoever runs the service', async () => {
  expect((await run('flow', 'stalled')).out).toContain('no flow is held up');
  const org = await dataOf('partner.org.create', { biz_org_no: 'B1', org_type: '01', org_name: '北京易楼有限公司' });
  const etcOrgNo = org['etc_org_no']!;
  const member = { etc_org_no: etcOrgNo, biz_member_no: 'M1', member_name: '张三' };
  const { etc_member_no: etcMemberNo } = await dataOf('partner.member.create', member);
  await run('org', 'verify', etcOrgNo, '--reason', '营业执照已核对');
  await dataOf('esign.signflows.createFlowOneStep', {
    fileUrl: outside.answer('/contract.pdf', await contractPdf(2)),
    fileName: '合同.pdf',
    notifyUrl: receiver.url,
    signers: {
      initiatorAccount: {
        etc_member_no: etcMemberNo,
        signfields: { signBean: { posBean: [{ posPage: '1', posX: '300', posY: '200' }] } },
      },
    },
  });
  await receiver.received(1);
  const flowId = String((receiver.receipts[0]!.json['data'] as Record<string, unknown>)['flow_id']);

  let flows: Record<string, unknown>[] = [];
  await expect
    .poll(async () => (flows = (await run('flow', 'stalled', '--json')).json()['flows'] as typeof flows), {
      timeout: 20_000,
    })
    .toHaveLength(1);
  expect(flows[0]).toMatchObject({
    app_id: client.appId,
    flow_id: flowId,
    subject: '合同.pdf',
    signer: '北京易楼有限公司',
    etc_org_no: etcOrgNo,
    reason: 'certificate_not_imported',
    fix: expect.stringContaining('yinxin trust company import'),
  });
  const shown = await run('flow', 'stalled', '--app', client.appId, '--limit', '5');
  expect(shown.out).toContain(flowId);
  expect(shown.out).toContain('certificate_not_imported: the company has no certificate of its own');
  expect((await run('flow', 'stalled', '--app', 'A'.repeat(16))).out).toContain('no flow is held up');
  expect((await run('flow', 'stalled', '--limit', '0')).err).toContain('limit');

  expect(await gaugeOf('certificate_not_imported')).toBe(
    'yinxin_sign_flows_stalled{reason="certificate_not_imported"} 1',
  );
  expect(await gaugeOf('seal_not_reviewed')).toBe('yinxin_sign_flows_stalled{reason="seal_not_reviewed"} 0');
  const doctor = await run('doctor');
  expect(doctor.code).toBe(1);
  expect(doctor.out).toMatch(/✗ sign flows: held up .*certificate_not_imported, 1 since .*yinxin trust company import/);
});

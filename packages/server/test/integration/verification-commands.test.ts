import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMPANY, RESIDENT_ID } from '../support/identity-service.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import {
  startServiceProcess,
  temporaryDirectory,
  yinxin,
  type Ran,
  type ServiceProcess,
} from '../support/service-process.ts';
import { send, signCall, type TsignAccount } from '../support/tsign-client.ts';

let service: ServiceProcess;
let receiver: Receiver;
let directory: { path: string; remove: () => Promise<void> };
let account: TsignAccount;

beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-verification-');
  service = await startServiceProcess(join(directory.path, 'data'), { YINXIN_EGRESS_ALLOW: '127.0.0.0/8' });
  receiver = await startReceiver(() => ({ status: 200 }));
  const key = ['--generate-key', join(directory.path, 'key')];
  const app = (await run('app', 'create', '--name', '易楼', ...key, '--json')).json() as Record<string, string>;
  account = { appId: app['app_id']!, secret: app['app_secret']! };
  const main = ['--name', '杭州印信科技有限公司', '--bank', '平安银行杭州西湖支行', '--account', '15000094971252'];
  const numbers = ['--prefix', '30206857', '--width', '6', '--enable', '--sandbox'];
  const channel = await run('bank', 'channel', 'set', 'pingan', ...main, ...numbers);
  expect(channel.err).toBe('');
});

afterAll(async () => {
  await service.end('SIGTERM');
  await receiver.close();
  await directory.remove();
});

const run = async (...argv: string[]): Promise<Ran> => yinxin(join(directory.path, 'data'), ...argv);

async function call(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
  const signed = signCall(
    account,
    { method, path, ...(body !== undefined && { body: JSON.stringify(body) }) },
    Date.now(),
  );
  const { json } = await send(service.url, signed);
  expect(json).toMatchObject({ code: 0 });
  return json['data'] as Record<string, unknown>;
}

async function orderedFlow(): Promise<{ flowId: string; subAccountNo: string }> {
  const started = await call('POST', '/v2/identity/auth/api/organization/enterprise/fourFactors', {
    ...COMPANY,
    legalRepIdNo: RESIDENT_ID,
    notifyUrl: receiver.url,
  });
  const flowId = String(started['flowId']);
  const order = await call('POST', `/v2/identity/auth/pub/organization/${flowId}/reversePayment`);
  return { flowId, subAccountNo: String(order['subAccountNo']) };
}

describe('yinxin verification, on a service as it is started', () => {
  test('a payment verifies, the caller is told by a signed callback, and numbers are masked until they are revealed', async () => {
    const { flowId, subAccountNo } = await orderedFlow();
    const payer = ['--payer', COMPANY.name, '--payer-account', '1105011111111000018'];
    expect((await run('bank', 'pay', subAccountNo, ...payer)).err).toBe('');
    await receiver.received(1);
    const [receipt] = receiver.receipts;
    expect(receipt!.json).toMatchObject({ action: 'identity_org_end', flowId, success: true });
    expect(receipt!.headers['x-tsign-open-app-id']).toBe(account.appId);
    expect(receipt!.headers['x-tsign-open-signature']).toMatch(/^[0-9a-f]{64}$/);

    const list = await run('verification', 'list', '--state', 'verified');
    expect(list.out).toContain(flowId);
    expect(list.out).toContain('ORGANFINISHED');
    const shown = await run('verification', 'show', flowId);
    expect(shown.out).toContain('110***********002X');
    expect(shown.out).toContain('1105***********0018');
    expect(shown.out).not.toContain(RESIDENT_ID);
    expect(await run('verification', 'show', flowId, '--reveal')).toMatchObject({ code: 1 });
    const revealed = await run('verification', 'show', flowId, '--reveal', '--reason', '客户来电', '--json');
    expect(revealed.json()).toMatchObject({ legal_rep_id_no: RESIDENT_ID, payer_account_no: '1105011111111000018' });
  });

  test('a person who paid by mistake is masked on the command line and in the route, in lists and in the record', async () => {
    const { flowId, subAccountNo } = await orderedFlow();
    const payer = ['--payer', '李晓红', '--payer-account', '6222'];
    expect((await run('bank', 'pay', subAccountNo, ...payer)).err).toBe('');
    const shown = await run('verification', 'show', flowId, '--json');
    expect(shown.json()).toMatchObject({ process: 'PAY_FAILED', payer_name: '李**', payer_account_no: '****' });
    const person = await run('verification', 'show', flowId);
    expect([person.out.includes('李**'), person.out.includes('晓红')]).toEqual([true, false]);
    const failed = await run('bank', 'transaction', 'list', '--verdict', 'failed', '--json');
    expect(
      (failed.json()['transactions'] as object[]).find((row) => 'flow_id' in row && row.flow_id === flowId),
    ).toMatchObject({ payer_name: '李**', payer_account_no: '****' });
    const revealed = await run('verification', 'show', flowId, '--reveal', '--reason', '退款', '--json');
    expect(revealed.json()).toMatchObject({ payer_name: '李晓红', payer_account_no: '6222' });
  });

  test('an operator ends a flow, and reviews a letter', async () => {
    const { flowId } = await orderedFlow();
    const file = join(directory.path, 'letter.pdf');
    await writeFile(file, '%PDF-1.7\n%%EOF\n');
    const submitted = await run('verification', 'letter', 'submit', flowId, file, '--json');
    expect(submitted.json()).toMatchObject({ letter_status: 'INIT' });
    expect((await run('verification', 'list', '--letter-waiting')).out).toContain(flowId);
    const opened = (await run('verification', 'letter', 'open', flowId, '--json')).json();
    expect(opened).toMatchObject({ letter_status: 'ING', letter_url: expect.stringContaining('/files/') });
    expect((await fetch(String(opened['letter_url']))).status).toBe(200);
    const refused = await run('verification', 'letter', 'refuse', flowId, '--reason', '未盖章', '--json');
    expect(refused.json()).toMatchObject({ letter_status: 'FAIL', letter_opinion: '未盖章' });
    const twice = await run('verification', 'letter', 'accept', flowId, '--reason', '可');
    expect([twice.code, twice.err]).toEqual([1, `yinxin: no letter of verification ${flowId} waits for a review`]);

    await run('verification', 'letter', 'submit', flowId, file);
    const cancelled = await run('verification', 'cancel', flowId, '--reason', '客户要求', '--json');
    expect(cancelled.json()).toMatchObject({
      state: 'cancelled',
      end_reason: '客户要求',
      letter_status: 'TERMINATED',
    });
    const again = await run('verification', 'cancel', flowId, '--reason', '客户要求');
    expect([again.code, again.err]).toEqual([1, `yinxin: verification ${flowId} has ended`]);
    const missing = await run('verification', 'show', '12345');
    expect([missing.code, missing.err]).toEqual([1, 'yinxin: no verification 12345']);
  });

  test('a scan of a letter is handed in like a PDF, and what is no picture is refused in words', async () => {
    const { flowId } = await orderedFlow();
    const file = join(directory.path, 'letter.jpg');
    await writeFile(file, new Resvg('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>').render().asPng());
    expect((await run('verification', 'letter', 'submit', flowId, file, '--json')).json()).toMatchObject({
      letter_status: 'INIT',
    });
    const opened = (await run('verification', 'letter', 'open', flowId, '--json')).json();
    expect((await fetch(String(opened['letter_url']))).headers.get('content-type')).toBe('image/png');
    await writeFile(file, 'a letter');
    const refused = await run('verification', 'letter', 'submit', flowId, file);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('file')]);
  });

  test.each([
    ['GET', '/verifications'],
    ['GET', '/verifications/1'],
    ['POST', '/verifications/1/reveal'],
    ['POST', '/verifications/1/cancel'],
    ['POST', '/verifications/1/letter/open'],
    ['POST', '/verifications/1/letter/accept'],
    ['POST', '/verifications/1/letter/refuse'],
    ['PUT', '/verifications/1/letter'],
    ['PUT', '/register'],
    ['PUT', '/subbranches'],
    ['GET', '/verifications/%ff'],
  ])('%s /admin/v1%s is the operator’s alone: no application and no member gets in', async (method, path) => {
    const json = { 'content-type': 'application/json' };
    const body = method === 'GET' ? undefined : '{"reason":"x"}';
    const strangers: Record<string, string>[] = [
      {},
      { authorization: 'Bearer ' },
      { authorization: `Bearer ${account.secret}` },
      { authorization: `Bearer ${'A'.repeat(43)}` },
      { authorization: `Basic ${account.secret}` },
      { cookie: 'yinxin_member=e30.e30', 'x-member-session': 'x' },
      signCall(account, { method, path: `/admin/v1${path}` }, Date.now()).headers,
    ];
    for (const headers of strangers) {
      const init = { method, headers: { ...headers, ...json }, ...(body !== undefined && { body }) };
      const answer = await fetch(`${service.url}/admin/v1${path}`, init);
      expect([answer.status, await answer.json()]).toEqual([
        401,
        expect.objectContaining({ error: 'unauthorized' }) as unknown,
      ]);
    }
  });

  test('a register in GB18030 and a list of branches are read, and a broken line is named', async () => {
    const register = join(directory.path, 'register.csv');
    const { encode } = (await import('iconv-lite')).default;
    const heading = '统一社会信用代码,企业名称,法定代表人\n';
    await writeFile(register, encode(`${heading}${COMPANY.orgCode},${COMPANY.name},王小明\n`, 'gb18030'));
    expect((await run('register', 'import', register, '--json')).json()).toEqual({ companies: 1 });
    await writeFile(register, `${heading}${COMPANY.orgCode},${COMPANY.name},王小明\n123,某公司,李四\n`);
    const broken = await run('register', 'import', register);
    expect([broken.code, broken.err]).toEqual([1, 'yinxin: line 3 of the file: orgCode format']);
    const branches = join(directory.path, 'branches.csv');
    await writeFile(
      branches,
      'cnaps_code,bank_name,bank,province,city\n307331002584,平安银行杭州高新支行,平安银行,浙江,杭州市\n',
    );
    expect((await run('verification', 'subbranches', branches, '--json')).json()).toEqual({ subbranches: 1 });
    // The register now contradicts who tells otherwise.
    const signed = signCall(
      account,
      {
        method: 'POST',
        path: '/v2/identity/auth/api/organization/threeFactors',
        body: JSON.stringify({ ...COMPANY, legalRepName: '李四' }),
      },
      Date.now(),
    );
    expect((await send(service.url, signed)).json).toMatchObject({ code: 30504001 });
  });
});

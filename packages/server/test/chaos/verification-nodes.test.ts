import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openMemberPage, type MemberClient } from '../../src/demo/member-client.ts';
import { createTestDatabase } from '../support/database.ts';
import { callNewer } from '../support/gateway-client.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { eventually } from '../support/relay-service.ts';
import { startServiceProcess, temporaryDirectory, yinxin, type ServiceProcess } from '../support/service-process.ts';
import { send, signCall, type TsignAccount, type TsignAnswer } from '../support/tsign-client.ts';

// Two services as an operator runs them, each a process of its own, over one database.
const PUB = '/v2/identity/auth/pub/organization';
const COMPANY = { name: '北京易楼房地产经纪有限公司', orgCode: '91110105MA01ABCD26', legalRepName: '王小明' };
const PAYER_ACCOUNT = '1105011111111000018';

const database = await createTestDatabase();
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let nodes: [ServiceProcess, ServiceProcess];
let account: TsignAccount;
let privateKey: string;
let partner: Receiver;

const startNode = (name: string): Promise<ServiceProcess> =>
  startServiceProcess(join(directory.path, name), {
    DATABASE_URL: database.url,
    YINXIN_MASTER_KEY: masterKey,
    YINXIN_NODE_NAME: name,
    YINXIN_EGRESS_ALLOW: '127.0.0.0/8',
    YINXIN_LOG_LEVEL: 'error',
    YINXIN_CERTIFICATE_KEY: 'P-256',
  });
const masterKey = randomBytes(32).toString('hex');

beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-nodes-');
  partner = await startReceiver(() => ({ body: '{"code":"000"}' }));
  nodes = [await startNode('a'), await startNode('b')];
  const keys = join(directory.path, 'keys');
  const created = (await cli(0, 'app', 'create', '--name', '易楼', '--generate-key', keys)) as Record<string, string>;
  account = { appId: created['app_id']!, secret: created['app_secret']! };
  privateKey = await readFile(created['private_key_file']!, 'utf8');
  const main = ['--name', '杭州印信科技有限公司', '--bank', '平安银行', '--account', '15000094971252'];
  await cli(0, 'bank', 'channel', 'set', 'box', ...main, '--prefix', '30206857', '--width', '6', '--sandbox');
});
afterAll(async () => {
  await Promise.all((nodes ?? []).map((node) => node.end('SIGTERM')));
  await partner?.close();
  await database.drop();
  await directory?.remove();
});

async function cli(node: number, ...argv: string[]): Promise<unknown> {
  const ran = await yinxin(nodes[node]!.dataDir, ...argv, '--json');
  if (ran.code !== 0) throw new Error(`${argv.join(' ')}: ${ran.err}`);
  return ran.json();
}

const call = async (node: number, method: string, path: string, body?: unknown): Promise<TsignAnswer> =>
  send(
    nodes[node]!.url,
    signCall(account, { method, path, ...(body !== undefined && { body: JSON.stringify(body) }) }, Date.now()),
  );
const dataOf = ({ json }: TsignAnswer): Record<string, unknown> => json['data'] as Record<string, unknown>;

async function begin(node: number): Promise<string> {
  const body = { ...COMPANY, notifyUrl: partner.url };
  return String(dataOf(await call(node, 'POST', '/v2/identity/auth/api/organization/threeFactors', body))['flowId']);
}
const processAt = async (node: number, flowId: string): Promise<unknown> =>
  dataOf(await call(node, 'GET', `${PUB}/${flowId}/query/reversePaymentProcess`))['process'];
const pay = (node: number, subAccountNo: string): Promise<unknown> =>
  cli(node, 'bank', 'pay', subAccountNo, '--payer', COMPANY.name, '--payer-account', PAYER_ACCOUNT);
const endsTold = (flowId: string): unknown[] =>
  partner.receipts.filter(({ json }) => json['flowId'] === flowId).map(({ json }) => json['success']);

/** Both nodes in turn, as often as it is said. */
const onBoth = async <T>(times: number, act: (node: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: times }, (_, n) => act(n % 2)));

test('a flow goes on at whichever node is asked, and its end is told once', async () => {
  const flowId = await begin(0);
  const order = dataOf(await call(1, 'POST', `${PUB}/${flowId}/reversePayment`, {}));
  expect(await processAt(0, flowId)).toBe('CREATED');
  await pay(1, String(order['subAccountNo']));
  expect(await Promise.all([processAt(0, flowId), processAt(1, flowId)])).toEqual(['ORGANFINISHED', 'ORGANFINISHED']);
  await eventually(async () => endsTold(flowId).length > 0);
  expect(endsTold(flowId)).toEqual([true]);
});

test('reversePayment sent to both nodes at once, twenty times: one number, one audit record', async () => {
  const flowId = await begin(1);
  const orders = await onBoth(20, (node) => call(node, 'POST', `${PUB}/${flowId}/reversePayment`, {}));
  expect(new Set(orders.map(({ text }) => text)).size).toBe(1);
  expect(dataOf(orders[0]!)).toMatchObject({ paymentAmount: '0.01' });
  const { rows } = await sql<{ n: string }>`
    select count(*)::text as n from audit_entry
    where action = 'verification.order_payment' and subject = ${`verification:${flowId}`}`.execute(database.db);
  expect(rows).toEqual([{ n: '1' }]);
});

test('one payment told to both nodes at once verifies once', async () => {
  const flowId = await begin(0);
  const { subAccountNo } = dataOf(await call(1, 'POST', `${PUB}/${flowId}/reversePayment`, {}));
  const reference = ['--reference', `R${flowId}`];
  await onBoth(6, (node) =>
    cli(
      node,
      'bank',
      'pay',
      String(subAccountNo),
      '--payer',
      COMPANY.name,
      '--payer-account',
      PAYER_ACCOUNT,
      ...reference,
    ).catch(String),
  );
  expect(await processAt(0, flowId)).toBe('ORGANFINISHED');
  await eventually(async () => endsTold(flowId).length > 0);
  expect(endsTold(flowId)).toEqual([true]);
});

test('guesses of a random amount at both nodes at once are counted like those at one', async () => {
  const flowId = await begin(0);
  const bank = { bank: '平安银行', province: '浙江', city: '杭州', subbranch: '平安银行杭州高新支行' };
  const card = { cardNo: '6230580000012345678', cnapsCode: '307331010143' };
  const asked = await call(1, 'PUT', `${PUB}/${flowId}/transferRandomAmount`, { ...bank, ...card });
  expect(asked.json['code']).toBe(0);
  const { rows } = await sql<{ orderId: string; fen: number }>`
    select order_id as "orderId", amount_fen as fen from bank_payment_order where flow_id = ${flowId}
  `.execute(database.db);
  const [order] = rows;
  await cli(1, 'bank', 'order', 'confirm', order!.orderId, '--paid', '--reference', 'P1');
  const wrong = Array.from({ length: 99 }, (_, n) => n + 1).filter((fen) => fen !== order!.fen);
  const answers = await Promise.all(
    wrong
      .slice(0, 30)
      .map((fen, n) => call(n % 2, 'PUT', `${PUB}/${flowId}/verifyRandomAmount`, { amount: fen / 100 })),
  );
  const counted = Map.groupBy(answers, ({ json }) => json['code']);
  expect(new Map([...counted].map(([code, of]) => [code, of.length]))).toEqual(
    new Map([
      [30502002, 3],
      [30502003, 1],
      [30500002, 26],
    ]),
  );
});

describe('the member’s page', () => {
  let pages: [MemberClient, MemberClient];
  let etcOrgNo: string;
  beforeAll(async () => {
    const gateway = {
      appId: account.appId,
      privateKey,
      algorithm: 'RSA-SHA256' as const,
      now: () => Date.now(),
    };
    const ask = async (node: number, code: string, params: unknown) =>
      (await callNewer({ ...gateway, url: `${nodes[node]!.url}/api/gateway` }, code, params)).data as Record<
        string,
        string
      >;
    const org = await ask(0, 'partner.org.create', { biz_org_no: 'O1', org_type: '01', org_name: COMPANY.name });
    etcOrgNo = org['etc_org_no']!;
    const member = { etc_org_no: etcOrgNo, biz_member_no: 'M1', member_name: '张三' };
    const { etc_member_no: etcMemberNo } = await ask(1, 'partner.member.create', member);
    const { 'etc-token': token } = await ask(0, 'gateway.getToken', { etc_member_no: etcMemberNo });
    pages = [await openMemberPage(nodes[0].url, token!), await openMemberPage(nodes[1].url, token!)];
  });

  test('starts, chooses and consents at both nodes at once: one flow, one seal, one certificate', async () => {
    const company = { orgName: COMPANY.name, orgCode: COMPANY.orgCode, legalRepName: COMPANY.legalRepName };
    const started = await onBoth(8, (node) => pages[node]!.send('POST', '/verification', company));
    expect(new Set(started.map(({ transfer }) => transfer?.payTo?.accountNo)).size).toBe(1);
    await pay(1, started[0]!.transfer!.payTo!.accountNo);
    expect((await pages[0].read()).step).toBe('seal');
    await onBoth(8, (node) => pages[node]!.send('PUT', '/seal', { variant: node === 0 ? 'plain' : 'contract' }));
    const consents = await onBoth(8, (node) => pages[node]!.send('PUT', '/silent-signing', { textVersion: 't' }));
    const views = await Promise.all([pages[0].read(), pages[1].read()]);
    expect(new Set([...consents, ...views].map(({ silentSigningConsentedAt }) => silentSigningConsentedAt)).size).toBe(
      1,
    );
    expect(new Set(views.map(({ certificate }) => certificate?.serialNumber)).size).toBe(1);
    expect(views[0].certificate).not.toBeNull();
    expect(views[0].seals.filter(({ isChosen }) => isChosen)).toHaveLength(1);
    const { rows } = await sql`select 1 from verification_flow where etc_org_no = ${etcOrgNo}`.execute(database.db);
    expect(rows).toHaveLength(1);
  });
});

test('a node that is killed takes nothing with it: the other goes on, and it does when it is back', async () => {
  const flowIds = await Promise.all(Array.from({ length: 6 }, () => begin(0)));
  // The kill falls among orders that are under way.
  const under = flowIds.map((flowId) =>
    call(0, 'POST', `${PUB}/${flowId}/reversePayment`, {}).catch((error: unknown) => error),
  );
  await under[0];
  await nodes[0].end('SIGKILL');
  await Promise.all(under);
  for (const flowId of flowIds) {
    const order = dataOf(await call(1, 'POST', `${PUB}/${flowId}/reversePayment`, {}));
    await pay(1, String(order['subAccountNo']));
    expect(await processAt(1, flowId)).toBe('ORGANFINISHED');
  }
  await eventually(async () => flowIds.every((flowId) => endsTold(flowId).length > 0));
  nodes[0] = await startNode('a');
  for (const flowId of flowIds) {
    expect(await processAt(0, flowId)).toBe('ORGANFINISHED');
    expect(endsTold(flowId)).toEqual([true]);
  }
});

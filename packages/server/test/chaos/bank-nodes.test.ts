import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readdir, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import iconv from 'iconv-lite';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { camt054, type PaidLine } from '../support/bank-fixture.ts';
import { createTestDatabase } from '../support/database.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { eventually } from '../support/relay-service.ts';
import { startServiceProcess, temporaryDirectory, yinxin, type ServiceProcess } from '../support/service-process.ts';
import { send, signCall, type TsignAccount, type TsignAnswer } from '../support/tsign-client.ts';

// Two services over one database that watch one folder, as two machines with a share of the bank's client do.
const COMPANY = { name: '北京易楼房地产经纪有限公司', orgCode: '91110105MA01ABCD26', legalRepName: '王小明' };
const FLOWS = 12;
/** Enough that an import is under way for a while. */
const LINES = 6_000;

const database = await createTestDatabase();
const masterKey = randomBytes(32).toString('hex');
let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let nodes: [ServiceProcess, ServiceProcess];
let account: TsignAccount;
let partner: Receiver;
let folder: string;

const startNode = (name: string): Promise<ServiceProcess> =>
  startServiceProcess(join(directory.path, name), {
    DATABASE_URL: database.url,
    YINXIN_MASTER_KEY: masterKey,
    YINXIN_NODE_NAME: name,
    YINXIN_EGRESS_ALLOW: '127.0.0.0/8',
    YINXIN_LOG_LEVEL: 'error',
    YINXIN_CERTIFICATE_KEY: 'P-256',
  });

beforeAll(async () => {
  directory = await temporaryDirectory('yinxin-bank-nodes-');
  folder = join(directory.path, 'share');
  await mkdir(folder);
  partner = await startReceiver(() => ({ body: '{"code":"000"}' }));
  nodes = [await startNode('a'), await startNode('b')];
  const keys = join(directory.path, 'keys');
  const created = (await cli(0, 'app', 'create', '--name', '易楼', '--generate-key', keys)) as Record<string, string>;
  account = { appId: created['app_id']!, secret: created['app_secret']! };
  const main = ['--name', '杭州印信科技有限公司', '--bank', '平安银行', '--account', '15000094971252'];
  const rule = ['--prefix', '30206857', '--width', '6', '--format', 'camt054', '--watch', folder];
  await cli(0, 'bank', 'channel', 'set', 'main', ...main, ...rule);
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

const call = async (method: string, path: string, body?: unknown): Promise<TsignAnswer> =>
  send(
    nodes[1].url,
    signCall(account, { method, path, ...(body !== undefined && { body: JSON.stringify(body) }) }, Date.now()),
  );
const dataOf = ({ json }: TsignAnswer): Record<string, unknown> => json['data'] as Record<string, unknown>;
const PUB = '/v2/identity/auth/pub/organization';

interface Flow {
  flowId: string;
  to: string;
}
async function begin(): Promise<Flow> {
  const body = { ...COMPANY, notifyUrl: partner.url };
  const flowId = String(dataOf(await call('POST', '/v2/identity/auth/api/organization/threeFactors', body))['flowId']);
  return { flowId, to: String(dataOf(await call('POST', `${PUB}/${flowId}/reversePayment`, {}))['subAccountNo']) };
}

let files = 0;
/** A statement in GB18030 of many lines, payments of the flows among them; put into the share as a bank's client does. */
async function statement(flows: readonly Flow[]): Promise<{ file: string; name: string }> {
  files += 1;
  const at = new Date().toISOString();
  const line = (n: number): PaidLine => {
    const flow = n % 500 === 250 ? flows[Math.floor(n / 500)] : undefined;
    const to = flow?.to ?? `99${String(n).padStart(10, '0')}`;
    return {
      to,
      at,
      reference: `F${files}L${String(n).padStart(8, '0')}`,
      payer: flow ? COMPANY.name : '镕𬭚石有限公司',
    };
  };
  const text = camt054(Array.from({ length: LINES }, (_, n) => line(n))).replace('UTF-8', 'GB18030');
  const name = `statement-${files}.xml`;
  const file = join(directory.path, name);
  await writeFile(file, iconv.encode(text, 'gb18030'));
  return { file, name };
}
async function share(file: string, name: string): Promise<void> {
  const long = new Date(Date.now() - 60_000);
  const part = join(folder, `${name}.part`);
  await copyFile(file, part);
  await utimes(part, long, long);
  await rename(part, join(folder, name));
}

const stored = async (): Promise<number> => {
  const { rows } = await sql<{ n: number }>`select count(*) as n from bank_transaction`.execute(database.db);
  return rows[0]!.n;
};
const processOf = async (flowId: string): Promise<unknown> =>
  dataOf(await call('GET', `${PUB}/${flowId}/query/reversePaymentProcess`))['process'];
async function expectVerifiedOnce(flows: readonly Flow[]): Promise<void> {
  for (const { flowId } of flows) expect(await processOf(flowId)).toBe('ORGANFINISHED');
  const told = (flowId: string): unknown[] => partner.receipts.filter(({ json }) => json['flowId'] === flowId);
  await eventually(async () => flows.every(({ flowId }) => told(flowId).length > 0));
  for (const { flowId } of flows) expect(told(flowId)).toHaveLength(1);
}
const isDone = async (name: string): Promise<boolean> =>
  (await readdir(join(folder, 'done')).catch(() => [])).some((file) => file.endsWith(`-${name}.report.json`));

test(
  'one file, by the command line at both nodes and by their folder at once: each line once',
  { timeout: 180_000 },
  async () => {
    const flows = await Promise.all(Array.from({ length: FLOWS }, begin));
    const { file, name } = await statement(flows);
    await share(file, name);
    const imports = [0, 1].map(async (node) => cli(node, 'bank', 'import', file, '--channel', 'main'));
    const results = (await Promise.all(imports)) as Record<string, number>[];
    await eventually(async () => isDone(name));
    expect(results.map(({ lines, fault_count: faults }) => [lines, faults])).toEqual([
      [LINES, 0],
      [LINES, 0],
    ]);
    expect(await stored()).toBe(LINES);
    await expectVerifiedOnce(flows);
  },
);

test(
  'a node that is killed in the middle of a file: the other takes it up, and no line is lost or told twice',
  { timeout: 180_000 },
  async () => {
    const before = await stored();
    const flows = await Promise.all(Array.from({ length: FLOWS }, begin));
    const { file, name } = await statement(flows);
    await nodes[1].end('SIGTERM');
    await share(file, name);
    await eventually(async () => (await stored()) > before);
    await nodes[0].end('SIGKILL');
    const partly = await stored();
    expect(partly).toBeLessThan(before + LINES);
    const [claim] = await readdir(join(folder, 'processing'));
    nodes = [await startNode('a'), await startNode('b')];
    // Ten minutes go by.
    const long = new Date(Date.now() - 11 * 60_000);
    await utimes(join(folder, 'processing', claim!), long, long);
    await eventually(async () => isDone(name));
    expect(await stored()).toBe(before + LINES);
    expect(await readdir(join(folder, 'processing'))).toEqual([]);
    await expectVerifiedOnce(flows);
  },
);

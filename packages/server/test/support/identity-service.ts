import { randomBytes } from 'node:crypto';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { createApps, type Apps } from '../../src/apps/index.ts';
import { createBank, type Bank } from '../../src/bank/index.ts';
import { registerFileRoutes } from '../../src/dialects/files/index.ts';
import { identityRoutes, registerTsignRoutes } from '../../src/dialects/tsign/index.ts';
import { registerGatewayRoutes } from '../../src/dialects/etc/index.ts';
import {
  createDirectoryFileStore,
  createDocuments,
  createPdfThreads,
  type Documents,
  createPageImages,
} from '../../src/documents/index.ts';
import { createHttpServer } from '../../src/http/server.ts';
import { createIdentity, type FactorSourceName, type Identity } from '../../src/identity/index.ts';
import { createNotify } from '../../src/notify/index.ts';
import { createParties, type Parties } from '../../src/parties/index.ts';
import { createEgress } from '../../src/platform/egress/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createRelay, DEFAULT_LIMITS } from '../../src/relay/index.ts';
import { createSeals } from '../../src/seals/index.ts';
import { createQuotas } from '../../src/quotas/index.ts';
import { createSigning, type Signing } from '../../src/signing/index.ts';
import { createTrust } from '../../src/trust/index.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';
import type { PartnerClient } from './gateway-client.ts';
import { absentCapabilities } from './gateway-service.ts';
import { createOutgoingMessages } from './outgoing-messages.ts';
import { createManualJobs } from './manual-jobs.ts';
import { standingClock, type StandingClock } from './signing-service.ts';
import { send, signCall, type TsignAnswer } from './tsign-client.ts';

export const START = new Date('2026-11-21T08:00:00.000Z');
export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** Companies whose codes have right check digits. */
export const COMPANY = { name: '北京易楼房地产经纪有限公司', orgCode: '91110105MA01ABCD26', legalRepName: '王小明' };
export const RESIDENT_ID = '11010519491231002X';
export const CHANNEL = 'pingan';
export const MAIN = {
  mainAccountName: '杭州印信科技有限公司',
  mainAccountBank: '平安银行杭州西湖支行',
  mainAccountNo: '15000094971252',
};

/** What a company pays, and from where. */
export interface Payment {
  subAccountNo: string;
  payerName?: string;
  amountFen?: number;
  bizFlowNo?: string;
  reversal?: boolean;
}

/** Company verification on a real database, bank and sockets; the clock stands until it is set. */
export interface IdentityService {
  readonly clock: StandingClock;
  readonly database: TestDatabase;
  readonly identity: Identity;
  readonly bank: Bank;
  readonly parties: Parties;
  readonly signing: Signing;
  readonly apps: Apps;
  readonly documents: Documents;
  readonly url: string;
  readonly appId: string;
  readonly partner: PartnerClient;
  readonly log: Record<string, unknown>[];
  /** A signed call of the e签宝 API; answers the envelope. */
  call(method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<TsignAnswer>;
  /** A fresh flow of three factors, by HTTP. */
  newFlow(company?: Partial<typeof COMPANY> & Record<string, unknown>): Promise<string>;
  /** A flow with its receiving sub-account, by HTTP. */
  orderedFlow(
    company?: Partial<typeof COMPANY> & Record<string, unknown>,
  ): Promise<{ flowId: string; subAccountNo: string }>;
  process(flowId: string): Promise<Record<string, unknown>>;
  pay(payment: Payment): Promise<void>;
  /** The bank is asked and has nothing new. */
  askBank(): Promise<void>;
  openChannel(): Promise<void>;
  /** A company of the app with a member. */
  company(details?: {
    name?: string;
    code?: string;
    legalPerson?: string;
  }): Promise<{ etcOrgNo: string; etcMemberNo: string }>;
  /** The bodies that were handed to the relay, the oldest first. */
  told(): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

export async function startIdentity(
  options: { factorSource?: FactorSourceName; channel?: boolean } = {},
): Promise<IdentityService> {
  const database = await createTestDatabase();
  const directory = await mkdtemp(join(tmpdir(), 'yinxin-identity-'));
  const { db } = database;
  const clock = standingClock(START);
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ level: 'info', write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) });
  const vault = createVault(randomBytes(32));
  const egress = createEgress({ allowCidrs: ['127.0.0.0/8'] });
  const jobs = createManualJobs();
  const apps = createApps({ db, vault, clock });
  const parties = createParties({ db, vault, clock });
  const relay = createRelay({ db, egress, clock, vault, log, keys: apps, limits: DEFAULT_LIMITS, nodeName: 'test' });
  const notify = createNotify({ relay, apps, log });
  const server = createHttpServer({ log, trustedProxies: [] });
  let url = '';
  const baseUrl = (): string => url;
  const documents = createDocuments({
    db,
    clock,
    files: createDirectoryFileStore(directory),
    baseUrl,
    fileUrlKey: vault.deriveKey('file-url'),
  });
  const seals = createSeals({ clock, links: { baseUrl, key: vault.deriveKey('seal-url') } });
  const trust = createTrust({ db, vault, clock, keyAlgorithm: 'P-256' });
  const quotas = createQuotas({ db, clock, apps, parties });
  const signing = createSigning({
    db,
    clock,
    vault,
    egress,
    jobs,
    documents,
    // Idle threads keep nothing alive, and here few tests sign.
    pdf: createPdfThreads({ threads: 1 }),
    seals,
    trust,
    parties,
    notify,
    quotas,
    apps,
    messages: createOutgoingMessages({ db, clock, vault }).messages,
    // Nothing is drawn before it is asked for.
    pageImages: createPageImages(),
    baseUrl,
    log,
  });
  const bank = createBank({ db, vault, clock, log });
  const identity = createIdentity({
    db,
    clock,
    vault,
    log,
    egress,
    jobs,
    apps,
    parties,
    bank,
    documents,
    seals,
    trust,
    notify,
    ...(options.factorSource !== undefined && { factorSource: options.factorSource }),
  });
  bank.listenTo(identity.paymentListener);
  const limits = { unprovenPerSecondPerAddressMax: 10_000 };
  registerTsignRoutes(server, { apps, clock, routes: identityRoutes(identity), limits });
  registerGatewayRoutes(server, { ...absentCapabilities, apps, parties, signing, identity, quotas, clock });
  registerFileRoutes(server, {
    documents,
    openSealUrl: (parts) => seals.openSealUrl(db, parts),
    pageImages: absentCapabilities.pageImages as never,
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  url = `http://127.0.0.1:${(server.server.address() as AddressInfo).port}`;

  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const created = await apps.create({
    name: '易楼',
    publicKey: pem,
    notifyUrl: 'http://127.0.0.1:8099/etc',
    // The clock stands, and what it would bring back stays away.
    ratePerSecondMax: 100_000,
    actor: 'operator',
  });
  const { appId } = created.app;
  let companies = 0;

  const service: IdentityService = {
    clock,
    database,
    identity,
    bank,
    parties,
    signing,
    apps,
    documents,
    url,
    appId,
    log: lines,
    partner: {
      url: `${url}/api/gateway`,
      appId,
      privateKey,
      algorithm: 'RSA-SHA256',
      now: () => clock.now().getTime(),
    },
    async call(method, path, body) {
      const [pathOnly = '', search = ''] = path.split('?');
      const query = [...new URLSearchParams(search)];
      const call = { method, path: pathOnly, query, ...(body !== undefined && { body: JSON.stringify(body) }) };
      return send(url, signCall({ appId, secret: created.appSecret }, call, clock.now().getTime()));
    },
    async newFlow(company = {}) {
      const answer = await service.call('POST', '/v2/identity/auth/api/organization/threeFactors', {
        ...COMPANY,
        ...company,
      });
      if (answer.json['code'] !== 0) throw new Error(answer.text);
      return (answer.json['data'] as { flowId: string }).flowId;
    },
    async orderedFlow(company = {}) {
      const flowId = await service.newFlow(company);
      const answer = await service.call('POST', `/v2/identity/auth/pub/organization/${flowId}/reversePayment`, {});
      if (answer.json['code'] !== 0) throw new Error(answer.text);
      return { flowId, subAccountNo: (answer.json['data'] as { subAccountNo: string }).subAccountNo };
    },
    async process(flowId) {
      const path = `/v2/identity/auth/pub/organization/${flowId}/query/reversePaymentProcess`;
      return (await service.call('GET', path)).json;
    },
    async pay({ payerName = COMPANY.name, amountFen = 1, ...payment }) {
      await bank.paySandbox({
        channel: CHANNEL,
        payerName,
        amountFen,
        payerAccountNo: '1105011111111000018',
        payerBankName: '中国建设银行股份有限公司北京西三旗支行',
        actor: 'operator',
        ...payment,
      });
    },
    async askBank() {
      const content = [Buffer.from('交易流水号,付款方户名,收款账号,金额,交易日期\n')];
      const input = { channel: CHANNEL, fileName: 'empty.csv', format: 'csv' as const, actor: 'operator' };
      await bank.importStatement({
        ...input,
        content: (async function* () {
          yield* content;
        })(),
      });
    },
    async openChannel() {
      await bank.setChannel({
        channel: CHANNEL,
        ...MAIN,
        numbers: { kind: 'rule', prefix: '30206857', width: 6 },
        enabled: true,
        sandbox: true,
        actor: 'operator',
      });
    },
    async company({ name = COMPANY.name, code, legalPerson } = {}) {
      companies += 1;
      const org = await parties.createOrg({
        appId,
        bizOrgNo: `org-${companies}`,
        orgType: '01',
        orgName: name,
        actor: 'operator',
        details: { socialCreditCode: code, legalPerson },
      });
      const member = await parties.createMember({
        appId,
        etcOrgNo: org.etcOrgNo,
        bizMemberNo: 'm1',
        memberName: '张三',
        actor: 'operator',
      });
      return { etcOrgNo: org.etcOrgNo, etcMemberNo: member.etcMemberNo };
    },
    async told() {
      const { rows } = await sql<{
        content: string;
      }>`select content from delivery order by accepted_at, request_id`.execute(db);
      return rows.map(({ content }) => JSON.parse(content) as Record<string, unknown>);
    },
    async stop() {
      await server.close();
      await egress.close();
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  if (options.channel !== false) await service.openChannel();
  return service;
}

import { sql } from 'kysely';
import { createBank, type Bank, type PaymentListener } from '../../src/bank/index.ts';
import { openStatement } from '../../src/bank/statements/open-statement.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { readConfig } from '../../src/platform/config.ts';
import type { Database } from '../../src/platform/database/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { openServiceDatabase } from '../../src/service/database.ts';

const CHANNEL = 'bench';
const APP_ID = 'BENCHBENCHBENCH0';
const PREFIX = '880100';
const WIDTH = 8;
const PIECE_BYTES = 64 * 1024;

/** Microseconds a line. */
export interface Measured {
  parsedMicros: number;
  matchedMicros: number;
  knownMicros: number;
  /** Of this process, of a line that is imported and matched. */
  cpuMicros: number;
}

/** A bank on a database of its own with so many open flows. Each measurement pays some of them and opens them again. */
export interface BankSite extends AsyncDisposable {
  measure(lines: number): Promise<Measured>;
}

export async function openBankSite(dataDir: string, openFlows: number): Promise<BankSite> {
  const resources = new AsyncDisposableStack();
  const log = createLog({ level: 'silent' });
  const config = readConfig({ YINXIN_DATA_DIR: dataDir }, { cwd: dataDir, nodeName: 'bench' });
  const { db } = await openServiceDatabase(config, log, resources);
  const bank = createBank({ db, vault: createVault(Buffer.alloc(32, 1)), clock: systemClock, log });
  bank.listenTo(flowsInATable);
  await openFlowsOf(db, bank, openFlows);
  let round = 0;
  return {
    async measure(lines) {
      round += 1;
      const text = statement(lines, openFlows, round);
      const parsedMicros = timed(lines, () => parse(text));
      const cpu = process.cpuUsage();
      const matchedMicros = await timedAsync(lines, () => bring(bank, text, { matched: lines }));
      const { user, system } = process.cpuUsage(cpu);
      const knownMicros = await timedAsync(lines, () => bring(bank, text, { known: lines }));
      await sql`update bench_flow set state = 'open' where state <> 'open'`.execute(db);
      await sql`vacuum analyze bench_flow, bank_transaction`.execute(db);
      return { parsedMicros, matchedMicros, knownMicros, cpuMicros: (user + system) / lines };
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

/** Flows as an identity has them: found by the number and locked, then written. */
const flowsInATable: PaymentListener = {
  async claimOf(tx, { channel, subAccountNo }) {
    const { rows } = await sql<{ appId: string; flowId: string; companyName: string; openedAt: Date }>`
      select app_id as "appId", flow_id as "flowId", company_name as "companyName", opened_at as "openedAt"
      from bench_flow where channel = ${channel} and sub_account_no = ${subAccountNo} and state = 'open' for update
    `.execute(tx);
    return rows[0] ?? null;
  },
  async paymentArrived(tx, claim, _transaction, verdict) {
    await sql`
      update bench_flow set state = ${verdict.kind} where app_id = ${claim.appId} and flow_id = ${claim.flowId}
    `.execute(tx);
  },
};

async function openFlowsOf(db: Database, bank: Bank, flows: number): Promise<void> {
  await bank.setChannel({
    channel: CHANNEL,
    mainAccountName: '印信示范科技有限公司',
    mainAccountBank: '示范银行杭州分行',
    mainAccountNo: '8801000000000000',
    numbers: { kind: 'rule', prefix: PREFIX, width: WIDTH },
    actor: 'operator',
  });
  await sql`
    create table bench_flow (
      app_id text, flow_id text, channel text, sub_account_no text, company_name text, state text,
      opened_at timestamptz, primary key (app_id, flow_id)
    )
  `.execute(db);
  await sql`create index on bench_flow (channel, sub_account_no)`.execute(db);
  await sql`
    insert into bank_sub_account (channel, sub_account_no, app_id, flow_id, allocated_at)
    select ${CHANNEL}, ${PREFIX} || lpad(n::text, ${WIDTH}, '0'), ${APP_ID}, n::text, '2026-01-01'
    from generate_series(1, ${flows}::int) as n
  `.execute(db);
  await sql`
    insert into bench_flow
    select app_id, flow_id, channel, sub_account_no, '测试企业' || flow_id || '有限公司', 'open', allocated_at
    from bank_sub_account
  `.execute(db);
  await sql`vacuum analyze`.execute(db);
}

/** Payments to flows spread over all of them. */
function statement(lines: number, flows: number, round: number): string {
  const step = Math.floor(flows / lines);
  const entries = Array.from({ length: lines }, (_, index) => {
    const flow = String(index * step + 1);
    return `<Ntry><Amt Ccy="CNY">0.01</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
  <BookgDt><DtTm>2026-03-22T18:30:00</DtTm></BookgDt><AcctSvcrRef>R${round}L${index}</AcctSvcrRef>
  <NtryDtls><TxDtls><RltdPties><Dbtr><Pty><Nm>测试企业${flow}有限公司</Nm></Pty></Dbtr>
    <DbtrAcct><Id><Othr><Id>33050161001100000018</Id></Othr></Id></DbtrAcct>
    <CdtrAcct><Id><Othr><Id>${PREFIX}${flow.padStart(WIDTH, '0')}</Id></Othr></Id></CdtrAcct></RltdPties>
    <RltdAgts><DbtrAgt><FinInstnId><Nm>中国建设银行股份有限公司杭州高新支行</Nm></FinInstnId></DbtrAgt></RltdAgts>
    <RmtInf><Ustrd>企业认证</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n`;
  });
  return `<Document><BkToCstmrDbtCdtNtfctn><Ntfctn>${entries.join('')}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>`;
}

function parse(text: string): void {
  const reader = openStatement({ format: 'camt054', encoding: 'auto', columns: {}, information: 'untrusted' });
  for (let at = 0; at < text.length; at += PIECE_BYTES) reader.push(text.slice(at, at + PIECE_BYTES));
  reader.end();
}

async function bring(bank: Bank, text: string, expected: { matched?: number; known?: number }): Promise<void> {
  const content = Buffer.from(text);
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < content.length; at += PIECE_BYTES) yield content.subarray(at, at + PIECE_BYTES);
  };
  const result = await bank.importStatement({
    channel: CHANNEL,
    content: pieces(),
    fileName: 'bench.xml',
    format: 'camt054',
    actor: 'bench',
  });
  if (result.matched !== (expected.matched ?? 0) || result.known !== (expected.known ?? 0)) {
    throw new Error(`not what was expected: ${JSON.stringify({ ...result, faults: result.faults.slice(0, 3) })}`);
  }
}

function timed(lines: number, work: () => void): number {
  const startedMs = performance.now();
  work();
  return ((performance.now() - startedMs) * 1_000) / lines;
}

async function timedAsync(lines: number, work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now();
  await work();
  return ((performance.now() - startedMs) * 1_000) / lines;
}

import { sql } from 'kysely';
import {
  createBank,
  type Bank,
  type BankTransaction,
  type ChannelChange,
  type Claim,
  type PaymentListener,
  type SubAccount,
  type Verdict,
} from '../../src/bank/index.ts';
import type { Transaction } from '../../src/platform/database/index.ts';
import { createLog } from '../../src/platform/log.ts';
import { createVault } from '../../src/platform/vault.ts';
import { createTestDatabase, type TestDatabase } from './database.ts';

export const COMPANY = '杭州青松软件有限公司';
export const APP_ID = 'BANKTESTBANKTEST';
/** 18:00 in China. */
export const NOW = new Date('2026-03-22T10:00:00Z');

/** What the fake identity was told. */
export interface Told {
  flowId: string;
  verdict: Verdict;
  transaction: BankTransaction;
}

/** Flows in memory in place of the identity capability: who owns a number is asked of it, and it is told of payments. */
export interface FakeIdentity extends PaymentListener {
  told: Told[];
  open: Map<string, Claim>;
  /** Called when a payment arrives, inside of its transaction. */
  onPayment: (told: Told) => void | Promise<void>;
}

export interface BankFixture {
  database: TestDatabase;
  bank: Bank;
  identity: FakeIdentity;
  time: { now: Date };
  /** A bank of another node on the same database. */
  anotherNode(): Bank;
  setChannel(change?: Partial<ChannelChange>): Promise<void>;
  /** An open flow with a number of its own. */
  flow(companyName?: string): Promise<SubAccount & { flowId: string }>;
  /** The flow is open no longer; its number cools down. */
  endFlow(flowId: string): Promise<void>;
  count(table: string): Promise<number>;
  stop(): Promise<void>;
}

export async function startBank(): Promise<BankFixture> {
  const database = await createTestDatabase();
  const time = { now: NOW };
  const clock = { now: () => time.now };
  const dependencies = {
    db: database.db,
    vault: createVault(Buffer.alloc(32, 9)),
    clock,
    log: createLog({ level: 'silent' }),
  };
  const identity = createFakeIdentity();
  const node = (): Bank => {
    const bank = createBank(dependencies);
    bank.listenTo(identity);
    return bank;
  };
  const bank = node();
  let flows = 0;
  return {
    database,
    bank,
    identity,
    time,
    anotherNode: node,
    async setChannel(change = {}) {
      await bank.setChannel({
        channel: 'pingan',
        mainAccountName: '印信示范科技有限公司',
        mainAccountBank: '平安银行杭州西湖支行',
        mainAccountNo: '30206857000000',
        numbers: { kind: 'rule', prefix: '30206857', width: 6 },
        actor: 'operator',
        ...change,
      });
    },
    async flow(companyName = COMPANY) {
      const flowId = `${5_000_000_000 + (flows += 1)}`;
      const account = await database.db
        .transaction()
        .execute((tx) => bank.allocateSubAccount(tx, { appId: APP_ID, flowId }));
      const key = `${account.channel}/${account.subAccountNo}`;
      identity.open.set(key, { appId: APP_ID, flowId, companyName, openedAt: time.now });
      return { ...account, flowId };
    },
    async endFlow(flowId) {
      for (const [key, claim] of identity.open) if (claim.flowId === flowId) identity.open.delete(key);
      await database.db.transaction().execute((tx) => bank.releaseSubAccount(tx, { appId: APP_ID, flowId }));
    },
    async count(table) {
      const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(
        database.db,
      );
      return rows[0]!.count;
    },
    stop: () => database.drop(),
  };
}

function createFakeIdentity(): FakeIdentity {
  const identity: FakeIdentity = {
    told: [],
    open: new Map(),
    onPayment: () => undefined,
    claimOf: async (_tx: Transaction, { channel, subAccountNo }) =>
      identity.open.get(`${channel}/${subAccountNo}`) ?? null,
    async paymentArrived(_tx, claim, transaction, verdict) {
      const told = { flowId: claim.flowId, verdict, transaction };
      await identity.onPayment(told);
      identity.told.push(told);
    },
  };
  return identity;
}

/** Bytes as a file's stream brings them. */
export async function* bytes(text: string | Uint8Array, pieceBytes = 16_384): AsyncGenerator<Uint8Array> {
  const all = Buffer.from(text);
  for (let at = 0; at < all.length; at += pieceBytes) yield all.subarray(at, at + pieceBytes);
}

/** A line of a statement of ours, in the words of the test. */
export interface PaidLine {
  to: string;
  reference: string;
  amount?: string;
  payer?: string;
  payerAccount?: string;
  currency?: string;
  direction?: 'CRDT' | 'DBIT';
  status?: string;
  reversal?: boolean;
  at?: string;
  remittance?: string;
}

export function camtEntry(line: PaidLine): string {
  const { amount = '0.01', payer = COMPANY, currency = 'CNY', direction = 'CRDT', status = 'BOOK' } = line;
  return `      <Ntry>
        <Amt Ccy="${currency}">${amount}</Amt><CdtDbtInd>${direction}</CdtDbtInd>
        ${line.reversal === true ? '<RvslInd>true</RvslInd>' : ''}<Sts><Cd>${status}</Cd></Sts>
        <BookgDt>${(line.at ?? '2026-03-22T18:30:00').includes('T') ? `<DtTm>${line.at ?? '2026-03-22T18:30:00'}</DtTm>` : `<Dt>${line.at}</Dt>`}</BookgDt>
        <AcctSvcrRef>${line.reference}</AcctSvcrRef>
        <NtryDtls><TxDtls>
          <RltdPties>
            <Dbtr><Pty><Nm>${payer}</Nm></Pty></Dbtr>
            <DbtrAcct><Id><Othr><Id>${line.payerAccount ?? '33050161001100000018'}</Id></Othr></Id></DbtrAcct>
            <CdtrAcct><Id><Othr><Id>${line.to}</Id></Othr></Id></CdtrAcct>
          </RltdPties>
          <RltdAgts><DbtrAgt><FinInstnId><Nm>中国建设银行股份有限公司杭州高新支行</Nm></FinInstnId></DbtrAgt></RltdAgts>
          ${line.remittance === undefined ? '' : `<RmtInf><Ustrd>${line.remittance}</Ustrd></RmtInf>`}
        </TxDtls></NtryDtls>
      </Ntry>\n`;
}

export const CAMT054_HEAD = `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">
  <BkToCstmrDbtCdtNtfctn>
    <GrpHdr><MsgId>N20260322</MsgId><CreDtTm>2026-03-22T19:00:00+08:00</CreDtTm></GrpHdr>
    <Ntfctn>
      <Id>1</Id>
      <Acct><Id><Othr><Id>30206857000000</Id></Othr></Id><Ccy>CNY</Ccy></Acct>
`;
export const CAMT054_TAIL = `    </Ntfctn>
  </BkToCstmrDbtCdtNtfctn>
</Document>
`;

export function camt054(lines: readonly PaidLine[]): string {
  return CAMT054_HEAD + lines.map(camtEntry).join('') + CAMT054_TAIL;
}

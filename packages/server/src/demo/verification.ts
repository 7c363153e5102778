import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Account } from './account.ts';
import { acknowledged } from './callbacks.ts';
import { dataOf, expect, textOf } from './checks.ts';
import { openMemberPage, type MemberClient } from './member-client.ts';
import { BROKER_CREDIT_CODE, BROKER_LEGAL_REP, BROKER_NAME } from './places.ts';
import type { DemoApplication, DemoCompany, Stage } from './stage.ts';
import { camt054, type StatementPayment } from './statement.ts';
import { tsignGet } from './tsign-client.ts';

const CHANNEL = 'demo';
const MAIN_ACCOUNT_NO = '30206857000000';
const PAYER = { payerName: BROKER_NAME, payerAccount: '1105011111111000018', payerBank: '示例银行北京示例支行' };

/** A company and its member, through the gateway. */
export async function createCompany(account: Account, app: DemoApplication): Promise<DemoCompany> {
  let company: DemoCompany | undefined;
  await account.step('a company and its member', async (tell) => {
    const org = dataOf(
      await app.gateway.call('partner.org.create', {
        biz_org_no: 'ORG-1',
        org_type: '01',
        org_name: BROKER_NAME,
        social_credit_code: BROKER_CREDIT_CODE,
      }),
    );
    const etcOrgNo = textOf(org, 'etc_org_no');
    const member = { etc_org_no: etcOrgNo, biz_member_no: 'MEMBER-1', member_name: '王示例' };
    const made = dataOf(await app.gateway.call('partner.member.create', member));
    company = { etcOrgNo, etcMemberNo: textOf(made, 'etc_member_no') };
    tell(`${BROKER_NAME} ${etcOrgNo}, auth_status ${await authStatus(app, etcOrgNo)}`);
  });
  if (company === undefined) throw new Error('no company');
  return company;
}

async function authStatus(app: DemoApplication, etcOrgNo: string): Promise<string> {
  const answer = dataOf(await app.gateway.call('partner.org.getOrgAuthStatus', { etc_org_no: etcOrgNo }));
  return textOf(answer, 'auth_status');
}

/**
 * The company proves itself by 0.01 yuan from its own account: its page gives it a receiving account, the bank's
 * statements are imported, and seed 001's query is asked before, between and after.
 */
export async function verifyCompany(
  account: Account,
  stage: Stage,
  app: DemoApplication,
  company: DemoCompany,
): Promise<void> {
  await account.step('it proves itself by 0.01 yuan from its own account (seed 001)', async (tell) => {
    await setUpBank(app);
    const page = await openPage(stage, app, company);
    const { transfer } = await page.send('POST', '/verification', {
      orgName: BROKER_NAME,
      orgCode: BROKER_CREDIT_CODE,
      legalRepName: BROKER_LEGAL_REP,
    });
    const payTo = transfer?.payTo;
    if (transfer === null || payTo === null || payTo === undefined) throw new Error('expected a receiving account');
    tell(`the page says: ${payTo.amount} to ${payTo.accountName}, ${payTo.accountNo}, ${payTo.bankName}`);
    const path = `/v2/identity/auth/pub/organization/${transfer.flowId}/query/reversePaymentProcess`;
    const ask = async (when: string, process: string): Promise<Record<string, unknown>> => {
      const { code, data } = await tsignGet(stage.service.url, app, path);
      tell(`reversePaymentProcess ${when}: ${String(data['process'])}${toldBy(data)}`);
      expect(code === 0 && data['process'] === process, `process ${process}, got ${JSON.stringify(data)}`);
      return data;
    };
    await ask('before', 'CREATED');
    await importStatement(stage, app, 'nothing-yet.camt054.xml', []);
    await ask('between', 'UN_RECEIVED');
    const reference = `D${Date.now()}`;
    const payment = { ...PAYER, toAccount: payTo.accountNo, reference, at: new Date() };
    await importStatement(stage, app, 'paid.camt054.xml', [payment]);
    const found = await ask('after', 'ORGANFINISHED');
    expect(found['payAmount'] === '0.01' && found['bizFlowNo'] === reference, 'the payment in the answer');
    await choose(page);
    await acknowledged(stage, tell, 'auth_process', (data) => data['etc_member_no'] === company.etcMemberNo);
    const status = await authStatus(app, company.etcOrgNo);
    expect(status === '01', `auth_status 01, got ${status}`);
    tell(`auth_status ${status}`);
  });
}

function toldBy(data: Record<string, unknown>): string {
  const { message } = data;
  if (data['process'] !== 'ORGANFINISHED') return typeof message === 'string' ? `, ${message}` : '';
  return `, ${String(data['payAmount'])} from ${String(data['oppAccountName'])} at ${String(data['tradeTime'])}`;
}

async function setUpBank(app: DemoApplication): Promise<void> {
  await app.admin.send('PUT', `/bank/channels/${CHANNEL}`, {
    main_account_name: '示例交易平台有限公司',
    main_account_bank: '示例银行杭州示例支行',
    main_account_no: MAIN_ACCOUNT_NO,
    numbers: { kind: 'rule', prefix: '30206857', width: 6 },
  });
}

async function openPage(stage: Stage, app: DemoApplication, company: DemoCompany): Promise<MemberClient> {
  const answer = dataOf(await app.gateway.call('gateway.getToken', { etc_member_no: company.etcMemberNo }));
  return openMemberPage(stage.service.url, textOf(answer, 'etc-token'));
}

async function importStatement(
  stage: Stage,
  app: DemoApplication,
  name: string,
  payments: readonly StatementPayment[],
): Promise<void> {
  const file = join(stage.directory, name);
  await writeFile(file, camt054(MAIN_ACCOUNT_NO, payments, new Date()));
  const path = `/bank/channels/${CHANNEL}/statements`;
  for await (const step of app.admin.upload(path, file, { file_name: name, format: 'camt054' })) {
    if (typeof step['error'] === 'string') throw new Error(`the statement was refused: ${JSON.stringify(step)}`);
  }
}

/** The last two steps of the page: a design of the seal, and the consent to signing without a click. */
async function choose(page: MemberClient): Promise<void> {
  const { seals } = await page.read();
  const variant = seals[0]?.variant;
  if (variant === undefined) throw new Error('expected a choice of seals');
  await page.send('PUT', '/seal', { variant });
  const { step } = await page.send('PUT', '/silent-signing', { textVersion: 'demo' });
  expect(step === 'done', `the page to be done, got ${step}`);
}

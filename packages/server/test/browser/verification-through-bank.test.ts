import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Identity } from '../../src/identity/index.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { newerBody, send } from '../support/gateway-client.ts';
import { COMPANY, MAIN, MINUTE_MS, startIdentity, type IdentityService } from '../support/identity-service.ts';
import { startMemberPage, type MemberPage } from '../support/member-page.ts';
import { faultsOf, watch } from '../support/page-faults.ts';

let service: IdentityService;
let page: MemberPage<Identity>;
let chromium: TestBrowser;
beforeAll(async () => {
  [service, chromium] = await Promise.all([startIdentity(), openBrowser()]);
  page = await startMemberPage(service.identity);
});
afterAll(async () => {
  await chromium?.close();
  await page?.stop();
  await service?.stop();
});

const heading = (tab: Page, name: string) => tab.getByRole('heading', { level: 1, name });
const button = (tab: Page, name: string) => tab.getByRole('button', { name, exact: true });

/** The link that a platform makes of gateway.getToken. */
async function linkFor(etcMemberNo: string): Promise<string> {
  const body = newerBody(service.partner, 'gateway.getToken', { etc_member_no: etcMemberNo });
  const answer = JSON.parse(await send(service.partner, body)) as { data: { 'etc-token': string } };
  return `${page.url}/verify?token=${encodeURIComponent(answer.data['etc-token'])}`;
}

async function openPhone(): Promise<Page> {
  const context = await chromium.browser.newContext({ viewport: { width: 375, height: 812 }, locale: 'zh-CN' });
  const tab = await context.newPage();
  tab.setDefaultTimeout(20_000);
  return tab;
}

test('a company comes from gateway.getToken to auth_process: a wrong amount, a near miss, the right payment', async () => {
  const { etcMemberNo, etcOrgNo } = await service.company();
  const tab = await openPhone();
  const seen = watch(tab);
  await tab.goto(await linkFor(etcMemberNo));
  await heading(tab, '核对企业信息').waitFor();
  expect(tab.url()).toBe(`${page.url}/verify`);
  await tab.getByRole('textbox', { name: '统一社会信用代码' }).fill(`${COMPANY.orgCode.slice(0, 17)}7`);
  await tab.getByRole('textbox', { name: '法定代表人姓名' }).fill(COMPANY.legalRepName);
  await button(tab, '下一步：获取收款账号').click();
  await tab.getByText('代码有误').waitFor();
  await tab.getByRole('textbox', { name: '统一社会信用代码' }).fill(COMPANY.orgCode);
  await button(tab, '下一步：获取收款账号').click();

  await heading(tab, '从公司账户转出 0.01 元').waitFor();
  await tab.getByText(MAIN.mainAccountName).waitFor();
  const grouped = (await tab.getByText(/^3020 6857 /).textContent()) ?? '';
  const subAccountNo = grouped.replaceAll(' ', '');
  await tab.getByText('等待您的转账').first().waitFor();

  // The clock stands: what the bank is asked for has to come after the account was made.
  service.clock.set(new Date(service.clock.now().getTime() + MINUTE_MS));
  await service.askBank();
  await tab.getByText('银行还没有查到这笔转账').first().waitFor();
  await service.pay({ subAccountNo, amountFen: 2, bizFlowNo: 'B1' });
  await tab.getByText('收到 0.02 元，应为正好 0.01 元').first().waitFor();
  await service.pay({ subAccountNo, payerName: '北京易楼房地产经济有限公司', bizFlowNo: 'B2' });
  await tab.getByText('正在人工核对').first().waitFor();
  const [review] = await service.bank.listReviews({ state: 'open', limit: 10 });
  await service.bank.resolveReview({
    transactionId: review!.transactionId,
    decision: 'refuse',
    reason: '不是同一家公司',
    actor: 'operator',
  });
  await tab.getByText('与企业名称不一致').first().waitFor();
  await service.pay({ subAccountNo, bizFlowNo: 'B3' });

  await heading(tab, '选择电子印章').waitFor();
  await tab.getByRole('radio', { name: /带代码的公章/ }).check();
  await button(tab, '使用这枚印章').click();
  await heading(tab, '授权自动签署').waitFor();
  await tab.reload();
  await heading(tab, '授权自动签署').waitFor();
  await tab.getByRole('checkbox', { name: /我已阅读授权书/ }).check();
  await button(tab, '同意并完成').click();

  await heading(tab, '企业认证已完成').waitFor();
  await tab.getByText('B3', { exact: true }).waitFor();
  await tab.getByRole('img', { name: `${COMPANY.name}的带代码的公章` }).waitFor();
  await tab.getByText('持有者').waitFor();
  expect(await tab.getByText(/CN=|O=/).count()).toBe(0);
  expect(await faultsOf(tab)).toEqual([]);
  expect(seen.complaints).toEqual([]);
  expect((await service.parties.showOrg(etcOrgNo))?.verifiedAt).not.toBeNull();
  const told = await service.told();
  expect(told.at(-1)).toMatchObject({
    api_callback_code: 'auth_process',
    status: 'succeeded',
    data: { etc_member_no: etcMemberNo, org_seal_url: expect.stringContaining('http') as string },
  });
  await tab.context().close();
});

test('a slip in the code is mended: the company gets another account, and the old one is good no more', async () => {
  const { etcMemberNo } = await service.company({ name: '杭州示例置业有限公司' });
  const tab = await openPhone();
  await tab.goto(await linkFor(etcMemberNo));
  await tab.getByRole('textbox', { name: '统一社会信用代码' }).fill('91350100M000100Y43');
  await tab.getByRole('textbox', { name: '法定代表人姓名' }).fill('李四');
  await button(tab, '下一步：获取收款账号').click();
  await heading(tab, '从公司账户转出 0.01 元').waitFor();
  const before = await tab.getByText(/^3020 6857 /).textContent();
  await button(tab, '企业信息填错了？返回修改').click();
  await heading(tab, '核对企业信息').waitFor();
  await tab.getByRole('textbox', { name: '统一社会信用代码' }).fill(COMPANY.orgCode);
  await button(tab, '下一步：获取收款账号').click();
  await heading(tab, '从公司账户转出 0.01 元').waitFor();
  expect(await tab.getByText(/^3020 6857 /).textContent()).not.toBe(before);
  await tab.context().close();
});

test('a forged token and one whose time is over open nothing', async () => {
  const { etcMemberNo } = await service.company({ name: '杭州第二示例有限公司' });
  const link = await linkFor(etcMemberNo);
  const tab = await openPhone();
  await tab.goto(`${link.slice(0, -2)}AA`);
  await heading(tab, '链接无效').waitFor();
  service.clock.set(new Date(service.clock.now().getTime() + 31 * MINUTE_MS));
  await tab.goto(link);
  await heading(tab, '链接已过期').waitFor();
  await tab.context().close();
});

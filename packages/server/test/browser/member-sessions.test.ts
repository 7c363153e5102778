import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Identity } from '../../src/identity/index.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { newerBody, send } from '../support/gateway-client.ts';
import { COMPANY, MINUTE_MS, startIdentity, type IdentityService } from '../support/identity-service.ts';
import { startMemberPage, type MemberPage } from '../support/member-page.ts';
import { faultsOf, watch, type Watched } from '../support/page-faults.ts';

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

async function openTab(width = 375): Promise<{ context: BrowserContext; tab: Page; seen: Watched }> {
  const context = await chromium.browser.newContext({ viewport: { width, height: 812 }, locale: 'zh-CN' });
  const tab = await context.newPage();
  tab.setDefaultTimeout(20_000);
  return { context, tab, seen: watch(tab) };
}

async function fillIn(tab: Page): Promise<void> {
  await tab.getByRole('textbox', { name: '统一社会信用代码' }).fill(COMPANY.orgCode);
  await tab.getByRole('textbox', { name: '法定代表人姓名' }).fill(COMPANY.legalRepName);
  await button(tab, '下一步：获取收款账号').click();
  await heading(tab, '从公司账户转出 0.01 元').waitFor();
}
const numberOn = async (tab: Page): Promise<string> =>
  ((await tab.getByText(/^3020 6857 /).textContent()) ?? '').replaceAll(' ', '');

test('reloads, back and forward at every step leave the member where he is, and the flow is one', async () => {
  const { etcMemberNo } = await service.company({ name: '北京往返有限公司' });
  const { context, tab, seen } = await openTab();
  await tab.goto(`${page.url}/assets/none`);
  await tab.goto(await linkFor(etcMemberNo));
  const around = async (title: string): Promise<void> => {
    await heading(tab, title).waitFor();
    await tab.reload();
    await heading(tab, title).waitFor();
    await tab.goBack();
    await tab.goForward();
    await heading(tab, title).waitFor();
    expect(tab.url()).toBe(`${page.url}/verify`);
  };
  await around('核对企业信息');
  await fillIn(tab);
  const number = await numberOn(tab);
  await around('从公司账户转出 0.01 元');
  expect(await numberOn(tab)).toBe(number);
  await service.pay({ subAccountNo: number, payerName: '北京往返有限公司' });
  await around('选择电子印章');
  await button(tab, '使用这枚印章').click();
  await around('授权自动签署');
  await tab.getByRole('checkbox', { name: /我已阅读授权书/ }).check();
  await button(tab, '同意并完成').click();
  await around('企业认证已完成');
  expect(seen.complaints).toEqual([]);
  const flows = (await service.identity.list({ limit: 100 })).filter((flow) => flow.etcMemberNo === etcMemberNo);
  expect(flows).toHaveLength(1);
  // The same link, while its time lasts, shows the end and begins nothing.
  await tab.goto(await linkFor(etcMemberNo));
  await heading(tab, '企业认证已完成').waitFor();
  await context.close();
});

test('a reload before the link has opened a session still comes in', async () => {
  const { etcMemberNo } = await service.company({ name: '北京慢线有限公司' });
  const { context, tab } = await openTab();
  let isSlow = true;
  await tab.route('**/member/v1/session', async (route) => (isSlow ? route.abort() : route.continue()));
  await tab.goto(await linkFor(etcMemberNo));
  await heading(tab, '网络已断开').waitFor();
  expect(tab.url()).toBe(`${page.url}/verify`);
  await tab.reload();
  await heading(tab, '网络已断开').waitFor();
  isSlow = false;
  await tab.reload();
  await heading(tab, '核对企业信息').waitFor();
  // Afterwards nothing in the browser holds it.
  expect(
    await tab.evaluate<string>('JSON.stringify({ ...sessionStorage, ...localStorage }) + document.cookie'),
  ).not.toContain('et1.');
  await context.close();
});

test('a token that is refused is not tried again by a reload', async () => {
  const { context, tab } = await openTab();
  await tab.goto(`${page.url}/verify?token=et1.forged`);
  await heading(tab, '链接无效').waitFor();
  await tab.reload();
  await heading(tab, '请从平台重新进入').waitFor();
  await context.close();
});

test('the session ends under an open page: it says so, and nothing is sent any more', async () => {
  const { etcMemberNo } = await service.company({ name: '北京过期有限公司' });
  const { context, tab } = await openTab();
  await tab.goto(await linkFor(etcMemberNo));
  await heading(tab, '核对企业信息').waitFor();
  const before = page.time.now;
  page.time.now = new Date(before.getTime() + 12 * 60 * MINUTE_MS);
  await tab.getByRole('textbox', { name: '统一社会信用代码' }).fill(COMPANY.orgCode);
  await tab.getByRole('textbox', { name: '法定代表人姓名' }).fill(COMPANY.legalRepName);
  await button(tab, '下一步：获取收款账号').click();
  await heading(tab, '请从平台重新进入').waitFor();
  page.time.now = before;
  expect((await service.identity.list({ limit: 100 })).some((flow) => flow.etcMemberNo === etcMemberNo)).toBe(false);
  await context.close();
});

test('two tabs of one member: the newer one goes on, the older one stops and says why', async () => {
  const { etcMemberNo } = await service.company({ name: '北京双页有限公司' });
  const { context, tab } = await openTab();
  const link = await linkFor(etcMemberNo);
  await tab.goto(link);
  await heading(tab, '核对企业信息').waitFor();
  const other = await context.newPage();
  await other.goto(link);
  await fillIn(other);
  await tab.reload();
  await heading(tab, '已在另一个标签页打开').waitFor();
  await other.reload();
  await heading(other, '从公司账户转出 0.01 元').waitFor();
  await context.close();
});

test('a disabled application has no page any more, open or not', async () => {
  const { etcMemberNo } = await service.company({ name: '北京停用有限公司' });
  const { context, tab } = await openTab();
  await tab.goto(await linkFor(etcMemberNo));
  await heading(tab, '核对企业信息').waitFor();
  await service.apps.disable(service.appId, 'operator');
  await tab.getByRole('textbox', { name: '统一社会信用代码' }).fill(COMPANY.orgCode);
  await tab.getByRole('textbox', { name: '法定代表人姓名' }).fill(COMPANY.legalRepName);
  await button(tab, '下一步：获取收款账号').click();
  await heading(tab, '找不到这位成员').waitFor();
  expect((await service.identity.list({ limit: 100 })).some((flow) => flow.etcMemberNo === etcMemberNo)).toBe(false);
  await service.apps.enable(service.appId, 'operator');
  await context.close();
});

describe('texts of others', () => {
  const HOSTILE = `<img src=x onerror=alert(1)>`;

  test.each([375, 1280])('names that are markup are read as names, on %d pixels', async (width) => {
    const name = `${HOSTILE}${width}`;
    const { etcMemberNo } = await service.company({ name });
    const { context, tab, seen } = await openTab(width);
    const dialogs: string[] = [];
    tab.on('dialog', (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
    await tab.goto(await linkFor(etcMemberNo));
    await fillIn(tab);
    const subAccountNo = await numberOn(tab);
    await service.pay({ subAccountNo, payerName: `"><svg onload=alert(2)>`, bizFlowNo: `X${width}` });
    await tab.getByText('<svg onload=alert(2)>').first().waitFor();
    await tab.screenshot({
      path: `${process.env['YINXIN_SCREENSHOTS'] ?? chromium.folder}/hostile-${width}.png`,
      fullPage: true,
    });
    expect(await faultsOf(tab)).toEqual([]);
    await service.pay({ subAccountNo, payerName: name, bizFlowNo: `<b>Y${width}` });
    await heading(tab, '选择电子印章').waitFor();
    await tab.goto(`${page.url}/verify?token=${encodeURIComponent('"><script>alert(3)</script>')}`);
    await heading(tab, '链接无效').waitFor();
    expect(await tab.evaluate<number>('document.querySelectorAll("img[src=x], svg[onload], b").length')).toBe(0);
    expect(dialogs).toEqual([]);
    expect(seen.complaints).toEqual([]);
    await context.close();
  });
});

describe('another site', () => {
  test('cannot frame the page, read its session, or act in it', async () => {
    const { etcMemberNo } = await service.company({ name: '北京外站有限公司' });
    const { context, tab } = await openTab();
    await tab.goto(await linkFor(etcMemberNo));
    await heading(tab, '核对企业信息').waitFor();
    const evil = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(`<iframe src="${page.url}/verify"></iframe><form method="post" enctype="text/plain"
        action="${page.url}/member/v1/verification"><input name='{"a":"' value='"}'></form>`);
    });
    await new Promise<void>((resolve) => evil.listen(0, 'localhost', resolve));
    const { port } = evil.address() as AddressInfo;
    const other = await context.newPage();
    // Another host name is another site, even on this machine.
    await other.goto(`http://localhost:${port}/`);
    const outcomes = await other.evaluate<string[]>(`(async () => {
      const api = ${JSON.stringify(`${page.url}/member/v1`)};
      const tries = [
        () => fetch(api + '/session', { credentials: 'include' }),
        () => fetch(api + '/verification', { credentials: 'include', headers: { 'x-member-session': 'x' } }),
        () => fetch(api + '/verification', { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: '{}' }),
        () => fetch(api + '/silent-signing', { method: 'PUT', credentials: 'include' }),
      ];
      return Promise.all(tries.map((go) => go().then((answer) => 'read ' + answer.status, () => 'refused')));
    })()`);
    expect(outcomes).toEqual(['refused', 'refused', 'refused', 'refused']);
    const [frame] = other.frames().slice(1);
    expect(await frame!.locator('#root').count()).toBe(0);
    const asked = other.waitForRequest('**/member/v1/verification');
    await other.evaluate('document.forms[0].submit()');
    const sent = await asked;
    expect((await sent.allHeaders())['cookie']).toBeUndefined();
    expect((await sent.response())?.status()).toBe(415);
    // The member's own tab knows nothing of it.
    await tab.reload();
    await heading(tab, '核对企业信息').waitFor();
    evil.close();
    await context.close();
  });
});

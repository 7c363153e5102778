import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import {
  CODE,
  COMPANY,
  NOW,
  stageIdentity,
  startMemberPage,
  type MemberPage,
  type StagedIdentity,
} from '../support/member-page.ts';
import { faultsOf, watch, type Watched } from '../support/page-faults.ts';

let page: MemberPage<StagedIdentity>;
let chromium: TestBrowser;
beforeAll(async () => {
  [page, chromium] = await Promise.all([startMemberPage(stageIdentity()), openBrowser()]);
});
afterAll(async () => {
  await chromium?.close();
  await page?.stop();
});

const WINDOWS = [
  { name: 'phone', width: 375, height: 812 },
  { name: 'desktop', width: 1280, height: 900 },
] as const;
type Window = (typeof WINDOWS)[number];

/** A window of a browser nobody used before. */
async function openWindow(
  window: Window,
  more: object = {},
): Promise<{ context: BrowserContext; tab: Page; seen: Watched }> {
  const context = await chromium.browser.newContext({
    viewport: { width: window.width, height: window.height },
    locale: 'zh-CN',
    permissions: ['clipboard-read', 'clipboard-write'],
    ...more,
  });
  const tab = await context.newPage();
  tab.setDefaultTimeout(15_000);
  return { context, tab, seen: watch(tab) };
}

const heading = (tab: Page, name: string) => tab.getByRole('heading', { level: 1, name });
const button = (tab: Page, name: string) => tab.getByRole('button', { name, exact: true });
const isFocused = (tab: Page) => tab.locator(':focus').textContent();

const picturesLoad = (tab: Page) =>
  expect
    .poll(() => tab.evaluate<boolean>('[...document.images].every((image) => image.naturalWidth > 0)'), {
      timeout: 15_000,
    })
    .toBe(true);

/** Every state of every step is looked at: nothing sticks out, every text can be read, and a picture is kept. */
async function inspect(tab: Page, window: Window, name: string): Promise<void> {
  const folder = process.env['YINXIN_SCREENSHOTS'] ?? chromium.folder;
  await tab.screenshot({ path: join(folder, `${window.name}-${name}.png`), fullPage: true });
  expect(await faultsOf(tab), `${window.name} ${name}`).toEqual([]);
}

describe.each(WINDOWS)('on a $name of $width pixels', (window) => {
  test('a member comes from the token to done', async () => {
    const { context, tab, seen } = await openWindow(window);
    const member = `full${window.name}`;
    const staged = page.identity.verificationOf(member);
    const check = (name: string) => inspect(tab, window, name);

    // The token leaves the address at once.
    await tab.goto(`${page.url}/verify?token=token-of-${member}`);
    await heading(tab, '核对企业信息').waitFor();
    expect(tab.url()).toBe(`${page.url}/verify`);
    expect(await tab.evaluate<number>('history.length')).toBeLessThanOrEqual(2);
    await check('1-company');

    // Company: what is missing is said beside its field, and the first one takes the focus.
    await button(tab, '下一步：获取收款账号').click();
    const code = tab.getByRole('textbox', { name: '统一社会信用代码' });
    expect(await code.getAttribute('aria-invalid')).toBe('true');
    expect(await tab.locator(':focus').getAttribute('id')).toBe(await code.getAttribute('id'));
    await check('1-company-missing');
    await code.fill('9135 0100 m000 100y 40');
    await tab.getByRole('textbox', { name: '法定代表人姓名' }).fill('张三');
    await button(tab, '下一步：获取收款账号').click();
    await tab.getByText('代码有误，可能输错了一位').waitFor();
    await check('1-company-check-digit');
    await code.fill('9135 0100 m000 100y 43');
    await tab.keyboard.press('Enter');

    // Transfer: the account, copied as the bank wants it.
    await heading(tab, '从公司账户转出 0.01 元').waitFor();
    expect(await isFocused(tab)).toContain('从公司账户转出');
    expect(page.identity.commands.at(-1)).toMatchObject({
      command: 'startForMember',
      detail: { company: { orgName: COMPANY, orgCode: CODE, legalRepName: '张三' }, actor: `member:${member}` },
    });
    await tab.getByText('3020 6857 0000 01').waitFor();
    await button(tab, '复制收款账号').click();
    await tab.getByText('已复制', { exact: true }).waitFor();
    expect(await tab.evaluate<string>('navigator.clipboard.readText()')).toBe('30206857000001');
    await button(tab, '复制全部信息').click();
    expect(await tab.evaluate<string>('navigator.clipboard.readText()')).toBe(
      '收款户名：杭州天谷信息科技有限公司\n收款账号：30206857000001\n开户行：平安银行杭州西湖支行\n转账金额：0.01 元',
    );
    // A phone has the account on it; the code is for whoever sits before a large screen.
    if (window.name === 'phone') await tab.getByText('在另一台设备上转账？').click();
    await tab.getByRole('img', { name: /二维码/ }).waitFor();
    await check('2-transfer-created');

    // Progress, as the bank tells it; the page finds out by itself.
    staged.bank({ process: 'UN_RECEIVED', bankAskedAt: NOW });
    await tab.getByText('银行还没有查到这笔转账').first().waitFor();
    await button(tab, '我已转账，立即查询').click();
    await tab.getByText('不用重复转账').first().waitFor();
    await check('2-transfer-not-found');
    const failure = { reason: 'wrong_amount' as const, amountFen: 2, payerName: COMPANY, at: NOW };
    staged.bank({ process: 'PAY_FAILED', failure });
    await tab.getByText('收到 0.02 元，应为正好 0.01 元').first().waitFor();
    await check('2-transfer-wrong-amount');
    staged.bank({ process: 'PAY_FAILED', failure: { ...failure, reason: 'wrong_payer', payerName: '张三' } });
    await tab.getByText('付款户名是“张三”').first().waitFor();
    staged.bank({ process: 'UN_RECEIVED', failure: null, inReviewSince: NOW });
    await tab.getByText('正在人工核对').first().waitFor();
    await check('2-transfer-in-review');
    staged.pay();

    // Seal: drawn with the company's name, chosen with the keyboard.
    await heading(tab, '选择电子印章').waitFor();
    expect(await isFocused(tab)).toBe('选择电子印章');
    const contract = tab.getByRole('radio', { name: /合同专用章/ });
    await tab.getByRole('radio', { name: /企业公章/ }).focus();
    await tab.keyboard.press('ArrowDown');
    expect(await contract.isChecked()).toBe(true);
    await picturesLoad(tab);
    await check('3-seal');
    await button(tab, '使用这枚印章').click();

    // Consent: only with the box ticked.
    await heading(tab, '授权自动签署').waitFor();
    await button(tab, '同意并完成').click();
    await tab.getByText('请先阅读并勾选同意').waitFor();
    await check('4-consent-missing');
    await tab.getByRole('checkbox', { name: /我已阅读授权书/ }).check();
    await check('4-consent');
    await button(tab, '同意并完成').click();

    await heading(tab, '企业认证已完成').waitFor();
    await tab.getByText('218540111110042471328').waitFor();
    await tab.getByRole('img', { name: `${COMPANY}的合同专用章` }).waitFor();
    expect(page.identity.commands.slice(-2)).toMatchObject([
      { command: 'chooseSeal', detail: { variant: 'contract', actor: `member:${member}` } },
      { command: 'consentSilentSigning', detail: { textVersion: '2026-11' } },
    ]);
    await picturesLoad(tab);
    await check('5-done');

    // A reload needs no token.
    await tab.reload();
    await heading(tab, '企业认证已完成').waitFor();
    expect(seen.complaints).toEqual([]);
    expect(seen.hosts).toEqual(new Set([new URL(page.url).host]));
    await context.close();
  });

  test('every step reads well in English and in the dark', async () => {
    const { context, tab, seen } = await openWindow(window, { colorScheme: 'dark', reducedMotion: 'reduce' });
    const member = `dark${window.name}`;
    const staged = page.identity.verificationOf(member);
    const check = (name: string) => inspect(tab, window, `dark-${name}`);
    await tab.goto(`${page.url}/verify?token=token-of-${member}`);
    await button(tab, 'Switch to English').click();
    await heading(tab, 'Check the company’s details').waitFor();
    expect(await tab.locator('html').getAttribute('lang')).toBe('en');
    await tab.getByRole('textbox', { name: 'Unified social credit code' }).fill(CODE);
    await button(tab, 'Next: get the account').click();
    await check('1-company');
    await tab.getByRole('textbox', { name: 'Legal representative' }).fill('张三');
    await button(tab, 'Next: get the account').click();
    await heading(tab, 'Transfer ¥0.01 from the company’s account').waitFor();
    if (window.name === 'phone') await tab.getByText('Paying on another device?').click();
    await check('2-transfer');
    staged.bank({
      process: 'PAY_FAILED',
      failure: { reason: 'personal_account', amountFen: 1, payerName: null, at: NOW },
    });
    await tab.getByText('came from a personal account').first().waitFor();
    await check('2-transfer-failed');
    staged.pay();
    await heading(tab, 'Choose the electronic seal').waitFor();
    await picturesLoad(tab);
    await check('3-seal');
    await button(tab, 'Use this seal').click();
    await heading(tab, 'Authorise automatic signing').waitFor();
    await check('4-consent');

    // Whoever does not want to is verified all the same, and may still agree later.
    await button(tab, 'Not now').click();
    await heading(tab, 'Verification is complete').waitFor();
    await tab.getByText('Not authorised').waitFor();
    await check('5-done-without-consent');
    await button(tab, 'Authorise now').click();
    await tab.getByRole('checkbox', { name: /I have read the authorisation/ }).check();
    await button(tab, 'Agree and finish').click();
    await tab.getByText('Authorised on').waitFor();

    // The language stays.
    await tab.reload();
    await heading(tab, 'Verification is complete').waitFor();
    await check('5-done');
    expect(seen.complaints).toEqual([]);
    await context.close();
  });

  test('links that do not work say what to do', async () => {
    const { context, tab } = await openWindow(window);
    await tab.goto(`${page.url}/verify?token=expired`);
    await heading(tab, '链接已过期').waitFor();
    expect(tab.url()).toBe(`${page.url}/verify`);
    await inspect(tab, window, '0-expired');
    await tab.goto(`${page.url}/verify?token=nonsense`);
    await heading(tab, '链接无效').waitFor();
    await tab.goto(`${page.url}/verify`);
    await heading(tab, '请从平台重新进入').waitFor();
    await inspect(tab, window, '0-no-session');
    await context.close();
  });
});

describe('when things go wrong', () => {
  const [phone] = WINDOWS;

  test('the line breaks and comes back: the page says so, keeps what is shown, and goes on', async () => {
    const { context, tab } = await openWindow(phone);
    const staged = page.identity.verificationOf('offline');
    await tab.goto(`${page.url}/verify?token=token-of-offline`);
    await tab.getByRole('textbox', { name: '统一社会信用代码' }).fill(CODE);
    await tab.getByRole('textbox', { name: '法定代表人姓名' }).fill('张三');

    await context.setOffline(true);
    await button(tab, '下一步：获取收款账号').click();
    await tab.getByText('网络不通，未能提交').waitFor();
    await tab.getByRole('alert').filter({ hasText: '网络已断开' }).waitFor();
    await inspect(tab, phone, '1-company-offline');
    await context.setOffline(false);
    await tab.getByText('网络已断开').waitFor({ state: 'detached' });
    await button(tab, '下一步：获取收款账号').click();
    await heading(tab, '从公司账户转出 0.01 元').waitFor();

    await context.setOffline(true);
    await tab.getByRole('alert').filter({ hasText: '网络已断开' }).waitFor();
    await tab.getByText('3020 6857 0000 01').waitFor();
    staged.pay();
    await context.setOffline(false);
    await heading(tab, '选择电子印章').waitFor();
    await context.close();
  });

  test('the service fails: the page waits, tries again, and is there as soon as it is', async () => {
    const { context, tab } = await openWindow(phone);
    let failing = true;
    await tab.route('**/member/v1/verification', async (route) =>
      failing
        ? route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' })
        : route.continue(),
    );
    await tab.goto(`${page.url}/verify?token=token-of-failing`);
    await tab.getByRole('alert').filter({ hasText: '暂时连不上服务' }).waitFor();
    await inspect(tab, phone, '0-failing');
    failing = false;
    await button(tab, '立即重试').click();
    await heading(tab, '核对企业信息').waitFor();
    await context.close();
  });

  test('a verification that ran out starts anew, with a warning about the old account', async () => {
    const { context, tab } = await openWindow(phone);
    const staged = page.identity.verificationOf('expiring');
    await page.identity.startForMember({
      appId: 'APP',
      etcMemberNo: 'expiring',
      company: { orgName: COMPANY, orgCode: CODE, legalRepName: '张三' },
      actor: 'member:expiring',
    });
    await tab.goto(`${page.url}/verify?token=token-of-expiring`);
    await heading(tab, '从公司账户转出 0.01 元').waitFor();
    staged.bank({ state: 'ended' });
    await heading(tab, '核对企业信息').waitFor();
    await tab.getByText('请不要再向旧账号转账').waitFor();
    // What was typed is still there.
    expect(await tab.getByRole('textbox', { name: '统一社会信用代码' }).inputValue()).toBe(CODE);
    await inspect(tab, phone, '1-company-ended');
    await button(tab, '下一步：获取收款账号').click();
    await heading(tab, '从公司账户转出 0.01 元').waitFor();
    await context.close();
  });

  test('no bank takes payments: said before the member tries, and when', async () => {
    const { context, tab } = await openWindow(phone);
    const staged = page.identity.verificationOf('bankless');
    staged.view = { ...staged.view, isBankAvailable: false };
    await tab.goto(`${page.url}/verify?token=token-of-bankless`);
    await tab.getByText('现在还不能打款').waitFor();
    await tab.getByRole('textbox', { name: '统一社会信用代码' }).fill(CODE);
    await tab.getByRole('textbox', { name: '法定代表人姓名' }).fill('张三');
    await button(tab, '下一步：获取收款账号').click();
    await tab.getByRole('alert').filter({ hasText: '暂时无法收款' }).waitFor();
    await inspect(tab, phone, '1-company-bankless');
    await context.close();
  });

  test('two companies in one browser do not mix: the older tab stops', async () => {
    const { context, tab } = await openWindow(phone);
    await tab.goto(`${page.url}/verify?token=token-of-first`);
    await heading(tab, '核对企业信息').waitFor();
    const other = await context.newPage();
    await other.goto(`${page.url}/verify?token=token-of-second`);
    await heading(other, '核对企业信息').waitFor();
    await tab.getByRole('textbox', { name: '统一社会信用代码' }).fill(CODE);
    await tab.getByRole('textbox', { name: '法定代表人姓名' }).fill('张三');
    await button(tab, '下一步：获取收款账号').click();
    await heading(tab, '已在另一个标签页打开').waitFor();
    expect(page.identity.commands.some(({ member }) => member === 'second' || member === 'first')).toBe(false);
    await context.close();
  });
});

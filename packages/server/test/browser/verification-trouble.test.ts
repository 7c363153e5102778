import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DomainError } from '../../src/platform/errors.ts';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { CODE, stageIdentity, startMemberPage, type MemberPage, type StagedIdentity } from '../support/member-page.ts';
import { faultsOf } from '../support/page-faults.ts';

/** Opening the page takes two: the session and the view. */
const REQUESTS_PER_SECOND_MAX = 2;
/** Members whom the platform has removed. */
const gone = new Set<string>();

let page: MemberPage<StagedIdentity>;
let chromium: TestBrowser;
beforeAll(async () => {
  const staged = stageIdentity();
  const identity: StagedIdentity = {
    ...staged,
    async memberView(member) {
      if (gone.has(member.etcMemberNo)) throw new DomainError('member_not_found');
      return staged.memberView(member);
    },
  };
  const limits = { unprovenPerSecondPerAddressMax: 10_000, requestsPerSecondPerMemberMax: REQUESTS_PER_SECOND_MAX };
  [page, chromium] = await Promise.all([startMemberPage(identity, { limits }), openBrowser()]);
});
afterAll(async () => {
  await chromium?.close();
  await page?.stop();
});

const LOOKS = [
  { width: 375, language: 'zh', colorScheme: 'light' },
  { width: 375, language: 'en', colorScheme: 'dark' },
  { width: 1280, language: 'zh', colorScheme: 'dark' },
  { width: 1280, language: 'en', colorScheme: 'light' },
] as const;
type Look = (typeof LOOKS)[number];

/** What is looked for, in both languages of the page. */
const WORDS = {
  company: { zh: '核对企业信息', en: 'Check the company’s details' },
  transfer: { zh: '从公司账户转出 0.01 元', en: 'Transfer ¥0.01 from the company’s account' },
  code: { zh: '统一社会信用代码', en: 'Unified social credit code' },
  legalRep: { zh: '法定代表人姓名', en: 'Legal representative' },
  next: { zh: '下一步：获取收款账号', en: 'Next: get the account' },
  tooFast: { zh: '操作太频繁', en: 'That was too fast' },
  busy: { zh: '访问太频繁', en: 'Too many requests' },
  gone: { zh: '找不到这位成员', en: 'This member is gone' },
  replaced: { zh: '已在另一个标签页打开', en: 'Opened in another tab' },
} as const;

/** A second on, the member may ask as often again. */
const passSecond = (): void => {
  page.time.now = new Date(page.time.now.getTime() + 1_000);
};

async function openContext({ width, language, colorScheme }: Look): Promise<BrowserContext> {
  const context = await chromium.browser.newContext({ viewport: { width, height: 812 }, colorScheme });
  await context.addInitScript(`localStorage.setItem('yinxin.language', '${language}')`);
  context.setDefaultTimeout(20_000);
  return context;
}

/** Nothing sticks out and every text can be read; a picture is kept. */
async function inspect(tab: Page, { width, language, colorScheme }: Look, name: string): Promise<void> {
  const folder = process.env['YINXIN_SCREENSHOTS'] ?? chromium.folder;
  const file = `trouble-${name}-${width}-${language}-${colorScheme}.png`;
  await tab.screenshot({ path: join(folder, file), fullPage: true });
  expect(await faultsOf(tab), file).toEqual([]);
}

describe.each(LOOKS)('on $width pixels, in $language, $colorScheme', (look) => {
  const say = (words: keyof typeof WORDS): string => WORDS[words][look.language];
  const heading = (tab: Page, words: keyof typeof WORDS) => tab.getByRole('heading', { level: 1, name: say(words) });
  const alert = (tab: Page, words: keyof typeof WORDS) => tab.getByRole('alert').filter({ hasText: say(words) });
  const linkOf = (member: string): string =>
    `${page.url}/verify?token=token-of-${member}${look.width}${look.language}${look.colorScheme}`;

  test('who comes too fast reads that he should wait, and the page goes on by itself', async () => {
    const context = await openContext(look);
    const tab = await context.newPage();
    await tab.goto(linkOf('hasty'));
    await heading(tab, 'company').waitFor();
    await tab.getByRole('textbox', { name: say('code') }).fill(CODE);
    await tab.getByRole('textbox', { name: say('legalRep') }).fill('张三');
    const next = tab.getByRole('button', { name: say('next') });
    await next.click();
    await tab.getByText(say('tooFast')).waitFor();
    await inspect(tab, look, 'too-fast');
    passSecond();
    await next.click();
    await heading(tab, 'transfer').waitFor();
    // The page asks how far the payment is until it is refused, and says so.
    await alert(tab, 'busy').waitFor();
    await inspect(tab, look, 'busy');

    const other = await context.newPage();
    await other.goto(linkOf('hasty'));
    await heading(other, 'busy').waitFor();
    await inspect(other, look, 'busy-at-the-door');
    await tab.close();
    passSecond();
    await heading(other, 'transfer').waitFor();
    await context.close();
  });

  test('a member who is gone and a tab that was replaced are told what to do', async () => {
    const context = await openContext(look);
    const tab = await context.newPage();
    await tab.goto(linkOf('leaver'));
    await heading(tab, 'company').waitFor();
    gone.add(`leaver${look.width}${look.language}${look.colorScheme}`);
    passSecond();
    await tab.reload();
    await heading(tab, 'gone').waitFor();
    await inspect(tab, look, 'gone');

    passSecond();
    await tab.goto(linkOf('older'));
    await heading(tab, 'company').waitFor();
    const other = await context.newPage();
    await other.goto(linkOf('newer'));
    await heading(other, 'company').waitFor();
    passSecond();
    await tab.reload();
    await heading(tab, 'replaced').waitFor();
    await inspect(tab, look, 'replaced');
    await context.close();
  });
});

test('a door that does not open is tried again by itself, and at once when somebody asks', async () => {
  const [look] = LOOKS;
  const context = await openContext(look);
  const tab = await context.newPage();
  const heading = (name: string) => tab.getByRole('heading', { level: 1, name });
  let refusal: 'failing' | 'offline' | null = 'failing';
  await tab.route('**/member/v1/session', async (route) => {
    if (refusal === 'failing') return route.fulfill({ status: 502, body: '<h1>Bad gateway</h1>' });
    return refusal === 'offline' ? route.abort() : route.continue();
  });
  await tab.goto(`${page.url}/verify?token=token-of-shut`);
  await heading('暂时连不上服务').waitFor();
  await inspect(tab, look, 'failing-at-the-door');
  refusal = 'offline';
  await heading('网络已断开').waitFor();
  await inspect(tab, look, 'offline-at-the-door');
  await tab.getByRole('button', { name: '立即重试' }).click();
  await heading('网络已断开').waitFor();
  refusal = null;
  await heading('核对企业信息').waitFor();
  await context.close();
});

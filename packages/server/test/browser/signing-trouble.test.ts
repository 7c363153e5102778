import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { writeName } from '../support/signer-hand.ts';
import {
  button,
  DESKTOP,
  heading,
  inspect,
  openDocument,
  openWindow,
  PHONE,
  reader,
} from '../support/signing-window.ts';
import { CODE, startStagedSigner, type StagedSignerPage } from '../support/staged-signer.ts';

let page: StagedSignerPage;
let chromium: TestBrowser;
beforeAll(async () => {
  [page, chromium] = await Promise.all([startStagedSigner(), openBrowser()]);
});
afterAll(async () => {
  await chromium?.close();
  await page?.stop();
});

const ENDS = [
  { step: 'revoked', title: '发起方已撤销', reason: '房源信息有误，重新发起' },
  { step: 'expired', title: '已过签署期限', reason: null },
  { step: 'flow_refused', title: '有一方拒签', reason: '价格未谈妥' },
] as const;

describe.each(ENDS)('$step', ({ step, title, reason }) => {
  test.each([PHONE, DESKTOP])('is seen by whoever has the document open, on a $name', async (window) => {
    const { context, tab } = await openWindow(chromium, window);
    const name = `${step}-${window.name}`;
    const signer = reader(page, name);
    await openDocument(page, tab, name);
    await button(tab, '开始签名').click();
    await button(tab, '点此签名').click();
    await writeName(tab);
    signer.task = { ...signer.task, step, document: null, reason, endedAt: '2026-11-22T02:30:00.000Z' };
    // Under an open dialog as well.
    await heading(tab, title).waitFor();
    expect(await tab.locator(':focus').textContent()).toBe(title);
    if (reason !== null) await tab.getByText(`原因：${reason}`).waitFor();
    expect(await tab.getByRole('dialog').count()).toBe(0);
    await inspect(chromium, tab, window, `end-${step}`);
    await context.close();
  });
});

describe('a link', () => {
  test.each([
    ['expired', '链接已过期'],
    ['nonsense', '链接无效'],
  ])('that is %s says what to do', async (token, title) => {
    const { context, tab } = await openWindow(chromium, PHONE);
    await tab.goto(`${page.url}/sign#${token}`);
    await heading(tab, title).waitFor();
    await inspect(chromium, tab, PHONE, `link-${token}`);
    await context.close();
  });

  test('opened in a tab that has another one goes to the other document', async () => {
    const { context, tab } = await openWindow(chromium, PHONE);
    reader(page, 'first-link');
    const second = page.signer('second-link');
    second.task = { ...second.task, step: 'waiting' };
    await openDocument(page, tab, 'first-link');
    // Only the fragment differs: no browser opens the page anew for it.
    await tab.evaluate(`location.href = ${JSON.stringify(page.linkOf('second-link'))}`);
    await heading(tab, '还没有轮到您').waitFor();
    await inspect(chromium, tab, PHONE, 'waiting');
    expect(tab.url()).toBe(`${page.url}/sign`);
    // Nothing that opens a session stays behind.
    expect(await tab.evaluate<string>('JSON.stringify({ ...sessionStorage, ...localStorage })')).not.toContain(
      'token-of',
    );
    await tab.reload();
    await heading(tab, '还没有轮到您').waitFor();
    await context.close();
  });

  test('a page without one says where to come from', async () => {
    const { context, tab } = await openWindow(chromium, PHONE);
    await tab.goto(`${page.url}/sign`);
    await heading(tab, '请从链接重新进入').waitFor();
    await context.close();
  });
});

test('a session that ended under the open document says so', async () => {
  const { context, tab } = await openWindow(chromium, PHONE);
  const signer = reader(page, 'lost');
  await openDocument(page, tab, 'lost');
  signer.refuseNext('refuse', { error: 'session_replaced' });
  await button(tab, '详情').click();
  await tab.getByRole('dialog').getByRole('button', { name: '拒绝签署' }).click();
  await tab.getByRole('button', { name: '不想继续这笔业务' }).click();
  await tab.getByRole('button', { name: '确认拒签' }).click();
  await heading(tab, '已在另一个标签页打开').waitFor();
  await inspect(chromium, tab, PHONE, 'session-replaced');
  expect(signer.task.step).toBe('document');
  await context.close();
});

describe('the code', () => {
  test('too many wrong ones lock it, and it says until when', async () => {
    const { context, tab } = await openWindow(chromium, PHONE);
    const signer = page.signer('guesser');
    await tab.goto(page.linkOf('guesser'));
    await button(tab, '发送验证码').click();
    signer.refuseNext('code/check', { error: 'code_locked', retryAfter: 900 });
    await tab.getByRole('textbox').fill('000000');
    await tab.getByRole('alert').filter({ hasText: '验证码错误次数过多' }).waitFor();
    await tab.getByText('之后可以重新获取验证码').waitFor();
    await inspect(chromium, tab, PHONE, 'code-locked');
    await context.close();
  });

  test('one that is too old, or sent again too soon, says so', async () => {
    const { context, tab } = await openWindow(chromium, PHONE);
    const signer = page.signer('late');
    await tab.goto(page.linkOf('late'));
    signer.refuseNext('code', { error: 'code_too_soon', retryAfter: 40 });
    await button(tab, '发送验证码').click();
    await tab.getByText('刚刚发过，请稍候再重新发送').waitFor();
    await button(tab, '发送验证码').click();
    signer.refuseNext('code/check', { error: 'code_expired' });
    await tab.getByRole('textbox').fill(CODE);
    await tab.getByText('验证码已过期，请重新发送').waitFor();
    await inspect(chromium, tab, PHONE, 'code-expired');
    await context.close();
  });
});

test('the line breaks: the page says so, keeps what was written, and goes on when it is back', async () => {
  const { context, tab } = await openWindow(chromium, PHONE);
  const signer = reader(page, 'offline', { pages: 9 });
  await openDocument(page, tab, 'offline');
  await button(tab, '开始签名').click();
  await button(tab, '点此签名').click();
  await writeName(tab);
  await button(tab, '使用').click();
  await context.setOffline(true);
  await tab.getByRole('alert').filter({ hasText: '网络已断开' }).waitFor();
  await button(tab, '预览签署效果').click();
  await tab.getByText('网络不通，未能提交').waitFor();
  const number = tab.getByRole('textbox', { name: /跳到第几页/ });
  await number.fill('8');
  await number.press('Enter');
  await tab.getByText('这一页没有加载出来').first().waitFor();
  await inspect(chromium, tab, PHONE, 'offline');
  await context.setOffline(false);
  // The pages come back by themselves, too.
  await tab.getByRole('img', { name: '第 8 页，共 9 页' }).waitFor();
  await tab.getByRole('alert').filter({ hasText: '网络已断开' }).waitFor({ state: 'detached' });
  await button(tab, '预览签署效果').click();
  await heading(tab, '确认签署').waitFor();
  expect(signer.choices).toHaveLength(1);
  await context.close();
});

test('another signature came in before the confirmation: a new preview is shown, and it is confirmed anew', async () => {
  const { context, tab } = await openWindow(chromium, PHONE);
  const signer = reader(page, 'overtaken');
  await openDocument(page, tab, 'overtaken');
  await button(tab, '开始签名').click();
  await button(tab, '点此签名').click();
  await writeName(tab);
  await button(tab, '使用').click();
  await button(tab, '预览签署效果').click();
  await heading(tab, '确认签署').waitFor();
  signer.refuseNext('confirm', { error: 'document_changed' });
  await button(tab, '确认签署').click();
  await tab.getByRole('alert').filter({ hasText: '文件已更新' }).waitFor();
  await expect.poll(() => signer.choices.length).toBe(2);
  await inspect(chromium, tab, PHONE, 'document-changed');
  expect(signer.task.step).toBe('document');
  await button(tab, '确认签署').click();
  await heading(tab, '正在签署').waitFor();
  await context.close();
});

test('a forced reading time runs down before the preview can be made', async () => {
  const { context, tab } = await openWindow(chromium, PHONE);
  const signer = reader(page, 'hasty', { readingSeconds: 30 });
  await openDocument(page, tab, 'hasty');
  await tab.locator('.action-bar .reading-left').waitFor();
  await button(tab, '开始签名').click();
  await button(tab, '点此签名').click();
  await writeName(tab);
  await button(tab, '使用').click();
  const early = tab.getByRole('button', { name: /请先阅读，还需 \d+ 秒/ }).filter({ visible: true });
  expect(await early.getAttribute('aria-disabled')).toBe('true');
  await early.click({ force: true });
  await inspect(chromium, tab, PHONE, 'reading');
  expect(signer.choices).toHaveLength(0);
  // The service has the last word: it counts what was looked at.
  signer.task = { ...signer.task, document: { ...signer.document, readingSecondsLeft: 0 } };
  await button(tab, '预览签署效果').click();
  await heading(tab, '确认签署').waitFor();
  await context.close();
});

describe('in English and in the dark', () => {
  test.each([PHONE, DESKTOP])('every step reads well, on a $name', async (window) => {
    const { context, tab, seen } = await openWindow(chromium, window, { colorScheme: 'dark' });
    await context.addInitScript(`localStorage.setItem('yinxin.language', 'en')`);
    const name = `english-${window.name}`;
    const signer = page.signer(name, { readingSeconds: 0 });
    const check = (what: string) => inspect(chromium, tab, window, `dark-${what}`);
    await tab.goto(page.linkOf(name));
    await heading(tab, 'First, confirm that it is you').waitFor();
    expect(await tab.evaluate<string>('document.documentElement.lang')).toBe('en');
    await button(tab, 'Send the code').click();
    await tab.getByRole('textbox').waitFor();
    await check('code');
    await tab.getByRole('textbox').fill(CODE);
    await tab.getByRole('checkbox').check();
    await check('consent');
    await button(tab, 'Agree and see the document').click();
    await tab.getByRole('img', { name: 'Page 1 of 5' }).waitFor();
    await check('document');
    await button(tab, 'Start signing').click();
    await button(tab, 'Sign here').click();
    await writeName(tab);
    await check('pad');
    await button(tab, 'Use it').click();
    await button(tab, 'Preview').click();
    await heading(tab, 'Confirm').waitFor();
    await check('preview');
    await button(tab, 'Confirm and sign').click();
    await heading(tab, 'Signing').waitFor();
    signer.finish(true);
    await heading(tab, 'Everybody has signed').waitFor();
    await check('done');
    expect(seen.complaints).toEqual([]);
    await context.close();
  });
});

test('texts of others are texts: names and reasons that are markup are read as they are', async () => {
  const { context, tab, seen } = await openWindow(chromium, PHONE);
  const signer = reader(page, 'hostile');
  const hostile = '<img src=x onerror=alert(1)>';
  signer.task = {
    ...signer.task,
    subject: hostile,
    signer: { ...signer.task.signer, name: hostile },
    initiator: { companyName: hostile, memberName: hostile, appName: hostile },
  };
  const dialogs: string[] = [];
  tab.on('dialog', (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await openDocument(page, tab, 'hostile');
  await button(tab, '详情').click();
  await tab.getByText(hostile).first().waitFor();
  signer.task = { ...signer.task, step: 'revoked', document: null, reason: hostile };
  await heading(tab, '发起方已撤销').waitFor();
  await inspect(chromium, tab, PHONE, 'hostile');
  expect(await tab.evaluate<number>('document.querySelectorAll("img[src=x]").length')).toBe(0);
  expect(dialogs).toEqual([]);
  expect(seen.complaints).toEqual([]);
  await context.close();
});

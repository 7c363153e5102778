import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FieldAnswer, SealAnswer } from '../../src/dialects/signer/contract.ts';
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
import { CODE, HANDWRITTEN, startStagedSigner, type StagedSignerPage } from '../support/staged-signer.ts';

let page: StagedSignerPage;
let chromium: TestBrowser;
beforeAll(async () => {
  [page, chromium] = await Promise.all([startStagedSigner(), openBrowser()]);
});
afterAll(async () => {
  await chromium?.close();
  await page?.stop();
});

const SEALS: SealAnswer[] = ['公章', '合同专用章'].map((label, index) => ({
  sealId: `seal-${index + 1}`,
  kind: 'company',
  label,
  pictureUrl: '',
  width: 119,
  height: 119,
}));

describe.each([PHONE, DESKTOP])('on a $name of $width pixels', (window) => {
  test('a signer comes from the link to the signed document', async () => {
    const { context, tab, seen } = await openWindow(chromium, window);
    const name = `full-${window.name}`;
    const signer = page.signer(name, { pages: 5 });
    const check = (what: string) => inspect(chromium, tab, window, what);

    await tab.goto(page.linkOf(name));
    await heading(tab, '先确认是您本人').waitFor();
    // The token leaves the address at once.
    expect(tab.url()).toBe(`${page.url}/sign`);
    await check('1-identity');
    await button(tab, '发送验证码').click();
    const code = tab.getByRole('textbox', { name: '短信验证码' });
    await code.waitFor();
    expect(await code.getAttribute('autocomplete')).toBe('one-time-code');
    expect(await tab.locator(':focus').getAttribute('autocomplete')).toBe('one-time-code');
    await tab.getByRole('button', { name: /秒后可重新发送/ }).waitFor();
    await check('1-code');
    await code.fill('111 111');
    await tab.getByText('验证码不对，还可以试 4 次').waitFor();
    await check('1-code-wrong');
    // A whole message was pasted; its last digit is as good as the button.
    await code.fill(`【印信】验证码 ${CODE}，5 分钟内有效`);

    await heading(tab, '同意用电子方式签署').waitFor();
    expect(await tab.locator(':focus').textContent()).toBe('同意用电子方式签署');
    await button(tab, '同意，查看文件').click();
    await tab.getByText('请先阅读并勾选同意').waitFor();
    await check('2-consent');
    await tab.getByRole('checkbox').check();
    await button(tab, '同意，查看文件').click();

    await tab.getByRole('img', { name: '第 1 页，共 5 页' }).waitFor();
    await check('3-document');
    await button(tab, '开始签名').click();
    await tab.getByRole('img', { name: '第 3 页，共 5 页' }).waitFor();
    expect(await tab.locator(':focus').getAttribute('aria-label')).toBe('签名，第 1 处，共 1 处，还没有填');
    await check('3-mark');
    await button(tab, '点此签名').click();
    await tab.getByRole('dialog', { name: '添加签名' }).waitFor();
    await tab.getByText('请在框内手写姓名').waitFor();
    await check('4-pad-empty');
    await button(tab, '使用').click();
    await tab.getByText('请先写上您的姓名').waitFor();
    await check('4-pad-missing');
    await writeName(tab);
    await check('4-pad-written');
    await button(tab, '使用').click();
    await tab.getByRole('button', { name: '签名，第 1 处，共 1 处，已填，点按可更改' }).waitFor();
    await check('5-filled');
    await button(tab, '预览签署效果').click();
    await heading(tab, '确认签署').waitFor();
    await tab.getByRole('img', { name: '第 3 页' }).waitFor();
    await check('6-preview');
    await button(tab, '返回修改').click();
    await tab.getByRole('img', { name: '第 3 页，共 5 页' }).waitFor();
    await button(tab, '预览签署效果').click();
    await button(tab, '确认签署').click();
    await heading(tab, '正在签署').waitFor();
    await check('7-sealing');
    signer.finish(false);
    await heading(tab, '您已签署').waitFor();
    await check('8-signed');
    signer.finish(true);
    await heading(tab, '全部签署完成').waitFor();
    await check('9-archived');
    const download = tab.waitForEvent('download');
    await tab.getByRole('link', { name: '下载已签文件' }).click();
    expect((await download).suggestedFilename()).toMatch(/\.pdf$/);

    const [choice] = signer.choices[0]!.choices;
    expect(choice).toMatchObject({ fieldId: 'field-1', form: 'handwritten' });
    expect(choice).not.toHaveProperty('points');
    if (choice?.form !== 'handwritten') throw new Error('not by hand');
    expect(choice.handwriting.strokes).toHaveLength(3);
    // Along the phone's long edge as on a screen: it is wider than it is high.
    expect(choice.handwriting.width).toBeGreaterThan(choice.handwriting.height);
    expect(signer.views.map(({ page }) => page)).toContain(3);
    expect(seen.complaints).toEqual([]);
    expect([...seen.hosts]).toEqual([new URL(page.url).host]);
    await context.close();
  });

  test('a company’s employee chooses among its seals, and the first place fills the others', async () => {
    const { context, tab, seen } = await openWindow(chromium, window);
    const fields: FieldAnswer[] = [
      {
        ...HANDWRITTEN,
        fieldId: 'a',
        forms: ['company'],
        placement: { kind: 'page', points: [{ page: 2, x: 300, y: 400 }] },
        datePoints: [],
      },
      {
        ...HANDWRITTEN,
        fieldId: 'b',
        forms: ['company'],
        placement: { kind: 'cross-page', pages: [1, 2, 3], y: 500 },
        datePoints: [],
      },
    ];
    const signer = reader(page, `company-${window.name}`, {
      pages: 3,
      fields,
      seals: SEALS,
      signsFor: '北京易楼房地产经纪有限公司',
    });
    await openDocument(page, tab, `company-${window.name}`);
    await inspect(chromium, tab, window, 'company-document');
    await button(tab, '开始盖章').click();
    await button(tab, '点此盖章').click();
    const dialog = tab.getByRole('dialog', { name: '选择印章' });
    await dialog.getByRole('radio', { name: '合同专用章' }).check();
    await inspect(chromium, tab, window, 'company-seals');
    expect(await dialog.getByRole('checkbox', { name: '其余 1 处也用它' }).isChecked()).toBe(true);
    await button(tab, '使用').click();
    await inspect(chromium, tab, window, 'company-filled');
    await button(tab, '预览签署效果').click();
    await tab.getByText('代表 北京易楼房地产经纪有限公司 认可').waitFor();
    await inspect(chromium, tab, window, 'company-preview');
    expect(signer.choices[0]!.choices).toEqual([
      { fieldId: 'a', form: 'company', sealId: 'seal-2' },
      { fieldId: 'b', form: 'company', sealId: 'seal-2' },
    ]);
    expect(seen.complaints).toEqual([]);
    await context.close();
  });

  test('who refuses says why, twice asked', async () => {
    const { context, tab } = await openWindow(chromium, window);
    const signer = reader(page, `refuser-${window.name}`);
    await openDocument(page, tab, `refuser-${window.name}`);
    if (window.name === 'phone') {
      await button(tab, '详情').click();
      await tab.getByRole('dialog', { name: '这次签署' }).waitFor();
      await inspect(chromium, tab, window, 'details');
    }
    await button(tab, '拒绝签署').last().click();
    const dialog = tab.getByRole('dialog', { name: '拒绝签署' });
    await dialog.getByRole('button', { name: '确认拒签' }).click();
    await tab.getByText('请填写原因').waitFor();
    await inspect(chromium, tab, window, 'refuse');
    await dialog.getByRole('button', { name: '文件内容与约定不符' }).click();
    await dialog.getByRole('button', { name: '确认拒签' }).click();
    await heading(tab, '您已拒签').waitFor();
    await tab.getByText('原因：文件内容与约定不符').waitFor();
    await inspect(chromium, tab, window, 'refused');
    expect(signer.task.reason).toBe('文件内容与约定不符');
    await context.close();
  });
});

test('with the keyboard alone, and no pen: from the code to the end', async () => {
  const { context, tab } = await openWindow(chromium, DESKTOP, { reducedMotion: 'reduce' });
  const signer = page.signer('keys', { pages: 3 });
  const focused = () =>
    tab.evaluate<string>('document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent');
  const tabTo = async (name: RegExp): Promise<void> => {
    for (let presses = 0; presses < 40; presses += 1) {
      if (name.test(await focused())) return;
      await tab.keyboard.press('Tab');
    }
    throw new Error(`no way to ${name}`);
  };
  await tab.goto(page.linkOf('keys'));
  await heading(tab, '先确认是您本人').waitFor();
  await tabTo(/^发送验证码/);
  await tab.keyboard.press('Enter');
  await tab.getByRole('textbox', { name: '短信验证码' }).waitFor();
  await tab.keyboard.type(CODE);
  await heading(tab, '同意用电子方式签署').waitFor();
  await tab.keyboard.press('Tab');
  await tab.keyboard.press('Space');
  await tab.keyboard.press('Enter');
  await tab.getByRole('img', { name: /^第 1 页/ }).waitFor();
  await tabTo(/^开始签名/);
  await tab.keyboard.press('Enter');
  await expect.poll(focused).toMatch(/还没有填/);
  await tab.keyboard.press('Enter');
  await tab.getByRole('dialog', { name: '添加签名' }).waitFor();
  // The form is a pair of radio buttons: an arrow key changes it.
  await tab.keyboard.press('Tab');
  await tab.keyboard.press('ArrowRight');
  await tab.getByRole('radio', { name: '姓名章' }).last().waitFor();
  await tabTo(/^使用/);
  await tab.keyboard.press('Enter');
  // The focus is where it was.
  await expect.poll(focused).toMatch(/已填/);
  await tabTo(/^预览签署效果/);
  await tab.keyboard.press('Enter');
  await expect.poll(focused).toBe('确认签署');
  await tabTo(/^返回修改/);
  await tab.keyboard.press('Tab');
  await tab.keyboard.press('Enter');
  await heading(tab, '正在签署').waitFor();
  signer.finish(true);
  await heading(tab, '全部签署完成').waitFor();
  expect(signer.choices[0]!.choices).toEqual([{ fieldId: 'field-1', form: 'template', sealId: 'seal-name' }]);
  await context.close();
});

test('a screen hands over to the phone by a code, and goes on by itself', async () => {
  const { context, tab } = await openWindow(chromium, DESKTOP);
  const signer = reader(page, 'handover');
  await openDocument(page, tab, 'handover');
  await button(tab, '用手机签名').click();
  await tab.getByRole('img', { name: '在手机上继续签署的二维码' }).waitFor();
  await inspect(chromium, tab, DESKTOP, 'handover');
  signer.task = { ...signer.task, step: 'sealing', document: null };
  await heading(tab, '正在签署').waitFor();
  await context.close();
});

test.each([PHONE, DESKTOP])('a signature that cannot be made yet is told calmly', async (size) => {
  const { context, tab } = await openWindow(chromium, size);
  const name = `delayed-${size.width}`;
  const signer = reader(page, name);
  signer.task = { ...signer.task, step: 'sealing', document: null, delayedSince: '2026-11-22T02:40:00.000Z' };
  await tab.goto(page.linkOf(name));
  await tab.getByText('您的确认已经生效，签名需要多等一会儿').waitFor();
  await tab.getByText('处理后会自动继续，您无需再做什么').waitFor();
  await inspect(chromium, tab, size, name);
  await tab.evaluate(`localStorage.setItem('yinxin.language', 'en')`);
  await tab.reload();
  await tab.getByText('Your confirmation holds; the signature takes longer').waitFor();
  signer.task = { ...signer.task, step: 'signed' };
  await tab.getByText('One of the seals takes longer').waitFor();
  signer.task = { ...signer.task, delayedSince: null, isArchived: true };
  await heading(tab, 'Everybody has signed').waitFor();
  expect(await tab.getByText('One of the seals takes longer').count()).toBe(0);
  await context.close();
});

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { openBrowser, type TestBrowser } from '../support/browser.ts';
import { faultsOf } from '../support/page-faults.ts';
import { stream } from '../support/raw-pdf.ts';
import { blankPdf } from '../support/signed-pdf.ts';
import { button, DESKTOP, heading, openWindow, PHONE, type Window } from '../support/signing-window.ts';
import {
  changed,
  contractWithEverything,
  edited,
  sealed,
  signatureObjects,
  signedContract,
} from '../support/tampering.ts';
import { startValidationService, type ValidationService } from '../support/validation-service.ts';

/** Of the page's own world, which this project's types do not know. */
const FOCUSED = 'document.activeElement.textContent';
const DROPPED = `(() => {
  const given = new DataTransfer();
  given.items.add(new File(['hello'], 'a.pdf', { type: 'application/pdf' }));
  return given;
})()`;

let service: ValidationService;
let chromium: TestBrowser;
const files = new Map<string, string>();

beforeAll(async () => {
  const { roots, signed, signer, other } = await signedContract();
  [service, chromium] = await Promise.all([startValidationService({ roots, withPage: true }), openBrowser()]);
  const stranger = await sealed(await blankPdf(1), '丙', (await signedContract()).signer);
  const twice = await sealed(signed, '乙', other, 450);
  const tampered = changed(
    edited(twice, { 7: stream('', Buffer.from('(Rent: 9000) Tj')) }),
    signatureObjects(twice).field,
    /\/Rect \[[^\]]*\]/,
    '/Rect [0 0 50 50]',
  );
  const broken = Buffer.from(await sealed(contractWithEverything(), '甲', signer));
  broken.write('9', broken.indexOf('Rent: 1000') + 6);
  const all = { twice, tampered, broken, stranger, unsigned: await blankPdf(1), other: Buffer.from('hello') };
  for (const [name, bytes] of Object.entries(all)) {
    const file = join(chromium.folder, `${name}.pdf`);
    await writeFile(file, bytes);
    files.set(name, file);
  }
});
afterAll(async () => {
  await chromium?.close();
  await service?.stop();
});

async function inspect(tab: Page, window: Window, name: string): Promise<void> {
  const file = `validate-${window.name}-${name}.png`;
  await tab.screenshot({ path: join(process.env['YINXIN_SCREENSHOTS'] ?? chromium.folder, file), fullPage: true });
  expect(await faultsOf(tab), file).toEqual([]);
}

async function choose(tab: Page, name: string): Promise<void> {
  const chooser = tab.waitForEvent('filechooser');
  await button(tab, '选择 PDF 文件').click();
  await (await chooser).setFiles(files.get(name) ?? '');
}

describe.each([PHONE, DESKTOP])('in a $name window', (window) => {
  test('a file is chosen, and what is to be said of it is read', async () => {
    const { context, tab, seen } = await openWindow(chromium, window);
    await tab.goto(`${service.url}/validate`);
    await heading(tab, '检查 PDF 的签名').waitFor();
    await inspect(tab, window, 'empty');

    await choose(tab, 'twice');
    await heading(tab, '签名有效').waitFor();
    // Whoever reads by ear is told at once, and goes on from there.
    expect(await tab.evaluate<string>(FOCUSED)).toBe('签名有效');
    await tab.getByRole('region', { name: '上海甲房地产经纪有限公司' }).waitFor();
    expect(await tab.getByRole('region', { name: '北京乙置业有限公司' }).textContent()).toContain('覆盖整个文件');
    expect(await tab.getByText('UTC+08:00').count()).toBeGreaterThan(0);
    await inspect(tab, window, 'valid');

    await button(tab, '检查另一份文件').click();
    await choose(tab, 'tampered');
    await heading(tab, '文件在签名之后被改动过').waitFor();
    const first = tab.getByRole('region', { name: '上海甲房地产经纪有限公司' });
    const list = first.locator('.list.error');
    expect(await list.textContent()).toContain('页面内容被改动 第 1 页');
    expect(await list.textContent()).toContain('印章的外观或位置被改动');
    await inspect(tab, window, 'changed');

    await tab.getByRole('button', { name: 'Switch to English' }).click();
    await heading(tab, 'The file was changed after it was signed').waitFor();
    expect(await list.textContent()).toContain('The page’s content was changed');
    await inspect(tab, window, 'changed-en');
    expect(seen.complaints).toEqual([]);
    expect([...seen.hosts]).toEqual([new URL(service.url).host]);
    await context.close();
  });

  test('every other verdict, and what is no PDF', async () => {
    const { context, tab, seen } = await openWindow(chromium, window);
    await tab.goto(`${service.url}/validate`);
    const verdicts = { broken: '有签名无效', stranger: '无法确定', unsigned: '文件没有签名', other: '这不是 PDF 文件' };
    for (const [name, title] of Object.entries(verdicts)) {
      await choose(tab, name);
      await heading(tab, title).waitFor();
      await inspect(tab, window, name);
      await button(tab, '检查另一份文件').click();
    }
    expect(seen.complaints).toEqual([]);
    await context.close();
  });
});

test('the keyboard alone suffices', async () => {
  const { context, tab } = await openWindow(chromium, DESKTOP);
  await tab.goto(`${service.url}/validate`);
  await heading(tab, '检查 PDF 的签名').waitFor();
  // Asked for early: a key is pressed before the browser has been told to hand its chooser over.
  const chooser = tab.waitForEvent('filechooser');
  const focused = () => tab.evaluate<string>(FOCUSED);
  for (let presses = 0; presses < 6 && (await focused()) !== '选择 PDF 文件'; presses += 1)
    await tab.keyboard.press('Tab');
  await tab.keyboard.press('Enter');
  await (await chooser).setFiles(files.get('twice') ?? '');
  await heading(tab, '签名有效').waitFor();
  for (let presses = 0; presses < 4 && (await focused()) !== '检查另一份文件'; presses += 1)
    await tab.keyboard.press('Tab');
  await tab.keyboard.press('Enter');
  await heading(tab, '检查 PDF 的签名').waitFor();
  await context.close();
});

test('a file is dropped on the page', async () => {
  const { context, tab } = await openWindow(chromium, DESKTOP);
  await tab.goto(`${service.url}/validate`);
  await heading(tab, '检查 PDF 的签名').waitFor();
  const transfer = await tab.evaluateHandle(DROPPED);
  await tab.dispatchEvent('body', 'dragover', { dataTransfer: transfer });
  await tab.getByText('松开即可检查').waitFor();
  await tab.dispatchEvent('body', 'drop', { dataTransfer: transfer });
  await heading(tab, '这不是 PDF 文件').waitFor();
  await context.close();
});

test('without a network it says so, and the file is kept for another try', async () => {
  const { context, tab } = await openWindow(chromium, PHONE);
  await tab.goto(`${service.url}/validate`);
  await heading(tab, '检查 PDF 的签名').waitFor();
  await context.setOffline(true);
  await tab.getByRole('alert').filter({ hasText: '网络已断开' }).waitFor();
  await choose(tab, 'twice');
  await heading(tab, '网络不通').waitFor();
  await inspect(tab, PHONE, 'offline');
  await context.setOffline(false);
  await button(tab, '重试').click();
  await heading(tab, '签名有效').waitFor();
  await context.close();
});

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FieldAnswer } from '../../src/dialects/signer/contract.ts';
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
import { HANDWRITTEN, startStagedSigner, type StagedSignerPage } from '../support/staged-signer.ts';

let page: StagedSignerPage;
let chromium: TestBrowser;
beforeAll(async () => {
  [page, chromium] = await Promise.all([startStagedSigner(), openBrowser()]);
});
afterAll(async () => {
  await chromium?.close();
  await page?.stop();
});

describe('free placement', () => {
  const FREE: FieldAnswer = {
    fieldId: 'free',
    placement: { kind: 'free' },
    width: null,
    forms: ['template'],
    datePoints: [],
  };
  const mark = (tab: Page) => tab.getByRole('button', { name: /用方向键移动/ });

  test('a seal is pulled with the mouse, over pages, and moved by keys', async () => {
    const { context, tab } = await openWindow(chromium, DESKTOP);
    const signer = reader(page, 'free-mouse', { pages: 4, fields: [FREE] });
    await openDocument(page, tab, 'free-mouse');
    await button(tab, '点此签名').click();
    await button(tab, '使用').click();
    await mark(tab).waitFor();
    await inspect(chromium, tab, DESKTOP, 'free');
    const send = async (): Promise<{ page: number; x: number; y: number }> => {
      await button(tab, '预览签署效果').click();
      await heading(tab, '确认签署').waitFor();
      await button(tab, '返回修改').click();
      await mark(tab).waitFor();
      return signer.choices.at(-1)!.choices[0]!.points![0]!;
    };
    const first = await send();
    expect(first.page).toBe(1);

    const box = (await mark(tab).boundingBox())!;
    await tab.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await tab.mouse.down();
    await tab.mouse.move(box.x + 150, box.y + 90, { steps: 6 });
    await tab.mouse.up();
    const pulled = await send();
    expect(pulled.page).toBe(1);
    expect(pulled.x).toBeGreaterThan(first.x + 30);
    expect(pulled.y).toBeLessThan(first.y - 10);

    // At the edge of the window the document comes along.
    const again = (await mark(tab).boundingBox())!;
    await tab.mouse.move(again.x + again.width / 2, again.y + again.height / 2);
    await tab.mouse.down();
    await tab.mouse.move(600, 880, { steps: 8 });
    await expect
      .poll(() => tab.getByRole('textbox', { name: /跳到第几页/ }).inputValue(), { timeout: 15_000 })
      .toBe('3');
    await tab.mouse.up();
    const far = await send();
    expect(far.page).toBeGreaterThanOrEqual(3);

    await mark(tab).focus();
    await tab.keyboard.press('Shift+ArrowLeft');
    await tab.keyboard.press('ArrowUp');
    const stepped = await send();
    expect(stepped.x).toBeCloseTo(far.x - 24, 1);
    expect(stepped.y).toBeCloseTo(far.y + 4, 1);
    // Over many pages nobody pulls: it is told to come.
    const number = tab.getByRole('textbox', { name: /跳到第几页/ });
    await number.fill('1');
    await number.press('Enter');
    await button(tab, '把它移到这一页').click();
    expect((await send()).page).toBe(1);
    await mark(tab).focus();
    await tab.keyboard.press('PageDown');
    expect((await send()).page).toBe(2);
    await context.close();
  });

  test('a finger pulls it, and the page under it does not move', async () => {
    const { context, tab } = await openWindow(chromium, PHONE);
    const signer = reader(page, 'free-touch', { pages: 2, fields: [FREE] });
    await openDocument(page, tab, 'free-touch');
    await button(tab, '点此签名').click();
    await button(tab, '使用').click();
    await mark(tab).waitFor();
    const box = (await mark(tab).boundingBox())!;
    const client = await context.newCDPSession(tab);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', x: number, y: number) =>
      client.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x, y }] });
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const before = await tab.evaluate<number>('document.querySelector(".page-window").scrollTop');
    await touch('touchStart', x, y);
    for (let step = 1; step <= 8; step += 1) await touch('touchMove', x - step * 8, y - step * 12);
    await touch('touchEnd', 0, 0);
    expect(await tab.evaluate<number>('document.querySelector(".page-window").scrollTop')).toBe(before);
    const moved = (await mark(tab).boundingBox())!;
    expect(moved.x).toBeCloseTo(box.x - 64, 0);
    expect(moved.y).toBeCloseTo(box.y - 96, 0);
    await inspect(chromium, tab, PHONE, 'free-touch');
    await button(tab, '预览签署效果').click();
    await heading(tab, '确认签署').waitFor();
    expect(signer.choices[0]!.choices[0]!.points![0]!.page).toBe(1);
    await context.close();
  });
});

describe('200 pages', () => {
  test('only what is near is loaded, and what is far is let go; nothing moves when a picture comes', async () => {
    const { context, tab } = await openWindow(chromium, PHONE, { deviceScaleFactor: 2 });
    const signer = reader(page, 'long', {
      pages: 200,
      fields: [{ ...HANDWRITTEN, placement: { kind: 'page', points: [{ page: 150, x: 300, y: 300 }] } }],
    });
    await openDocument(page, tab, 'long');
    await expect.poll(() => new Set(signer.picturesAsked.map(({ page }) => page)).size).toBeGreaterThanOrEqual(2);
    expect(Math.max(...signer.picturesAsked.map(({ page }) => page))).toBeLessThanOrEqual(5);
    expect(signer.picturesAsked[0]).toEqual({ page: 1, width: 720 });
    const height = await tab.evaluate<number>('document.querySelector(".page-window").scrollHeight');
    expect(height).toBeGreaterThan(200 * 500);

    await button(tab, '开始签名').click();
    await tab.getByRole('img', { name: '第 150 页，共 200 页' }).waitFor();
    // What was passed on the way was never asked for.
    expect(signer.picturesAsked.some(({ page }) => page > 20 && page < 140)).toBe(false);
    await expect.poll(() => tab.getByRole('img', { name: /^第 \d+ 页/ }).count()).toBeLessThanOrEqual(6);
    expect(await tab.getByRole('img', { name: '第 1 页，共 200 页' }).count()).toBe(0);
    expect(await tab.evaluate<number>('document.querySelector(".page-window").scrollHeight')).toBe(height);

    const number = tab.getByRole('textbox', { name: /跳到第几页/ });
    await number.fill('77');
    await number.press('Enter');
    await tab.getByRole('img', { name: '第 77 页，共 200 页' }).waitFor();
    expect(await number.inputValue()).toBe('77');
    await inspect(chromium, tab, PHONE, 'long');

    // Larger, and the same page stays before the reader.
    await button(tab, '放大').click();
    await button(tab, '放大').click();
    await expect.poll(() => signer.picturesAsked.at(-1)?.width, { timeout: 15_000 }).toBe(1280);
    expect(await number.inputValue()).toBe('77');
    await inspect(chromium, tab, PHONE, 'long-zoomed');
    // Turned on its side as well.
    await tab.setViewportSize({ width: 812, height: 375 });
    await tab.getByRole('img', { name: '第 77 页，共 200 页' }).waitFor();
    await expect.poll(() => number.inputValue()).toBe('77');
    await context.close();
  });

  test('two fingers make it larger where they are', async () => {
    const { context, tab } = await openWindow(chromium, PHONE);
    reader(page, 'pinch', { pages: 30 });
    await openDocument(page, tab, 'pinch');
    const width = async (): Promise<number> => (await tab.getByRole('img', { name: /^第 1 页/ }).boundingBox())!.width;
    const before = await width();
    const client = await context.newCDPSession(tab);
    const fingers = (apart: number) => [
      { x: 187 - apart, y: 300, id: 1 },
      { x: 187 + apart, y: 300, id: 2 },
    ];
    await client.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: fingers(40) });
    for (let apart = 45; apart <= 80; apart += 5) {
      await client.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: fingers(apart) });
    }
    await client.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await expect.poll(width).toBeCloseTo(before * 2, -1);
    await context.close();
  });
});

test('a writing survives the turning of the phone, an undone stroke and a fresh start', async () => {
  const { context, tab } = await openWindow(chromium, PHONE);
  const signer = reader(page, 'turner');
  await openDocument(page, tab, 'turner');
  await button(tab, '开始签名').click();
  await button(tab, '点此签名').click();
  await writeName(tab);
  await tab.setViewportSize({ width: 812, height: 375 });
  await inspect(chromium, tab, PHONE, 'pad-sideways');
  await button(tab, '撤销一笔').click();
  await button(tab, '使用').click();
  await button(tab, '预览签署效果').click();
  await heading(tab, '确认签署').waitFor();
  const [choice] = signer.choices[0]!.choices;
  if (choice?.form !== 'handwritten') throw new Error('not by hand');
  expect(choice.handwriting.strokes).toHaveLength(2);
  expect(choice.handwriting.width).toBeGreaterThan(choice.handwriting.height);

  await button(tab, '返回修改').click();
  await tab.getByRole('button', { name: /已填，点按可更改/ }).click();
  await writeName(tab);
  await button(tab, '重写').click();
  await tab.getByText('请在框内手写姓名').waitFor();
  await tab.keyboard.press('Escape');
  await tab.getByRole('button', { name: /已填，点按可更改/ }).waitFor();
  await context.close();
});

test('the browser’s way back closes what stands over the document, and nothing that was written is lost', async () => {
  const { context, tab } = await openWindow(chromium, PHONE);
  const signer = reader(page, 'back');
  await openDocument(page, tab, 'back');
  await button(tab, '开始签名').click();
  await button(tab, '点此签名').click();
  await tab.getByRole('dialog', { name: '添加签名' }).waitFor();
  await tab.goBack();
  await tab.getByRole('dialog').waitFor({ state: 'detached' });
  await button(tab, '点此签名').click();
  await writeName(tab);
  await button(tab, '使用').click();
  await button(tab, '预览签署效果').click();
  await heading(tab, '确认签署').waitFor();
  await tab.goBack();
  await tab.getByRole('button', { name: /已填，点按可更改/ }).waitFor();
  await button(tab, '预览签署效果').click();
  await button(tab, '确认签署').click();
  await heading(tab, '正在签署').waitFor();
  signer.finish(true);
  await heading(tab, '全部签署完成').waitFor();
  expect(signer.choices).toHaveLength(2);
  await context.close();
});

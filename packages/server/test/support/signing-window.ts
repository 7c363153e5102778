import { join } from 'node:path';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { TestBrowser } from './browser.ts';
import { faultsOf, watch, type Watched } from './page-faults.ts';
import type { Staged, StagedSignerPage } from './staged-signer.ts';

export interface Window {
  name: string;
  width: number;
  height: number;
}
export const PHONE: Window = { name: 'phone', width: 375, height: 812 };
export const DESKTOP: Window = { name: 'desktop', width: 1280, height: 900 };

export interface OpenWindow {
  context: BrowserContext;
  tab: Page;
  seen: Watched;
}

/** A window of a browser that nobody used before. */
export async function openWindow({ browser }: TestBrowser, window: Window, more: object = {}): Promise<OpenWindow> {
  const context = await browser.newContext({
    viewport: { width: window.width, height: window.height },
    hasTouch: window.name === 'phone',
    locale: 'zh-CN',
    ...more,
  });
  const tab = await context.newPage();
  tab.setDefaultTimeout(20_000);
  return { context, tab, seen: watch(tab) };
}

export const heading = (tab: Page, name: string): Locator => tab.getByRole('heading', { level: 1, name });
/** The one that is shown: some stand beside the document in a wide window and below it in a narrow one. */
export const button = (tab: Page, name: string): Locator =>
  tab.getByRole('button', { name, exact: true }).filter({ visible: true });

/** Nothing sticks out, every text can be read, and a picture is kept. */
export async function inspect({ folder }: TestBrowser, tab: Page, window: Window, name: string): Promise<void> {
  const file = `sign-${window.name}-${name}.png`;
  await colorsAtRest(tab);
  await tab.screenshot({ path: join(process.env['YINXIN_SCREENSHOTS'] ?? folder, file) });
  expect(await faultsOf(tab), file).toEqual([]);
}

/** What changes its colours does so within an instant: a look in between would read one colour over the other. */
async function colorsAtRest(tab: Page): Promise<void> {
  await tab.evaluate(`Promise.allSettled(
    document.getAnimations()
      .filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity)
      .map(({ finished }) => finished)
  ).then(() => undefined)`);
}

/** A signer whose next step is the document. */
export function reader(
  page: StagedSignerPage,
  name: string,
  changed: Parameters<StagedSignerPage['signer']>[1] = {},
): Staged {
  const signer = page.signer(name, changed);
  signer.task = { ...signer.task, step: 'document', document: signer.document };
  return signer;
}

export async function openDocument(page: StagedSignerPage, tab: Page, name: string): Promise<void> {
  await tab.goto(page.linkOf(name));
  await tab.getByRole('img', { name: /^第 1 页/ }).waitFor();
}

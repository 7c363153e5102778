import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { chromium, type Browser } from 'playwright-core';
import { makeTemporaryFolder } from './temporary-folder.ts';

const SEAL_FONT = fileURLToPath(new URL('../../assets/fonts/NotoSerifSC-SemiBold.subset.ttf.br', import.meta.url));

/** Nothing that a browser does by itself: no first-run page, no component update, no request that a test did not make. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface TestBrowser {
  browser: Browser;
  /** For screenshots and whatever else a test leaves behind. */
  folder: string;
  close(): Promise<void>;
}

/** The system's Chromium. It can write Chinese on a machine without a Chinese font: it is lent the one of the seals. */
export async function openBrowser(): Promise<TestBrowser> {
  const folder = await makeTemporaryFolder('yinxin-browser-');
  const font = await promisify(brotliDecompress)(await readFile(SEAL_FONT));
  await writeFile(join(folder, 'seal-font.ttf'), font);
  const configuration = join(folder, 'fonts.conf');
  await writeFile(
    configuration,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${folder}</dir>` +
      `<include ignore_missing="yes">/etc/fonts/fonts.conf</include><cachedir>${folder}/cache</cachedir></fontconfig>`,
  );
  const browser = await chromium.launch({
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    args: ARGUMENTS,
    // In a locale without Chinese it would name every download `download`.
    env: { ...process.env, FONTCONFIG_FILE: configuration, LC_ALL: 'C.UTF-8' },
  });
  return {
    browser,
    folder,
    async close() {
      await browser.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

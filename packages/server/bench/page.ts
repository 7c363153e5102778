import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CDPSession, Page } from 'playwright-core';
import { openBrowser, type TestBrowser } from '../test/support/browser.ts';
import type { SignerClient } from '../test/support/signer-client.ts';
import { median } from './support/load.ts';
import { progress, readOptions } from './support/options.ts';
import { startSigningPageSite, type SigningPageSite } from './support/signing-page-site.ts';

const ABOUT = `npm run bench -- page

How long a signer on a slow phone waits for the first readable page of a long contract on the signing page: a window of 375
pixels at two device pixels each, its processor slowed down, its line narrowed by the browser. Cold: nothing of the page is
in the browser yet, as when the link is opened anew. Warm: the page's files are there, as on every later visit. Beside them
the picture of that page alone, opened by itself: nobody can be faster over that line. Wanted: below 2 seconds.`;

interface Options {
  readonly rounds: number;
  readonly pages: number;
  readonly slowdown: number;
  readonly kilobits: number;
  readonly latency: number;
  readonly [name: string]: number;
}

const WINDOW = { viewport: { width: 375, height: 812 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
const PICTURE_WIDTH = 720;
const WANTED_MS = 2_000;

/**
 * Notes when the first page's picture was painted: a frame after it came, as milliseconds since the navigation began. A
 * string, since it runs in the browser.
 */
const NOTE_FIRST_PAGE = `document.addEventListener('load', ({ target }) => {
  if (!(target instanceof HTMLImageElement) || !target.closest('[data-page="1"]')) return;
  requestAnimationFrame(() => requestAnimationFrame(() => { window.firstPageMs ??= performance.now(); }));
}, true);`;
const FIRST_PAGE_MS = `new Promise((resolve) => {
  const look = () => (window.firstPageMs === undefined ? setTimeout(look, 5) : resolve(window.firstPageMs));
  look();
})`;

interface Visit {
  readonly milliseconds: number;
  /** What came over the line until then. */
  readonly kilobytes: number;
  readonly requests: number;
}

export async function run(args: readonly string[]): Promise<void> {
  const options = readOptions<Options>(args, ABOUT, {
    rounds: { default: 7, text: 'visits of each kind, in turn' },
    pages: { default: 200, text: 'pages of the contract' },
    slowdown: { default: 4, text: 'how many times slower the processor is' },
    kilobits: { default: 1_600, text: 'kilobits a second of the line' },
    latency: { default: 150, text: 'milliseconds of a round trip' },
  });
  if (options === null) return;
  const folder = await mkdtemp(join(tmpdir(), 'yinxin-bench-'));
  // Passable for the database's unprivileged user, should root run this.
  await chmod(folder, 0o711);
  const chromium = await openBrowser();
  try {
    await using site = await startSigningPageSite(folder, options.pages);
    await compare(chromium, site, options);
  } finally {
    await chromium.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function compare(chromium: TestBrowser, site: SigningPageSite, options: Options): Promise<void> {
  const signer = await site.reader();
  const { document } = await signer.task();
  const picture = `${site.url}/sign/v1/pages/1?width=${PICTURE_WIDTH}&session=${signer.session}&of=${document?.sha256}`;
  const measured = { cold: [] as Visit[], warm: [] as Visit[], picture: [] as Visit[] };
  // Once for nothing: the service draws a page for whoever comes first, and keeps it.
  await visitPage(chromium, site, signer, options);
  for (let round = 1; round <= options.rounds; round += 1) {
    progress(`round ${round} of ${options.rounds}`);
    const { cold, warm } = await visitPage(chromium, site, signer, options);
    measured.cold.push(cold);
    measured.warm.push(warm);
    measured.picture.push(await visitPicture(chromium, signer, picture, options));
  }
  const bare = measured.picture.map(({ milliseconds }) => milliseconds);
  console.log(
    `${options.pages} pages, processor ${options.slowdown} times slower, ${options.kilobits} kbit/s, ${options.latency} ms`,
  );
  for (const [name, visits] of Object.entries(measured)) {
    const times = visits.map(({ milliseconds }) => milliseconds);
    const middle = median(times);
    const ratio = median(times.map((each, round) => each / (bare[round] ?? Number.NaN)));
    console.log(
      `${name.padEnd(8)} ${middle.toFixed(0).padStart(5)} ms (${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)}), ` +
        `${ratio.toFixed(2)} × the picture alone, ${(middle / WANTED_MS).toFixed(2)} of what is wanted; ` +
        `${median(visits.map(({ kilobytes }) => kilobytes)).toFixed(0)} KB in ${visits.at(-1)?.requests} requests`,
    );
  }
}

/** A browser that has never seen the page, and then the same one again. */
async function visitPage(
  chromium: TestBrowser,
  site: SigningPageSite,
  signer: SignerClient,
  options: Options,
): Promise<{ cold: Visit; warm: Visit }> {
  const { tab, close } = await openPhone(chromium, signer, site.url, options);
  try {
    return { cold: await visit(tab, `${site.url}/sign`, options), warm: await visit(tab, `${site.url}/sign`, options) };
  } finally {
    await close();
  }
}

async function visitPicture(
  chromium: TestBrowser,
  signer: SignerClient,
  url: string,
  options: Options,
): Promise<Visit> {
  const { tab, close } = await openPhone(chromium, signer, url, options);
  const session = await tab.context().newCDPSession(tab);
  try {
    const line = await countBytes(session);
    await throttle(session, options);
    await tab.goto(url);
    const milliseconds = await tab.evaluate<number>(`new Promise((resolve) =>
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now()))))`);
    return { milliseconds, ...line() };
  } finally {
    await close();
  }
}

async function visit(tab: Page, url: string, options: Options): Promise<Visit> {
  const session = await tab.context().newCDPSession(tab);
  const line = await countBytes(session);
  await throttle(session, options);
  await tab.goto(url, { waitUntil: 'commit' });
  const milliseconds = await tab.evaluate<number>(FIRST_PAGE_MS);
  const seen = line();
  await session.detach();
  return { milliseconds, ...seen };
}

async function openPhone(
  { browser }: TestBrowser,
  signer: SignerClient,
  url: string,
  options: Options,
): Promise<{ tab: Page; close: () => Promise<void> }> {
  const context = await browser.newContext(WINDOW);
  const [name = '', value = ''] = signer.cookie.split('=');
  await context.addCookies([{ name, value, domain: new URL(url).hostname, path: '/sign/', httpOnly: true }]);
  await context.addInitScript(`sessionStorage.setItem('yinxin.sign.session', ${JSON.stringify(signer.session)})`);
  await context.addInitScript(NOTE_FIRST_PAGE);
  const tab = await context.newPage();
  tab.setDefaultTimeout(options.slowdown * 20_000);
  return { tab, close: () => context.close() };
}

async function throttle(session: CDPSession, { slowdown, kilobits, latency }: Options): Promise<void> {
  const bytesPerSecond = (kilobits * 1_000) / 8;
  await session.send('Network.enable');
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency,
    downloadThroughput: bytesPerSecond,
    uploadThroughput: bytesPerSecond / 2,
  });
  await session.send('Emulation.setCPUThrottlingRate', { rate: slowdown });
}

/** Answers how to ask what has come over the line so far. */
async function countBytes(session: CDPSession): Promise<() => Pick<Visit, 'kilobytes' | 'requests'>> {
  let bytes = 0;
  let requests = 0;
  session.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
    if (encodedDataLength > 0) requests += 1;
  });
  await session.send('Network.enable');
  return () => ({ kilobytes: bytes / 1024, requests });
}

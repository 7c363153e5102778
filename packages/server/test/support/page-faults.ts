import type { Page } from 'playwright-core';

/** What a page did while a test watched. */
export interface Watched {
  /** Errors of its scripts and of the console, refusals of its content policy among them. */
  complaints: string[];
  /** Whom it asked. */
  hosts: Set<string>;
}

export function watch(page: Page): Watched {
  const watched: Watched = { complaints: [], hosts: new Set() };
  page.on('pageerror', (error) => watched.complaints.push(String(error)));
  page.on('console', (message) => {
    const text = message.text();
    // The browser's own line about an answer that the page expects, such as a field that is not right.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) watched.complaints.push(text);
  });
  page.on('request', (request) => watched.hosts.add(new URL(request.url()).host));
  return watched;
}

/** What the page's own test finds wrong with it as it stands now: `findFaults` in packages/web/test. */
export async function faultsOf(page: Page): Promise<string[]> {
  return page.evaluate(await findFaults());
}

/** Written for a browser, so the page's project checks its types and this one does not look into it. */
async function findFaults(): Promise<() => string[]> {
  const path = new URL('../../../web/test/page-faults.ts', import.meta.url).href;
  const module = (await import(path)) as { findFaults: () => string[] };
  return module.findFaults;
}

import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { SERVICE_FILE } from '../platform/data-directory.ts';

/** The URL of an open socket; a socket on every address is reached on loopback. */
export function urlOf({ address, family, port }: AddressInfo): string {
  const everywhere = address === '0.0.0.0' || address === '::';
  const host = everywhere ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}`;
}

/** Tells the command line where this service is; the returned call takes it back, unless another one has come since. */
export async function announce(dataDir: string, url: string, startedAt: Date): Promise<() => Promise<void>> {
  const file = join(dataDir, SERVICE_FILE);
  const content = `${JSON.stringify({ url, pid: process.pid, started_at: startedAt })}\n`;
  const draft = `${file}.${process.pid}`;
  await writeFile(draft, content, { mode: 0o600 });
  await rename(draft, file);
  return async () => {
    const current = await readFile(file, 'utf8').catch(() => undefined);
    if (current === content) await rm(file, { force: true });
  };
}

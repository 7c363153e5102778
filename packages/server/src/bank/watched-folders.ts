import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDomainError } from '../platform/errors.ts';
import { findChannels, type StoredChannel } from './channel-store.ts';
import type { BankContext } from './context.ts';
import { importStatement } from './import-statement.ts';

/** A file that nobody has written to for so long is whole. */
const UNTOUCHED_MS = 3_000;
/** One under way that nobody touched for so long was left by a node that died: another one begins again. */
const ABANDONED_MS = 10 * 60_000;
const TOUCH_EVERY_BYTES = 4 * 1024 * 1024;
/** Names under which a file is still being written, by custom. */
const IN_THE_MAKING = /^\.|~$|\.(?:tmp|part|filepart|crdownload)$/i;

/**
 * Imports what lies in the folders of all channels and answers how many files. A file is moved to `processing`, then to
 * `done` or `failed`, with a report beside it; of several nodes the one whose move succeeds imports it.
 */
export async function importWatchedFolders(context: BankContext): Promise<number> {
  let imported = 0;
  for (const channel of await findChannels(context.db)) {
    if (channel.watchFolder === null) continue;
    try {
      imported += await importFolder(context, channel, channel.watchFolder);
    } catch (error) {
      context.log.error({ err: error, channel: channel.channel }, 'a watched folder cannot be read');
    }
  }
  return imported;
}

async function importFolder(context: BankContext, channel: StoredChannel, folder: string): Promise<number> {
  for (const name of ['processing', 'done', 'failed']) await mkdir(join(folder, name), { recursive: true });
  const now = context.clock.now().getTime();
  for (const name of await filesUntouchedSince(join(folder, 'processing'), now - ABANDONED_MS)) {
    await move(join(folder, 'processing', name), join(folder, name));
  }
  let imported = 0;
  for (const name of await filesUntouchedSince(folder, now - UNTOUCHED_MS)) {
    const file = join(folder, 'processing', name);
    if (!(await move(join(folder, name), file))) continue;
    await importFile(context, channel, { folder, name });
    imported += 1;
  }
  return imported;
}

async function filesUntouchedSince(folder: string, at: number): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.isFile() || IN_THE_MAKING.test(entry.name)) continue;
    const found = await stat(join(folder, entry.name)).catch(() => undefined);
    if (found !== undefined && found.mtimeMs <= at) names.push(entry.name);
  }
  return names.sort();
}

/** False where another node was first. */
async function move(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

async function importFile(
  context: BankContext,
  channel: StoredChannel,
  { folder, name }: { folder: string; name: string },
): Promise<void> {
  const file = join(folder, 'processing', name);
  const touch = async (): Promise<void> =>
    utimes(file, context.clock.now(), context.clock.now()).catch(() => undefined);
  await touch();
  let touchedAt = 0;
  let report: unknown;
  let failed = false;
  try {
    const result = await importStatement(context, {
      channel: channel.channel,
      content: createReadStream(file),
      fileName: name,
      actor: 'system',
      onProgress({ bytes }) {
        if (bytes - touchedAt < TOUCH_EVERY_BYTES) return;
        touchedAt = bytes;
        void touch();
      },
    });
    failed = !result.complete || (result.lines > 0 && result.faultCount === result.lines);
    report = result;
    context.log.info({ ...result, faults: undefined, file: name }, 'a statement of a watched folder was imported');
  } catch (error) {
    if (!isDomainError(error)) throw error;
    failed = true;
    report = { error: error.code, ...error.params };
    context.log.error({ channel: channel.channel, file: name, error: error.code, ...error.params }, 'not imported');
  }
  const place = join(folder, failed ? 'failed' : 'done', `${context.clock.now().getTime()}-${name}`);
  await move(file, place);
  await writeFile(`${place}.report.json`, `${JSON.stringify(report, null, 2)}\n`, { mode: 0o600 });
}

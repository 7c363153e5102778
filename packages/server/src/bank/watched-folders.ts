import { constants } from 'node:fs';
import { lstat, mkdir, open, rename, rmdir, utimes, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { isDomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import { findChannels, type StoredChannel } from './channel-store.ts';
import type { BankContext } from './context.ts';
import { importStatement } from './import-statement.ts';
import { entriesOf, isWhole, nameOf, within } from './watched-files.ts';

/** One under way whose node gave no sign for so long was left by a node that died: another one begins again. */
const ABANDONED_MS = 10 * 60_000;
const SIGN_EVERY_MS = 30_000;
/** What could not be imported now is tried again after so long. */
const AGAIN_MS = 60_000;
/** No link is followed, and a pipe does not wait for its writer. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const NAME_ID_LENGTH = 8;

/**
 * Imports what lies in the folders of all channels and answers how many files. A file is moved into a folder of its own in
 * `processing`, whose time of change is the sign that somebody works on it, then to `done` or `failed`, with a report
 * beside it. Of several nodes the one whose move succeeds imports it; no file ever takes the place of another one.
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
  let imported = 0;
  const work = async (claim: string | undefined): Promise<void> => {
    if (claim !== undefined && (await importClaimed(context, channel, { folder, claim }))) imported += 1;
  };
  for (const { path, isFolder } of await entriesOf(join(folder, 'processing'))) {
    if (isFolder) await work(await claimAbandoned(context, folder, path, now));
  }
  for (const { path, name, isFile } of await entriesOf(folder)) {
    if (isFile && (await isWhole(path, now))) await work(await claimFile(context, channel, { folder, path, name }));
  }
  return imported;
}

/** The file in a folder of its own; undefined where another node was first, or the file cannot be moved. */
async function claimFile(
  { log, clock }: BankContext,
  { channel }: StoredChannel,
  { folder, path, name }: { folder: string; path: Buffer; name: Buffer },
): Promise<string | undefined> {
  const claim = join(folder, 'processing', hexId());
  await mkdir(claim);
  await sign(claim, clock.now());
  try {
    await rename(path, within(claim, name));
    return claim;
  } catch (error) {
    await rmdir(claim);
    if (codeOf(error) !== 'ENOENT') log.error({ err: error, channel, file: nameOf(name) }, 'a file cannot be moved');
    return undefined;
  }
}

/** What a node left, under another name; undefined where it is at work, or another node was first. */
async function claimAbandoned(
  { clock }: BankContext,
  folder: string,
  path: Buffer,
  now: number,
): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || found.mtimeMs > now - ABANDONED_MS) return undefined;
  const claim = join(folder, 'processing', hexId());
  try {
    // Signed first: whoever reads the folder between sees that somebody works on it.
    await sign(path, clock.now());
    await rename(path, claim);
    return claim;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function sign(claim: string | Buffer, at: Date): Promise<void> {
  await utimes(claim, at, at);
}

/** Whether there was a file and it came to its end, good or bad. */
async function importClaimed(
  context: BankContext,
  channel: StoredChannel,
  { folder, claim }: { folder: string; claim: string },
): Promise<boolean> {
  const [entry] = await entriesOf(claim);
  if (entry === undefined) {
    // The node that made it died before it moved a file here.
    await rmdir(claim).catch(() => undefined);
    return false;
  }
  const { clock, log } = context;
  const about = { channel: channel.channel, file: nameOf(entry.name) };
  const again = async (why: string): Promise<false> => {
    log.warn({ ...about, why }, 'a file of a watched folder is taken up again later');
    await sign(claim, new Date(clock.now().getTime() - ABANDONED_MS + AGAIN_MS));
    return false;
  };
  let ended: Ended;
  try {
    ended = await importFile(context, channel, claim, entry);
  } catch (error) {
    await again('failed');
    throw error;
  }
  if (ended.changed) return again('written_to_while_read');
  const { report, failed } = ended;
  if (failed) log.error({ ...report, faults: undefined, ...about }, 'a statement of a watched folder is not whole');
  else log.info({ ...report, faults: undefined, ...about }, 'a statement of a watched folder was imported');
  const id = hexId().slice(0, NAME_ID_LENGTH);
  const place = join(folder, failed ? 'failed' : 'done', `${clock.now().getTime()}-${id}-${about.file}`);
  await rename(entry.path, place);
  await rmdir(claim).catch(() => undefined);
  await writeFile(`${place}.report.json`, `${JSON.stringify(report, null, 2)}\n`, { mode: 0o600 });
  return true;
}

interface Ended {
  report: Record<string, unknown>;
  failed: boolean;
  /** Somebody wrote to it meanwhile: what was read may be a part of it. */
  changed: boolean;
}

async function importFile(
  context: BankContext,
  channel: StoredChannel,
  claim: string,
  { path, name }: { path: Buffer; name: Buffer },
): Promise<Ended> {
  const failure = (report: Record<string, unknown>): Ended => ({ report, failed: true, changed: false });
  let file: FileHandle;
  try {
    file = await open(path, OPEN_FLAGS);
  } catch (error) {
    return failure({ error: 'file_unreadable', reason: codeOf(error) });
  }
  try {
    const before = await file.stat();
    if (!before.isFile()) return failure({ error: 'file_unreadable', reason: 'not_a_file' });
    let signedAt = context.clock.now().getTime();
    const outcome = importStatement(context, {
      channel: channel.channel,
      content: file.createReadStream({ autoClose: false }),
      fileName: nameOf(name),
      actor: 'system',
      onProgress() {
        const now = context.clock.now();
        if (now.getTime() - signedAt < SIGN_EVERY_MS) return;
        signedAt = now.getTime();
        void sign(claim, now).catch(() => undefined);
      },
    }).then(
      (result) => ({
        report: { ...result },
        failed: !result.complete || (result.lines > 0 && result.faultCount === result.lines),
      }),
      (error: unknown) => {
        if (!isDomainError(error)) throw error;
        return failure({ error: error.code, ...error.params });
      },
    );
    const ended = await outcome;
    const after = await file.stat();
    return { ...ended, changed: after.size !== before.size || after.mtimeMs !== before.mtimeMs };
  } finally {
    await file.close();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

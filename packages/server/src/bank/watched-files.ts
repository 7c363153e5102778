import { lstat, readdir } from 'node:fs/promises';
import { sep } from 'node:path';

/** A file that nobody has written to for so long is whole. */
const UNTOUCHED_MS = 3_000;
/** Clocks of file servers differ by so much; a time further ahead was set on purpose, after the writing. */
const CLOCK_DIFFERENCE_MS = 60_000;
/** Names under which a file is still being written, by custom. */
const IN_THE_MAKING = /^\.|~$|\.(?:tmp|part|filepart|crdownload)$/i;
/** With a time, an id and `.report.json` around it, a file system takes the name. */
const NAME_BYTES_MAX = 180;

/** What lies in a folder. Names are bytes: those of a bank's Windows machine may be GB18030. */
export interface FolderEntry {
  name: Buffer;
  path: Buffer;
  /** Not a link, and not in the making. */
  isFile: boolean;
  isFolder: boolean;
}

/** In the order of their names. */
export async function entriesOf(folder: string): Promise<FolderEntry[]> {
  const entries = await readdir(folder, { withFileTypes: true, encoding: 'buffer' });
  return entries
    .map((entry) => ({
      name: entry.name,
      path: within(folder, entry.name),
      isFile: entry.isFile() && !IN_THE_MAKING.test(entry.name.toString('latin1')),
      isFolder: entry.isDirectory(),
    }))
    .sort((a, b) => Buffer.compare(a.name, b.name));
}

export function within(folder: string, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(folder + sep, 'utf8'), name]);
}

/** Whether nobody seems to write to a file. */
export async function isWhole(path: Buffer, now: number): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return false;
  return found.mtimeMs <= now - UNTOUCHED_MS || found.mtimeMs > now + CLOCK_DIFFERENCE_MS;
}

/** A file's name as text that can be printed and is a name again: in UTF-8, else GB18030; not too long. */
export function nameOf(name: Buffer): string {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(name);
  } catch {
    text = new TextDecoder('gb18030').decode(name);
  }
  const plain = Array.from(text.replaceAll(/[\p{Cc}\p{Cf}/\\]/gu, '_'));
  while (Buffer.byteLength(plain.join(''), 'utf8') > NAME_BYTES_MAX) plain.pop();
  return plain.join('');
}

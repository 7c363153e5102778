import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** A file of the built pages, as it is sent. */
export interface PageFile {
  contentType: string;
  plain: Buffer;
  br: Buffer;
  gzip: Buffer;
}

export interface PageFiles {
  /** By file name, such as `sign.html`. */
  html: ReadonlyMap<string, PageFile>;
  /** What the pages share, by file name, such as `sign-4f2a.js`. The name holds a hash of the content. */
  assets: ReadonlyMap<string, PageFile>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * The built pages, read and compressed when one is first asked for and kept: they are small, and a build that happens
 * meanwhile must not mix its files with those of the build before. A folder without pages is looked at again.
 */
export function createPageFiles(folder: string): () => Promise<PageFiles | undefined> {
  let pending: Promise<PageFiles | undefined> | undefined;
  return async () => {
    pending ??= readPages(folder);
    const files = await pending.catch((error: unknown) => {
      pending = undefined;
      throw error;
    });
    if (files === undefined) pending = undefined;
    return files;
  };
}

async function readPages(folder: string): Promise<PageFiles | undefined> {
  const names = await readdir(folder).catch(absent);
  const html = names?.filter((name) => name.endsWith('.html')) ?? [];
  if (html.length === 0) return undefined;
  const assetFolder = join(folder, 'assets');
  return {
    html: await readAll(folder, html),
    assets: await readAll(assetFolder, (await readdir(assetFolder).catch(absent)) ?? []),
  };
}

async function readAll(folder: string, names: readonly string[]): Promise<ReadonlyMap<string, PageFile>> {
  const files = names.map(async (name) => [name, await packed(name, await readFile(join(folder, name)))] as const);
  return new Map(await Promise.all(files));
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

async function packed(name: string, plain: Buffer): Promise<PageFile> {
  const [br, zipped] = await Promise.all([
    promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
    promisify(gzip)(plain),
  ]);
  return { contentType: CONTENT_TYPES[extname(name)] ?? 'application/octet-stream', plain, br, gzip: zipped };
}

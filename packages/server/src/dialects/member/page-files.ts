import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** A file of the built page, as it is sent. */
export interface PageFile {
  contentType: string;
  plain: Buffer;
  br: Buffer;
  gzip: Buffer;
}

export interface PageFiles {
  html: PageFile;
  /** By file name, such as `index-4f2a.js`. The name holds a hash of the content. */
  assets: ReadonlyMap<string, PageFile>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * The built page, read and compressed when it is first asked for and kept: it is small, and a build that happens
 * meanwhile must not mix its files with those of the build before. A folder without a page is looked at again.
 */
export function createPageFiles(folder: string): () => Promise<PageFiles | undefined> {
  let pending: Promise<PageFiles | undefined> | undefined;
  return async () => {
    pending ??= readPage(folder);
    const files = await pending.catch((error: unknown) => {
      pending = undefined;
      throw error;
    });
    if (files === undefined) pending = undefined;
    return files;
  };
}

async function readPage(folder: string): Promise<PageFiles | undefined> {
  const html = await readFile(join(folder, 'index.html')).catch(absent);
  if (html === undefined) return undefined;
  const assetFolder = join(folder, 'verify', 'assets');
  const names = await readdir(assetFolder);
  const assets = await Promise.all(
    names.map(async (name) => [name, await packed(name, await readFile(join(assetFolder, name)))] as const),
  );
  return { html: await packed('index.html', html), assets: new Map(assets) };
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

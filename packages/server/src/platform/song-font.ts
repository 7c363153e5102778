import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import type { Font } from 'fontkit';

/** Noto Serif SC SemiBold, OFL-1.1, subset by assets/fonts/make-subset.sh. */
const FONT_FILE = new URL('../../assets/fonts/NotoSerifSC-SemiBold.subset.ttf.br', import.meta.url);

const decompress = promisify(brotliDecompress);

let loading: Promise<Font> | undefined;

/**
 * The font of seals and of documents that the service writes, read once in the life of the process and only when
 * something is drawn: 6.4 MB from disk, unpacked to 14 MB on libuv's pool in 0.14 s. (As WOFF2 it is 1 MB smaller, and
 * fontkit holds the event loop for 1.1 s to unpack it.)
 */
export function songFont(): Promise<Font> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<Font> {
  const [fontkit, packed] = await Promise.all([import('fontkit'), readFile(FONT_FILE)]);
  const font = fontkit.create(await decompress(packed));
  if (!('glyphForCodePoint' in font)) throw new Error('the font is a collection, not a single font');
  return font;
}

import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Left, bottom, right, top as parts of the page's width and height as seen, from its lower left. */
export type RelativeBox = readonly [number, number, number, number];

type Picture = { readonly width: number; readonly height: number; readonly rgb: Buffer };

const LONG_SIDE_PIXELS = 600;
const RENDER_MS_MAX = 120_000;
/** Of anti-aliasing around a seal. */
const MARGIN_PIXELS = 2;

/** A page as poppler shows it, or null where poppler cannot show it. */
async function picture(directory: string, file: string, page: number): Promise<Picture | null> {
  const out = join(directory, `page-${crypto.randomUUID()}`);
  const options = ['-cropbox', '-singlefile', '-scale-to', String(LONG_SIDE_PIXELS)];
  try {
    await run('pdftoppm', [...options, '-f', String(page), '-l', String(page), file, out], { timeout: RENDER_MS_MAX });
    const ppm = await readFile(`${out}.ppm`);
    const header = /^P6\s(\d+)\s(\d+)\s255\s/.exec(ppm.toString('latin1', 0, 64));
    if (header === null) return null;
    return { width: Number(header[1]), height: Number(header[2]), rgb: ppm.subarray(header[0].length) };
  } catch {
    return null;
  } finally {
    await rm(`${out}.ppm`, { force: true });
  }
}

/**
 * Compares a page of two files outside of some boxes: null where it shows the same, otherwise what differs.
 * Inside each box something has to differ, or the seal is not seen.
 */
export async function pageDifference(
  directory: string,
  files: readonly [string, string],
  page: number,
  seals: readonly RelativeBox[],
): Promise<string | null> {
  const [before, after] = [await picture(directory, files[0], page), await picture(directory, files[1], page)];
  if (before === null && after === null) return null;
  if (before === null || after === null) return `page ${page} is shown by one of the two alone`;
  const { width, height } = before;
  if (after.width !== width || after.height !== height) return `page ${page} has another size`;
  const boxes = seals.map(([left, bottom, right, top]) => ({
    left: left * width - MARGIN_PIXELS,
    right: right * width + MARGIN_PIXELS,
    top: (1 - top) * height - MARGIN_PIXELS,
    bottom: (1 - bottom) * height + MARGIN_PIXELS,
    changed: 0,
  }));
  let outside = 0;
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    const at = pixel * 3;
    if (before.rgb.compare(after.rgb, at, at + 3, at, at + 3) === 0) continue;
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const box = boxes.find((each) => x >= each.left && x <= each.right && y >= each.top && y <= each.bottom);
    if (box) box.changed += 1;
    else outside += 1;
  }
  if (outside > 0) return `page ${page} differs in ${outside} pixels outside of its seals`;
  return boxes.every((box) => box.changed > 0) ? null : `a seal on page ${page} is not seen`;
}

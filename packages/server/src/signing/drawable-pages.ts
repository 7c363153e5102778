import { createHash } from 'node:crypto';
import type { PageImages } from '../documents/index.ts';
import { isDomainError } from '../platform/errors.ts';

/** Small: what a page costs is reading it, and that is the same at any size. */
const WIDTH_PIXELS = 64;
/** Of another size, so that it is not taken for the page that ended a thread. */
const SECOND_WIDTH_PIXELS = 65;
/** These are drawn however long they take together, up to `ALL_MS_MAX`. */
const FIRST_PAGES = 20;
/** Of pages with fields, as many again at most. */
const FIELD_PAGES_MAX = 100;
/** Milliseconds: after these no further page is looked at that neither is among the first nor has a field. */
const REST_MS_MAX = 1_500;
/** Milliseconds of one page, twice: when the service is busy, it would not come out within the limit of page images. */
const PAGE_MS_MAX = 3_000;
/** Milliseconds: no honest file keeps its readers waiting for so long. */
const ALL_MS_MAX = 20_000;

/**
 * Draws pages of a file, as its signers will have them drawn: the first ones, those with fields, and of the others as
 * many as there is time for.
 *
 * @returns a page, from 1, that cannot be shown; undefined where there is none among them
 * @throws DomainError page_images_busy: nothing is known of the file
 */
export async function undrawablePage(
  pageImages: Pick<PageImages, 'render'>,
  file: { readonly bytes: Buffer; readonly pages: number; /** From 1. */ readonly fieldPages: readonly number[] },
  milliseconds: () => number,
): Promise<number | undefined> {
  const { bytes, pages } = file;
  const key = createHash('sha256').update(bytes).digest('hex');
  const pdf = { key: `opening:${key}`, read: () => Promise.resolve(bytes) };
  const all = Array.from({ length: pages }, (_, index) => index + 1);
  const wanted = new Set([...all.slice(0, FIRST_PAGES), ...[...new Set(file.fieldPages)].slice(0, FIELD_PAGES_MAX)]);
  const begun = milliseconds();
  for (const page of new Set([...wanted, ...all])) {
    const elapsed = milliseconds() - begun;
    if (elapsed > REST_MS_MAX && !wanted.has(page)) return undefined;
    if (elapsed > ALL_MS_MAX) return page;
    const draw = (widthPixels: number) => draws(pageImages, { pdf, page, widthPixels }, milliseconds);
    // Once more, in a thread of its own: what ended the first one, or kept it busy, may have been another's document.
    const isDrawn = (await draw(WIDTH_PIXELS)) || (await draw(SECOND_WIDTH_PIXELS));
    if (!isDrawn) return page;
  }
  return undefined;
}

/** Whether a page is drawn, and soon enough. */
async function draws(
  pageImages: Pick<PageImages, 'render'>,
  wanted: Parameters<PageImages['render']>[0],
  milliseconds: () => number,
): Promise<boolean> {
  const begun = milliseconds();
  try {
    await pageImages.render(wanted);
    return milliseconds() - begun <= PAGE_MS_MAX;
  } catch (error) {
    if (isDomainError(error, 'page_unreadable', 'page_missing')) return false;
    throw error;
  }
}

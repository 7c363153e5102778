import { describe, expect, it } from 'vitest';
import type { PageImages } from '../documents/index.ts';
import { DomainError } from '../platform/errors.ts';
import { undrawablePage } from './drawable-pages.ts';

/** Pages that take a while each by the clock that is handed in. */
function drawn(bad: readonly number[], pageMs = 0, code = 'page_unreadable') {
  const seen: number[] = [];
  let now = 0;
  const render: PageImages['render'] = async ({ page }) => {
    seen.push(page);
    now += pageMs;
    if (bad.includes(page)) throw new DomainError(code);
    return { contentType: 'image/png', bytes: Buffer.alloc(1), width: 1, height: 1 };
  };
  const of = (pages: number, fieldPages: readonly number[] = []) =>
    undrawablePage({ render }, { bytes: Buffer.from('file'), pages, fieldPages }, () => now);
  return { of, seen };
}

describe('whether the pages of a file can be shown', () => {
  it('each page is drawn once where that is quick', async () => {
    const { of, seen } = drawn([]);
    expect(await of(200)).toBeUndefined();
    expect(seen).toHaveLength(200);
  });

  it('a page that cannot be drawn is tried once more, then named', async () => {
    const { of, seen } = drawn([3]);
    expect(await of(5)).toBe(3);
    expect(seen).toEqual([1, 2, 3, 3]);
  });

  it('of a file that is slow to draw, the first pages and those with fields are drawn', async () => {
    const { of, seen } = drawn([], 200);
    expect(await of(200, [150, 150, 2])).toBeUndefined();
    expect(seen).toEqual([...Array.from({ length: 20 }, (_, index) => index + 1), 150]);
  });

  it('a file that keeps its readers waiting for ever is refused', async () => {
    const { of, seen } = drawn([], 2_900);
    expect(await of(20)).toBe(8);
    expect(seen).toHaveLength(7);
  });

  it('a page that takes long twice is one that a busy service could not show', async () => {
    const { of, seen } = drawn([], 3_100);
    expect(await of(5)).toBe(1);
    expect(seen).toEqual([1, 1]);
  });

  it('where pages cannot be drawn now, nothing is said of the file', async () => {
    await expect(drawn([1], 0, 'page_images_busy').of(1)).rejects.toMatchObject({ code: 'page_images_busy' });
  });
});

import type { PageSize } from '../pdf-check.ts';

const FILES_MAX = 1_000;
/** Of one file: the sizes of more are not kept. */
const PAGES_MAX = 200;

/**
 * Sizes of the pages of files that were signed lately, by the SHA-256 of the file. A signature changes no page, so what is
 * known of a file is known of the next revision too.
 */
export class KnownPages {
  readonly #files = new Map<string, readonly PageSize[]>();

  get(sha256: string): readonly PageSize[] | undefined {
    return this.#files.get(sha256);
  }

  set(sha256: string, pages: readonly PageSize[]): void {
    if (pages.length > PAGES_MAX) return;
    this.#files.delete(sha256);
    this.#files.set(sha256, pages);
    const [oldest] = this.#files.keys();
    if (oldest !== undefined && this.#files.size > FILES_MAX) this.#files.delete(oldest);
  }
}

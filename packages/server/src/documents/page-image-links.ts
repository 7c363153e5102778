import type { Clock } from '../platform/clock.ts';
import { DomainError } from '../platform/errors.ts';
import { fileUrl, verifyFileUrl, type FileKey, type FileUrlParts } from './file-url.ts';
import type { Documents } from './files.ts';
import type { PageImage, PageImages } from './page-images/page-images.ts';
import { checkPdf } from './pdf-check.ts';

export interface PageImageLinks {
  /**
   * URLs of a document's pages as PNG, in page order, each for an hour and for whoever holds it. Nothing is drawn before
   * one is opened.
   * @throws DomainError those of `readFile`, and a `PdfRefusal`
   */
  urls(key: FileKey): Promise<string[]>;
  /** The page that a URL opens. @throws DomainError `file_url_forged`, `file_url_expired`, a `PageImageErrorCode` */
  open(parts: FileUrlParts): Promise<PageImage>;
}

interface PageImageLinksOptions {
  readonly documents: Pick<Documents, 'findFile' | 'readFile'>;
  readonly images: Pick<PageImages, 'render'>;
  readonly clock: Clock;
  readonly baseUrl: () => string;
  /** 32 bytes or more. */
  readonly key: Buffer;
}

const LIFE_MS = 3_600_000;
const FOLDER = 'page-images';
/** A4 at 150 dpi: text is sharp on a screen and on paper. */
const WIDTH_PIXELS = 1_240;
const SIGNED_BYTES_MAX = 1024 * 1024 * 1024;

/** Links to pages of stored documents; what was drawn is kept by `images`. */
export function createPageImageLinks({
  documents,
  images,
  clock,
  baseUrl,
  key,
}: PageImageLinksOptions): PageImageLinks {
  return {
    async urls({ appId, fileId }) {
      const { bytes } = await documents.readFile({ appId, fileId });
      const check = checkPdf(bytes, { bytesMax: SIGNED_BYTES_MAX });
      if (!check.ok) throw new DomainError(check.reason, { fileId }, { cause: check.cause });
      const expiresAt = new Date(clock.now().getTime() + LIFE_MS);
      return check.pages.map((_, index) =>
        fileUrl(baseUrl(), { appId, fileId: `${fileId}-${index + 1}` }, expiresAt, key, FOLDER),
      );
    },

    async open(parts) {
      const check = verifyFileUrl(parts, clock.now(), key);
      if (!check.ok) throw new DomainError(check.reason === 'expired' ? 'file_url_expired' : 'file_url_forged');
      const [, fileId = '', page = ''] = /^([0-9a-f]{32})-(\d{1,6})$/.exec(parts.fileId) ?? [];
      const file = await documents.findFile({ appId: parts.appId, fileId });
      if (!file) throw new DomainError('file_not_found', { fileId });
      const read = async (): Promise<Buffer> => (await documents.readFile(file)).bytes;
      const pdf = { key: file.sha256, read };
      return images.render({ pdf, page: Number(page), widthPixels: WIDTH_PIXELS, pngOnly: true });
    },
  };
}

import type { Documents, PageSize, PdfWork } from '../documents/index.ts';
import { DomainError } from '../platform/errors.ts';

/** Sizes of the pages of stored revisions, as seen, in points. */
export interface PageSizes {
  /** @throws DomainError those of `readFile`, and a `PdfRefusal` */
  of(key: { appId: string; fileId: string }): Promise<readonly PageSize[]>;
}

const KEPT_MAX = 500;

/** Keeps what it read: a signing page asks every second, and a file never changes. */
export function createPageSizes(
  { documents, pdf }: { documents: Pick<Documents, 'readFile'>; pdf: Pick<PdfWork, 'check'> },
  limits: { bytesMax: number },
): PageSizes {
  const known = new Map<string, Promise<readonly PageSize[]>>();

  async function read(key: { appId: string; fileId: string }): Promise<readonly PageSize[]> {
    const { bytes } = await documents.readFile(key);
    const check = await pdf.check(bytes, limits);
    if (!check.ok) throw new DomainError(check.reason, { fileId: key.fileId }, { cause: check.cause });
    return check.pages;
  }

  return {
    async of(key) {
      const name = `${key.appId}/${key.fileId}`;
      const sizes = known.get(name) ?? read(key);
      known.delete(name);
      known.set(name, sizes);
      const [oldest] = known.keys();
      if (oldest !== undefined && known.size > KEPT_MAX) known.delete(oldest);
      return sizes.catch((error: unknown) => {
        known.delete(name);
        throw error;
      });
    },
  };
}

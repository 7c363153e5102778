import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { hexId } from '../platform/ids.ts';
import type { FileBytes, FileStore } from './file-store.ts';
import { fileUrl, verifyFileUrl } from './file-url.ts';
import type { FileKey, FileUrlParts } from './file-url.ts';
import { sha256Hex } from './sha256.ts';
import * as store from './store.ts';

type StoredFile = FileKey & { fileName: string; sha256: string; byteLength: number; createdAt: Date };

export type Documents = {
  /**
   * Keeps a file; its bytes and its row are durable when this resolves. `sha256` is that of all bytes, in hexadecimal,
   * where the caller knows it already.
   */
  storeFile(file: { appId: string; fileName: string; bytes: FileBytes; sha256?: string }): Promise<StoredFile>;
  findFile(key: FileKey): Promise<StoredFile | undefined>;
  /** @throws DomainError `file_not_found`, `stored_file_missing`, `stored_file_damaged` */
  readFile(key: FileKey): Promise<StoredFile & { bytes: Buffer }>;
  /**
   * A file whose bytes nobody has held against its `sha256` yet: for `PdfWork.sign`, which does.
   * @throws DomainError `file_not_found`, `stored_file_missing`
   */
  readUncheckedFile(key: FileKey): Promise<StoredFile & { bytes: Buffer }>;
  /** Forgets a file and its bytes. Does nothing when there is none. */
  discardFile(key: FileKey): Promise<void>;
  /** A URL that opens the file for a short while, for whoever holds it. */
  fileUrl(key: FileKey): string;
  /** The file that a URL opens. @throws DomainError `file_url_forged`, `file_url_expired`, and those of `readFile` */
  openFileUrl(parts: FileUrlParts): Promise<StoredFile & { bytes: Buffer }>;
};

type DocumentsOptions = {
  db: Database;
  files: FileStore;
  clock: Clock;
  /** Where others reach the service, or how to learn it once its socket is open. */
  baseUrl: string | (() => string);
  /** 32 bytes or more. */
  fileUrlKey: Buffer;
  /** An hour by default. */
  fileUrlLifeMs?: number;
};

const FILE_URL_LIFE_MS = 3_600_000;

export function createDocuments(options: DocumentsOptions): Documents {
  const { db, files, clock, fileUrlKey, fileUrlLifeMs = FILE_URL_LIFE_MS } = options;

  async function readFile(key: FileKey): Promise<StoredFile & { bytes: Buffer }> {
    const row = await store.findFile(db, key);
    if (!row) throw new DomainError('file_not_found', { fileId: key.fileId });
    return { ...storedFile(row), bytes: await files.get(row.storage_key) };
  }

  async function readUncheckedFile(key: FileKey): Promise<StoredFile & { bytes: Buffer }> {
    const row = await store.findFile(db, key);
    if (!row) throw new DomainError('file_not_found', { fileId: key.fileId });
    return { ...storedFile(row), bytes: (await files.getUnchecked(row.storage_key)).bytes };
  }

  return {
    async storeFile({ appId, fileName, bytes, ...known }) {
      const pieces = Buffer.isBuffer(bytes) ? [bytes] : bytes;
      const sha256 = known.sha256 ?? (await sha256Hex(...pieces));
      const row: store.FileRow = {
        app_id: appId,
        file_id: hexId(),
        file_name: fileName,
        storage_key: await files.put(pieces, sha256),
        sha256,
        byte_length: pieces.reduce((sum, piece) => sum + piece.length, 0),
        created_at: clock.now(),
      };
      await store.insertFile(db, row);
      return storedFile(row);
    },

    async findFile(key) {
      const row = await store.findFile(db, key);
      return row && storedFile(row);
    },

    readFile,
    readUncheckedFile,

    async discardFile(key) {
      const storageKey = await store.deleteFile(db, key);
      if (storageKey !== undefined) await files.delete(storageKey);
    },

    fileUrl(key) {
      const baseUrl = typeof options.baseUrl === 'string' ? options.baseUrl : options.baseUrl();
      return fileUrl(baseUrl, key, new Date(clock.now().getTime() + fileUrlLifeMs), fileUrlKey);
    },

    async openFileUrl(parts) {
      const check = verifyFileUrl(parts, clock.now(), fileUrlKey);
      if (!check.ok) throw new DomainError(check.reason === 'expired' ? 'file_url_expired' : 'file_url_forged');
      return readFile({ appId: parts.appId, fileId: parts.fileId });
    },
  };
}

function storedFile(row: store.FileRow): StoredFile {
  return {
    appId: row.app_id,
    fileId: row.file_id,
    fileName: row.file_name,
    sha256: row.sha256,
    byteLength: row.byte_length,
    createdAt: row.created_at,
  };
}

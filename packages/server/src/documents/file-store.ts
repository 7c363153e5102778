import { DomainError } from '../platform/errors.ts';

/** A file's content, or pieces of it that follow one another: a signed file is the file before it and what was appended. */
export type FileBytes = Buffer | readonly Buffer[];

/**
 * Where the bytes of files rest. Each `put` makes a key of its own, also for bytes that are there already: were a key
 * shared, one node could find the bytes there and another delete them before the first has written the row that names
 * them. Two nodes that sign the same field in the same second do make equal bytes, and one of them discards its own.
 */
export interface FileStore {
  /**
   * The bytes are durable when this resolves: a crash of the machine right after does not lose them. Pieces follow one
   * another; `sha256` is that of all of them, where the caller knows it already.
   */
  put(bytes: FileBytes, sha256?: string): Promise<string>;
  /** @throws DomainError `stored_file_missing`, `stored_file_damaged` */
  get(key: string): Promise<Buffer>;
  /**
   * The bytes as they are, and the SHA-256 that they should have: for those who hash them anyway.
   * @throws DomainError `stored_file_missing`
   */
  getUnchecked(key: string): Promise<{ bytes: Buffer; sha256: string }>;
  /** Does nothing when there is no such file. */
  delete(key: string): Promise<void>;
}

export function storedFileMissing(key: string, cause?: unknown): DomainError<'stored_file_missing'> {
  return new DomainError('stored_file_missing', { key }, { cause });
}

/** The bytes that came back are not those that were put. */
export function storedFileDamaged(key: string): DomainError<'stored_file_damaged'> {
  return new DomainError('stored_file_damaged', { key });
}

import type { Executor } from '../platform/database/index.ts';
import type { FileKey } from './file-url.ts';
import type { DocumentTables } from './tables.ts';

export type FileRow = DocumentTables['document_file'];

export async function insertFile(db: Executor, row: FileRow): Promise<void> {
  await db.withTables<DocumentTables>().insertInto('document_file').values(row).execute();
}

export async function findFile(db: Executor, { appId, fileId }: FileKey): Promise<FileRow | undefined> {
  return db
    .withTables<DocumentTables>()
    .selectFrom('document_file')
    .selectAll()
    .where('app_id', '=', appId)
    .where('file_id', '=', fileId)
    .executeTakeFirst();
}

/** The storage key that the deleted row named, if there was such a row. */
export async function deleteFile(db: Executor, { appId, fileId }: FileKey): Promise<string | undefined> {
  const row = await db
    .withTables<DocumentTables>()
    .deleteFrom('document_file')
    .where('app_id', '=', appId)
    .where('file_id', '=', fileId)
    .returning('storage_key')
    .executeTakeFirst();
  return row?.storage_key;
}

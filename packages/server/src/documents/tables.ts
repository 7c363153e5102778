/** migrations/0006_documents.sql */
export type DocumentTables = {
  document_file: {
    app_id: string;
    /** 32 lower-case hex digits. */
    file_id: string;
    file_name: string;
    storage_key: string;
    sha256: string;
    byte_length: number;
    created_at: Date;
  };
};

/** migrations/0022_receipts_and_evidence.sql */
export type EvidenceTables = {
  evidence_report: {
    app_id: string;
    flow_id: string;
    facts_sha256: string;
    file_id: string;
    created_at: Date;
  };
};

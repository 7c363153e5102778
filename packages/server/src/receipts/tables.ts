/** migrations/0022_receipts_and_evidence.sql */
export type ReceiptTables = {
  receipt: {
    app_id: string;
    flow_id: string;
    etc_org_no: string;
    receipt_number: string;
    template_code: 'T001';
    facts_sha256: string;
    notify_url: string;
    created_at: Date;
  };
};

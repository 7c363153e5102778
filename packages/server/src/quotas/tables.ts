import type { ColumnType } from 'kysely';

/** migrations/0021_quotas_seal_review_people.sql */
export type QuotaTables = {
  contract_quota: {
    app_id: string;
    /** bigint. */
    remaining: ColumnType<number, number, number>;
    updated_at: Date;
  };
  contract_order: {
    app_id: string;
    order_id: string;
    biz_request_no: string | null;
    etc_org_no: string;
    public_estate_type: string;
    contracts: number;
    created_at: Date;
  };
};

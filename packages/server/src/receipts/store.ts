import type { Executor, Transaction } from '../platform/database/index.ts';
import type { ReceiptTables } from './tables.ts';

type ReceiptRow = ReceiptTables['receipt'];

/** False where the company has a receipt of this number; a concurrent one is waited for. */
export async function insertReceipt(tx: Transaction, row: ReceiptRow): Promise<boolean> {
  const inserted = await tx
    .withTables<ReceiptTables>()
    .insertInto('receipt')
    .values(row)
    .onConflict((conflict) => conflict.columns(['app_id', 'etc_org_no', 'receipt_number']).doNothing())
    .returning('flow_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function findReceiptByNumber(
  executor: Executor,
  key: { appId: string; etcOrgNo: string; number: string },
): Promise<ReceiptRow | undefined> {
  return executor
    .withTables<ReceiptTables>()
    .selectFrom('receipt')
    .selectAll()
    .where('app_id', '=', key.appId)
    .where('etc_org_no', '=', key.etcOrgNo)
    .where('receipt_number', '=', key.number)
    .executeTakeFirst();
}

export async function findReceipt(
  executor: Executor,
  key: { appId: string; flowId: string },
): Promise<ReceiptRow | undefined> {
  return executor
    .withTables<ReceiptTables>()
    .selectFrom('receipt')
    .selectAll()
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .executeTakeFirst();
}

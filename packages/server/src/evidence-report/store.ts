import type { Executor, Transaction } from '../platform/database/index.ts';
import type { EvidenceTables } from './tables.ts';

type ReportRow = EvidenceTables['evidence_report'];
type ReportKey = { appId: string; flowId: string; factsSha256: string };

/** The file of the report that was made of these facts. */
export async function findReport(executor: Executor, key: ReportKey): Promise<string | undefined> {
  const row = await executor
    .withTables<EvidenceTables>()
    .selectFrom('evidence_report')
    .select('file_id as fileId')
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .where('facts_sha256', '=', key.factsSha256)
    .executeTakeFirst();
  return row?.fileId;
}

/** False where another one was faster. */
export async function insertReport(tx: Transaction, row: ReportRow): Promise<boolean> {
  const inserted = await tx
    .withTables<EvidenceTables>()
    .insertInto('evidence_report')
    .values(row)
    .onConflict((conflict) => conflict.columns(['app_id', 'flow_id', 'facts_sha256']).doNothing())
    .returning('file_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** The file of the newest report of a flow that was made after `since`. */
export async function findReportSince(
  executor: Executor,
  { appId, flowId, since }: { appId: string; flowId: string; since: Date },
): Promise<string | undefined> {
  const row = await executor
    .withTables<EvidenceTables>()
    .selectFrom('evidence_report')
    .select('file_id as fileId')
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .where('created_at', '>', since)
    .orderBy('created_at', 'desc')
    .executeTakeFirst();
  return row?.fileId;
}

import { sql } from 'kysely';
import type { Insertable } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { StoredSeal } from './store.ts';
import type { SealStatus, SealTable, SealTables } from './tables.ts';

type OrgKey = { appId: string; etcOrgNo: string };

/** Whether new seals of this application wait for a review. */
export async function isReviewRequired(executor: Executor, appId: string): Promise<boolean> {
  const row = await executor
    .withTables<SealTables>()
    .selectFrom('seal_review_setting')
    .select('app_id')
    .where('app_id', '=', appId)
    .executeTakeFirst();
  return row !== undefined;
}

/** False where it was required, or not, before. */
export async function putReviewRequired(
  tx: Transaction,
  setting: { appId: string; isRequired: boolean; at: Date },
): Promise<boolean> {
  const { appId, isRequired, at } = setting;
  const { numAffectedRows = 0n } = isRequired
    ? await sql`
        insert into seal_review_setting (app_id, since) values (${appId}, ${at}) on conflict do nothing
      `.execute(tx)
    : await sql`delete from seal_review_setting where app_id = ${appId}`.execute(tx);
  return numAffectedRows > 0n;
}

/** The seal that waits to become the company's default. */
export async function findSuccessor(executor: Executor, company: OrgKey): Promise<StoredSeal | undefined> {
  return executor
    .withTables<SealTables>()
    .selectFrom('seal')
    .select(['seal_id as sealId', 'alias', 'template', 'status'])
    .where('app_id', '=', company.appId)
    .where('etc_org_no', '=', company.etcOrgNo)
    .where((row) => row.ref('is_successor'))
    .executeTakeFirst();
}

/** False where the company has another one that waits. */
export async function insertSuccessor(executor: Executor, row: Insertable<SealTable>): Promise<boolean> {
  const inserted = await executor
    .withTables<SealTables>()
    .insertInto('seal')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['app_id', 'etc_org_no'])
        .where((seal) => seal.ref('is_successor'))
        .doNothing(),
    )
    .returning('seal_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** Seals that wait for a review, the longest waiting first. */
export async function findPending(
  executor: Executor,
  appId: string,
  rowsMax: number,
): Promise<{ sealId: string; etcOrgNo: string; alias: string; createdAt: Date }[]> {
  return executor
    .withTables<SealTables>()
    .selectFrom('seal')
    .select(['seal_id as sealId', 'etc_org_no as etcOrgNo', 'alias', 'created_at as createdAt'])
    .where('app_id', '=', appId)
    .where('status', '=', 'pending')
    .orderBy('created_at')
    .orderBy('seal_id')
    .limit(rowsMax)
    .execute();
}

export interface LockedSeal {
  readonly status: SealStatus;
  readonly alias: string;
  readonly isSuccessor: boolean;
  readonly reviewedAt: Date | null;
}

/** A company's seal, locked until the transaction ends. */
export async function lockSeal(tx: Transaction, key: OrgKey & { sealId: string }): Promise<LockedSeal | undefined> {
  return tx
    .withTables<SealTables>()
    .selectFrom('seal')
    .select(['status', 'alias', 'is_successor as isSuccessor', 'reviewed_at as reviewedAt'])
    .where('app_id', '=', key.appId)
    .where('etc_org_no', '=', key.etcOrgNo)
    .where('seal_id', '=', key.sealId)
    .forUpdate()
    .executeTakeFirst();
}

/** Takes the company's default seal out of use. */
export async function retireDefault(tx: Transaction, company: OrgKey, at: Date): Promise<void> {
  await tx
    .withTables<SealTables>()
    .updateTable('seal')
    .set({ is_default: false, status: 'retired', retired_at: at })
    .where('app_id', '=', company.appId)
    .where('etc_org_no', '=', company.etcOrgNo)
    .where((row) => row.ref('is_default'))
    .execute();
}

/** Writes the verdict on a seal that waits; `becomesDefault` makes one that passed the company's default. */
export async function settleReview(
  tx: Transaction,
  key: { appId: string; sealId: string },
  verdict: { status: 'active' | 'rejected'; reason: string | null; becomesDefault: boolean; at: Date },
): Promise<void> {
  await tx
    .withTables<SealTables>()
    .updateTable('seal')
    .set({
      status: verdict.status,
      review_reason: verdict.reason,
      reviewed_at: verdict.at,
      is_successor: false,
      ...(verdict.becomesDefault && { is_default: true }),
    })
    .where('app_id', '=', key.appId)
    .where('seal_id', '=', key.sealId)
    .execute();
}

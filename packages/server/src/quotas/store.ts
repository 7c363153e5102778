import { sql } from 'kysely';
import type { Insertable } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import { CONTRACTS_MAX } from './quota.ts';
import type { QuotaTables } from './tables.ts';

type OrderRow = QuotaTables['contract_order'];

/** What is left; undefined where there is no limit. */
export async function findRemaining(executor: Executor, appId: string): Promise<number | undefined> {
  const row = await executor
    .withTables<QuotaTables>()
    .selectFrom('contract_quota')
    .select('remaining')
    .where('app_id', '=', appId)
    .executeTakeFirst();
  return row?.remaining;
}

export async function putRemaining(tx: Transaction, appId: string, remaining: number, at: Date): Promise<void> {
  await tx
    .withTables<QuotaTables>()
    .insertInto('contract_quota')
    .values({ app_id: appId, remaining, updated_at: at })
    .onConflict((conflict) => conflict.column('app_id').doUpdateSet({ remaining, updated_at: at }))
    .execute();
}

export async function deleteQuota(tx: Transaction, appId: string): Promise<void> {
  await tx.withTables<QuotaTables>().deleteFrom('contract_quota').where('app_id', '=', appId).execute();
}

/**
 * Adds to a quota and answers what is left then: `too-many` where that were more than a quota may hold, undefined where
 * there is no limit.
 */
export async function addRemaining(
  tx: Transaction,
  appId: string,
  contracts: number,
  at: Date,
): Promise<number | 'too-many' | undefined> {
  const { rows } = await sql<{ remaining: number }>`
    update contract_quota set remaining = remaining + ${contracts}, updated_at = ${at}
    where app_id = ${appId} and remaining + ${contracts} <= ${CONTRACTS_MAX}
    returning remaining
  `.execute(tx);
  const [row] = rows;
  if (row !== undefined) return row.remaining;
  return (await findRemaining(tx, appId)) === undefined ? undefined : 'too-many';
}

/**
 * Takes one. The row's lock makes one of two wait, and the one that waited looks again: nothing goes below zero.
 */
export async function takeOne(tx: Transaction, appId: string): Promise<'taken' | 'none-left' | 'unlimited'> {
  const { rows } = await sql`
    update contract_quota set remaining = remaining - 1 where app_id = ${appId} and remaining > 0 returning app_id
  `.execute(tx);
  if (rows.length > 0) return 'taken';
  return (await findRemaining(tx, appId)) === undefined ? 'unlimited' : 'none-left';
}

/** False where the caller's number of the order has one already; a concurrent repeat is waited for. */
export async function insertOrder(tx: Transaction, row: Insertable<OrderRow>): Promise<boolean> {
  const inserted = await tx
    .withTables<QuotaTables>()
    .insertInto('contract_order')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['app_id', 'biz_request_no']).where('biz_request_no', 'is not', null).doNothing(),
    )
    .returning('order_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function findOrder(
  executor: Executor,
  appId: string,
  bizRequestNo: string,
): Promise<OrderRow | undefined> {
  return executor
    .withTables<QuotaTables>()
    .selectFrom('contract_order')
    .selectAll()
    .where('app_id', '=', appId)
    .where('biz_request_no', '=', bizRequestNo)
    .executeTakeFirst();
}

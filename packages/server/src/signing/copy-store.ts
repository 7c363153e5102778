import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { CopyRow, NewCopyRow, SigningTables } from './tables.ts';

export interface CopyKey {
  readonly appId: string;
  readonly flowId: string;
  readonly copyId: string;
}

function tables(executor: Executor) {
  return executor.withTables<SigningTables>();
}

function oneCopy(executor: Executor, key: CopyKey) {
  return tables(executor)
    .selectFrom('sign_copy')
    .selectAll()
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .where('copy_id', '=', key.copyId);
}

export async function insertCopy(tx: Transaction, row: NewCopyRow): Promise<void> {
  await tables(tx).insertInto('sign_copy').values(row).execute();
}

/** The copies of a flow, in the order in which they were added. */
export async function copiesOf(executor: Executor, key: { appId: string; flowId: string }): Promise<CopyRow[]> {
  return tables(executor)
    .selectFrom('sign_copy')
    .selectAll()
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .orderBy('added_at')
    .orderBy('copy_id')
    .execute();
}

export async function findCopy(executor: Executor, key: CopyKey): Promise<CopyRow | undefined> {
  return oneCopy(executor, key).executeTakeFirst();
}

/**
 * The copy's row, locked until the transaction ends. Whoever takes the flow's lock too takes that one first, and the
 * audit's last: so whoever ends a flow locks no copy.
 */
export async function lockCopy(tx: Transaction, key: CopyKey): Promise<CopyRow | undefined> {
  return oneCopy(tx, key).forUpdate().executeTakeFirst();
}

/** What happened to the copies of a flow, when it did first. */
export async function copyEvents(
  executor: Executor,
  key: { appId: string; flowId: string },
): Promise<{ copyId: string; kind: 'result_sent' | 'opened' | 'downloaded'; at: Date }[]> {
  const { rows } = await sql<{ copyId: string; kind: 'result_sent' | 'opened' | 'downloaded'; at: Date }>`
    select coalesce(detail ->> 'copyId', substr(actor, length('copy:') + 1)) as "copyId", kind, min(at) as at
    from sign_act
    where app_id = ${key.appId} and flow_id = ${key.flowId} and kind in ('result_sent', 'opened', 'downloaded')
      and (actor like 'copy:%' or detail ? 'copyId')
    group by 1, 2
  `.execute(executor);
  return rows;
}

/** How many copies were ever added to a flow, those among them that were taken back. */
export async function countAdded(tx: Transaction, key: { appId: string; flowId: string }): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from sign_act
    where app_id = ${key.appId} and flow_id = ${key.flowId} and kind = 'copy_added'
  `.execute(tx);
  return rows[0]?.count ?? 0;
}

/** Deletes a copy with its links, codes and sessions: nothing opens the document for its person any more. */
export async function deleteCopy(tx: Transaction, key: CopyKey): Promise<boolean> {
  const row = await tables(tx)
    .deleteFrom('sign_copy')
    .where('app_id', '=', key.appId)
    .where('flow_id', '=', key.flowId)
    .where('copy_id', '=', key.copyId)
    .returning('copy_id')
    .executeTakeFirst();
  if (row === undefined) return false;
  for (const table of ['sign_session', 'sign_code', 'sign_link'] as const) {
    await tables(tx)
      .deleteFrom(table)
      .where('app_id', '=', key.appId)
      .where('flow_id', '=', key.flowId)
      .where('signer_id', '=', key.copyId)
      .execute();
  }
  return true;
}

/** The copies that go to these mobiles, locked until the transaction ends. */
export async function lockCopiesTo(tx: Transaction, appId: string, mobileKeys: readonly Buffer[]): Promise<CopyRow[]> {
  if (mobileKeys.length === 0) return [];
  return tables(tx)
    .selectFrom('sign_copy')
    .selectAll()
    .where('app_id', '=', appId)
    .where('mobile_key', 'in', [...mobileKeys])
    .orderBy('flow_id')
    .orderBy('copy_id')
    .forUpdate()
    .execute();
}

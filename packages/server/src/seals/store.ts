import type { Insertable } from 'kysely';
import type { Appearance } from '../documents/index.ts';
import type { Executor } from '../platform/database/index.ts';
import type { RoundSeal } from './round-seal.ts';
import type { SealStatus, SealTable, SealTables } from './tables.ts';

export interface StoredSeal {
  sealId: string;
  alias: string;
  template: RoundSeal;
  status: SealStatus;
}

/** The company's default seal, if it has one. Not its drawing, which is long: `findDrawing` reads that. */
export async function findDefaultSeal(
  executor: Executor,
  company: { appId: string; etcOrgNo: string },
): Promise<StoredSeal | undefined> {
  return executor
    .withTables<SealTables>()
    .selectFrom('seal')
    .select(['seal_id as sealId', 'alias', 'template', 'status'])
    .where('app_id', '=', company.appId)
    .where('etc_org_no', '=', company.etcOrgNo)
    .where((row) => row.ref('is_default'))
    .executeTakeFirst();
}

/** The company's seals that may sign besides its default one, the oldest first. */
export async function findOtherSeals(
  executor: Executor,
  company: { appId: string; etcOrgNo: string },
): Promise<StoredSeal[]> {
  return executor
    .withTables<SealTables>()
    .selectFrom('seal')
    .select(['seal_id as sealId', 'alias', 'template', 'status'])
    .where('app_id', '=', company.appId)
    .where('etc_org_no', '=', company.etcOrgNo)
    .where('status', '=', 'active')
    .where((row) => row.not(row.ref('is_default')))
    .orderBy('created_at')
    .orderBy('seal_id')
    .execute();
}

/** Writes a seal that is not the default one, unless there is one of this id. */
export async function insertSealOnce(executor: Executor, row: Insertable<SealTable>): Promise<void> {
  await executor
    .withTables<SealTables>()
    .insertInto('seal')
    .values(row)
    .onConflict((conflict) => conflict.columns(['app_id', 'seal_id']).doNothing())
    .execute();
}

/**
 * Writes a default seal unless the company has one. Of two nodes that try at once the second waits for the first one's
 * transaction; which seal stands is then for `findDefaultSeal` to say.
 */
export async function insertDefaultSeal(executor: Executor, row: Insertable<SealTable>): Promise<void> {
  await executor
    .withTables<SealTables>()
    .insertInto('seal')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['app_id', 'etc_org_no'])
        .where((row) => row.ref('is_default'))
        .doNothing(),
    )
    .execute();
}

/** Takes a seal out of use; nothing happens to one that is retired already. */
export async function retireSeal(executor: Executor, seal: { appId: string; sealId: string; at: Date }): Promise<void> {
  await executor
    .withTables<SealTables>()
    .updateTable('seal')
    .set({ is_default: false, is_successor: false, status: 'retired', retired_at: seal.at })
    .where('app_id', '=', seal.appId)
    .where('seal_id', '=', seal.sealId)
    .where('status', '<>', 'retired')
    .execute();
}

/** What a seal looks like, in use or retired. */
export async function findDrawing(
  executor: Executor,
  seal: { appId: string; sealId: string },
): Promise<Appearance | undefined> {
  const row = await executor
    .withTables<SealTables>()
    .selectFrom('seal')
    .select('drawing')
    .where('app_id', '=', seal.appId)
    .where('seal_id', '=', seal.sealId)
    .executeTakeFirst();
  return row?.drawing;
}

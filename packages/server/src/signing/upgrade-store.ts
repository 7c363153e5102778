import { sql, type RawBuilder } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import type { SignatureLevel } from './signature-level.ts';
import type { SigningTables, UpgradeRow } from './tables.ts';

type FlowKey = { appId: string; flowId: string };

/** Says what the signatures of these fields have reached. */
export async function setSignatureLevels(
  tx: Transaction,
  { appId, flowId }: FlowKey,
  levels: ReadonlyMap<string, SignatureLevel>,
): Promise<void> {
  await sql`
    update sign_field as field
    set signature_level = reached.level
    from unnest(${[...levels.keys()]}::text[], ${[...levels.values()]}::text[]) as reached (field_id, level)
    where field.app_id = ${appId} and field.flow_id = ${flowId} and field.field_id = reached.field_id
  `.execute(tx);
}

/** The signed fields of a flow and what each has reached. */
export async function signedFields(
  executor: Executor,
  { appId, flowId }: FlowKey,
): Promise<{ fieldId: string; level: SignatureLevel }[]> {
  const rows = await executor
    .withTables<SigningTables>()
    .selectFrom('sign_field')
    .select(['field_id as fieldId', 'signature_level as level'])
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .where('state', '=', 'signed')
    .execute();
  return rows.map(({ fieldId, level }) => ({ fieldId, level: level ?? 'B-B' }));
}

/** Puts a flow into the queue, or brings it forward in it. */
export async function queueUpgrade(
  tx: Transaction,
  { appId, flowId }: FlowKey,
  { goal, dueAt, at }: { goal: UpgradeRow['goal']; dueAt: Date; at: Date },
): Promise<void> {
  await tx
    .withTables<SigningTables>()
    .insertInto('signature_upgrade')
    .values({ app_id: appId, flow_id: flowId, goal, due_at: dueAt, created_at: at, failure: null })
    .onConflict((conflict) =>
      conflict.columns(['app_id', 'flow_id']).doUpdateSet({
        goal,
        due_at: sql<Date>`least(signature_upgrade.due_at, excluded.due_at)`,
      }),
    )
    .execute();
}

/** Takes a due upgrade on: nobody else does before `leaseUntil`. Undefined where there is nothing due. */
export async function beginUpgrade(
  executor: Executor,
  { appId, flowId }: FlowKey,
  { at, leaseUntil }: { at: Date; leaseUntil: Date },
): Promise<UpgradeRow | undefined> {
  return executor
    .withTables<SigningTables>()
    .updateTable('signature_upgrade')
    .set((eb) => ({ due_at: leaseUntil, attempts: eb('attempts', '+', 1) }))
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .where('due_at', '<=', at)
    .returningAll()
    .executeTakeFirst();
}

/** What is left to do after an attempt: nothing, or the same again at `dueAt`. */
type NextUpgrade = { dueAt: Date; renewal: boolean; attempts: number; failure: string | null } | undefined;

/**
 * After an attempt that changed nothing. Does nothing where the row has been brought forward since, or taken on by another
 * node: it is due again, or theirs.
 */
export async function settleUpgrade(executor: Executor, begun: UpgradeRow, next: NextUpgrade): Promise<void> {
  await settle(executor, begun, sql`and due_at = ${begun.due_at}`, next);
}

/**
 * After an attempt whose revision is the flow's newest, under the lock of the flow's row. Whoever else has taken it on finds
 * another newest revision and throws its own away.
 */
export async function settleCounted(tx: Transaction, begun: UpgradeRow, next: NextUpgrade): Promise<void> {
  await settle(tx, begun, sql``, next);
}

async function settle(executor: Executor, begun: UpgradeRow, condition: RawBuilder<unknown>, next: NextUpgrade) {
  const which = sql`app_id = ${begun.app_id} and flow_id = ${begun.flow_id} ${condition}`;
  await (
    next === undefined
      ? sql`delete from signature_upgrade where ${which}`
      : sql`
        update signature_upgrade
        set due_at = ${next.dueAt}, renewal = ${next.renewal}, attempts = ${next.attempts}, failure = ${next.failure}
        where ${which}
      `
  ).execute(executor);
}

/** Flows in the queue whose time has come, the longest due first. */
export async function dueUpgrades(executor: Executor, at: Date, rowsMax: number): Promise<FlowKey[]> {
  return executor
    .withTables<SigningTables>()
    .selectFrom('signature_upgrade')
    .select(['app_id as appId', 'flow_id as flowId'])
    .where('due_at', '<=', at)
    .orderBy('due_at')
    .limit(rowsMax)
    .execute();
}

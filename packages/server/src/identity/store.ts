import { sql } from 'kysely';
import type { Kysely, Updateable } from 'kysely';
import type { Executor, NoTables, Transaction } from '../platform/database/index.ts';
import type { FlowRow, IdentityTables, NewFlowRow, OrgAuthInfoRow, VerificationFlowTable } from './tables.ts';
import type { FlowKey, MemberKey, VerificationState } from './terms.ts';

function tables(executor: Executor): Kysely<IdentityTables> {
  return (executor as Kysely<NoTables>).withTables<IdentityTables>();
}

/** Adds a flow; false where the app has one of this id. */
export async function insertFlow(tx: Transaction, row: NewFlowRow): Promise<boolean> {
  const inserted = await tables(tx)
    .insertInto('verification_flow')
    .values(row)
    .onConflict((conflict) => conflict.columns(['app_id', 'flow_id']).doNothing())
    .returning('flow_id')
    .executeTakeFirst();
  return inserted !== undefined;
}

function flowQuery(executor: Executor, { appId, flowId }: FlowKey) {
  return tables(executor)
    .selectFrom('verification_flow')
    .selectAll()
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId);
}

export async function findFlow(executor: Executor, key: FlowKey): Promise<FlowRow | undefined> {
  return flowQuery(executor, key).executeTakeFirst();
}

/** The flow's row, locked until the transaction ends: whoever moves a flow holds it, so that one of two movers wins. */
export async function lockFlow(tx: Transaction, key: FlowKey): Promise<FlowRow | undefined> {
  return flowQuery(tx, key).forUpdate().executeTakeFirst();
}

/** For operators, who name a flow without its app. */
export async function findFlowOfAnyApp(executor: Executor, flowId: string): Promise<FlowRow | undefined> {
  return tables(executor)
    .selectFrom('verification_flow')
    .selectAll()
    .where('flow_id', '=', flowId)
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The newest flow that was given this sub-account, locked: an older one has lost it. */
export async function lockFlowOfSubAccount(
  tx: Transaction,
  { channel, subAccountNo }: { channel: string; subAccountNo: string },
): Promise<FlowRow | undefined> {
  return tables(tx)
    .selectFrom('verification_flow')
    .selectAll()
    .where('channel', '=', channel)
    .where('sub_account_no', '=', subAccountNo)
    .orderBy('ordered_at', 'desc')
    .limit(1)
    .forUpdate()
    .executeTakeFirst();
}

/** The newest flow of a member; of two of one millisecond the one that is open. */
export async function newestFlowOfMember(
  executor: Executor,
  { appId, etcMemberNo }: MemberKey,
): Promise<FlowRow | undefined> {
  return tables(executor)
    .selectFrom('verification_flow')
    .selectAll()
    .where('app_id', '=', appId)
    .where('etc_member_no', '=', etcMemberNo)
    .orderBy('created_at', 'desc')
    .orderBy(sql`state = 'open'`, 'desc')
    .limit(1)
    .executeTakeFirst();
}

export type FlowChange = Omit<Updateable<VerificationFlowTable>, 'app_id' | 'flow_id'> & { modified_at: Date };

export async function updateFlow(tx: Transaction, { appId, flowId }: FlowKey, change: FlowChange): Promise<FlowRow> {
  return tables(tx)
    .updateTable('verification_flow')
    .set(change)
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Open flows whose time is over, the oldest first. */
export async function dueFlows(executor: Executor, at: Date, rowsMax: number): Promise<FlowKey[]> {
  return tables(executor)
    .selectFrom('verification_flow')
    .select(['app_id as appId', 'flow_id as flowId'])
    .where('state', '=', 'open')
    .where('expires_at', '<=', at)
    .orderBy('expires_at')
    .limit(rowsMax)
    .execute();
}

/** Verified flows that ended before `before` and still keep their number. */
export async function keptNumbers(executor: Executor, before: Date, rowsMax: number): Promise<FlowKey[]> {
  return tables(executor)
    .selectFrom('verification_flow')
    .select(['app_id as appId', 'flow_id as flowId'])
    .where('state', '=', 'verified')
    .where('sub_account_no', 'is not', null)
    .where('released_at', 'is', null)
    .where('ended_at', '<', before)
    .orderBy('ended_at')
    .limit(rowsMax)
    .execute();
}

/** The newest first. */
export async function listFlows(
  executor: Executor,
  filter: { appId?: string; state?: VerificationState; letterWaiting?: boolean; limit: number },
): Promise<FlowRow[]> {
  let query = tables(executor).selectFrom('verification_flow').selectAll();
  if (filter.appId !== undefined) query = query.where('app_id', '=', filter.appId);
  if (filter.state !== undefined) query = query.where('state', '=', filter.state);
  if (filter.letterWaiting === true) query = query.where('letter_status', 'in', ['INIT', 'ING']);
  return query.orderBy('created_at', 'desc').limit(filter.limit).execute();
}

export async function saveOrgAuthInfo(tx: Transaction, row: OrgAuthInfoRow): Promise<void> {
  await tables(tx)
    .insertInto('org_auth_info')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['app_id', 'etc_org_no']).doUpdateSet((eb) => ({
        company_name: eb.ref('excluded.company_name'),
        org_code: eb.ref('excluded.org_code'),
        legal_rep_name: eb.ref('excluded.legal_rep_name'),
        legal_rep_id_sealed: eb.ref('excluded.legal_rep_id_sealed'),
        legal_rep_mobile_sealed: eb.ref('excluded.legal_rep_mobile_sealed'),
        further_sealed: eb.ref('excluded.further_sealed'),
        updated_at: eb.ref('excluded.updated_at'),
      })),
    )
    .execute();
}

export async function findOrgAuthInfo(
  executor: Executor,
  appId: string,
  etcOrgNo: string,
): Promise<OrgAuthInfoRow | undefined> {
  return tables(executor)
    .selectFrom('org_auth_info')
    .selectAll()
    .where('app_id', '=', appId)
    .where('etc_org_no', '=', etcOrgNo)
    .executeTakeFirst();
}

/** Keeps which file is the flow's letter to be signed. */
export async function setLetterTemplate(executor: Executor, { appId, flowId }: FlowKey, fileId: string): Promise<void> {
  await tables(executor)
    .updateTable('verification_flow')
    .set({ letter_template_id: fileId })
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .execute();
}

/** One beginning of a member's verification at a time, until the transaction ends. */
export async function lockMember(tx: Transaction, { appId, etcMemberNo }: MemberKey): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`verification:${appId}:${etcMemberNo}`}, 0))`.execute(tx);
}

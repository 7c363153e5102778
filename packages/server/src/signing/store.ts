import { sql, type Kysely } from 'kysely';
import type { Executor, NoTables, Transaction } from '../platform/database/index.ts';
import type { MarkPlace } from './choices.ts';
import type { SignerPosition } from './flow.ts';
import type {
  FieldRow,
  FlowRow,
  NewFieldRow,
  NewFlowRow,
  NewRequestRow,
  NewSignerRow,
  RequestRow,
  SignerRow,
  SigningTables,
} from './tables.ts';

type FlowKey = { appId: string; flowId: string };
type RequestKey = { appId: string; flowRequestId: string };

function tables(executor: Kysely<NoTables>): Kysely<SigningTables> {
  return executor.withTables<SigningTables>();
}

/** Inserts the request unless its bizRequestNo has one already; answers the id of the one that stands. */
export async function insertRequest(
  tx: Transaction,
  row: NewRequestRow,
): Promise<{ flowRequestId: string; isNew: boolean }> {
  const inserted = await tables(tx)
    .insertInto('sign_request')
    .values(row)
    // Waits for a concurrent repeat to commit, so that the row looked for below is there.
    .onConflict((conflict) =>
      conflict.columns(['app_id', 'biz_request_no']).where('biz_request_no', 'is not', null).doNothing(),
    )
    .returning('flow_request_id')
    .executeTakeFirst();
  if (inserted) return { flowRequestId: inserted.flow_request_id, isNew: true };
  const first = await requestByBizNo(tx, row.app_id, row.biz_request_no ?? '');
  if (first === undefined) throw new Error('a request stood in the way and is gone');
  return { flowRequestId: first, isNew: false };
}

/** The id of the request that carries this bizRequestNo, if there is one. */
export async function requestByBizNo(
  executor: Executor,
  appId: string,
  bizRequestNo: string,
): Promise<string | undefined> {
  const row = await tables(executor)
    .selectFrom('sign_request')
    .select('flow_request_id')
    .where('app_id', '=', appId)
    .where('biz_request_no', '=', bizRequestNo)
    .executeTakeFirst();
  return row?.flow_request_id;
}

/** Counts an attempt at a pending request before it begins; undefined where the request is settled or unknown. */
export async function beginRequest(executor: Executor, key: RequestKey, at: Date): Promise<RequestRow | undefined> {
  return tables(executor)
    .updateTable('sign_request')
    .set((eb) => ({ attempts: eb('attempts', '+', 1), touched_at: at }))
    .where('app_id', '=', key.appId)
    .where('flow_request_id', '=', key.flowRequestId)
    .where('state', '=', 'pending')
    .returningAll()
    .executeTakeFirst();
}

/** Notes that the request holds one of its application's contracts. */
export async function noteQuotaTaken(tx: Transaction, key: RequestKey): Promise<void> {
  await tables(tx)
    .updateTable('sign_request')
    .set({ quota_taken: true })
    .where('app_id', '=', key.appId)
    .where('flow_request_id', '=', key.flowRequestId)
    .execute();
}

/** Takes an attempt back that failed for a reason of our own, such as a full disk. */
export async function returnAttempt(executor: Executor, key: RequestKey): Promise<void> {
  await tables(executor)
    .updateTable('sign_request')
    .set((eb) => ({ attempts: eb('attempts', '-', 1) }))
    .where('app_id', '=', key.appId)
    .where('flow_request_id', '=', key.flowRequestId)
    .where('state', '=', 'pending')
    .execute();
}

/** Settles a pending request once; false where another run has settled it. */
export async function settleRequest(
  tx: Transaction,
  key: RequestKey,
  settled: { state: 'opened'; flowId: string } | { state: 'failed'; failure: string },
  at: Date,
): Promise<boolean> {
  const row = await tables(tx)
    .updateTable('sign_request')
    .set({
      state: settled.state,
      flow_id: settled.state === 'opened' ? settled.flowId : null,
      failure: settled.state === 'failed' ? settled.failure : null,
      settled_at: at,
    })
    .where('app_id', '=', key.appId)
    .where('flow_request_id', '=', key.flowRequestId)
    .where('state', '=', 'pending')
    .returning('flow_request_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Pending requests that nobody has worked on since `before`, the longest idle first. */
export async function idleRequests(
  executor: Executor,
  before: Date,
  rowsMax: number,
): Promise<(RequestKey & { touchedAt: Date })[]> {
  return tables(executor)
    .selectFrom('sign_request')
    .select(['app_id as appId', 'flow_request_id as flowRequestId', 'touched_at as touchedAt'])
    .where('state', '=', 'pending')
    .where('touched_at', '<', before)
    .orderBy('touched_at')
    .limit(rowsMax)
    .execute();
}

export async function insertFlow(
  tx: Transaction,
  flow: NewFlowRow,
  signers: readonly NewSignerRow[],
  fields: readonly NewFieldRow[],
): Promise<void> {
  await tables(tx).insertInto('sign_flow').values(flow).execute();
  await tables(tx).insertInto('sign_signer').values(signers).execute();
  await tables(tx).insertInto('sign_field').values(fields).execute();
}

function flowQuery(executor: Executor, { appId, flowId }: FlowKey) {
  return tables(executor).selectFrom('sign_flow').selectAll().where('app_id', '=', appId).where('flow_id', '=', flowId);
}

export async function findFlow(executor: Executor, key: FlowKey): Promise<FlowRow | undefined> {
  return flowQuery(executor, key).executeTakeFirst();
}

/** The flow's row, locked until the transaction ends: whoever moves a flow holds it, so that one of two movers wins. */
export async function lockFlow(tx: Transaction, key: FlowKey): Promise<FlowRow | undefined> {
  return flowQuery(tx, key).forUpdate().executeTakeFirst();
}

/** The flow's signers in the order of the request. */
export async function signersOf(executor: Executor, { appId, flowId }: FlowKey): Promise<SignerRow[]> {
  return tables(executor)
    .selectFrom('sign_signer')
    .selectAll()
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .orderBy('position')
    .execute();
}

/** A signer's fields in the order of the request. */
export async function fieldsOf(executor: Executor, { appId, flowId }: FlowKey, signerId: string): Promise<FieldRow[]> {
  return tables(executor)
    .selectFrom('sign_field')
    .selectAll()
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .where('signer_id', '=', signerId)
    .orderBy('position')
    .execute();
}

/**
 * The next field whose signature needs no person any more: silent, or confirmed by its signer. Of signers whose turn it
 * is, the first as the request lists them, but for `passedOver`.
 */
export async function nextReadyField(
  executor: Executor,
  { appId, flowId }: FlowKey,
  passedOver: readonly string[] = [],
): Promise<{ field: FieldRow; signer: SignerRow } | undefined> {
  const field = await tables(executor)
    .selectFrom('sign_field as field')
    .innerJoin('sign_signer as signer', (join) =>
      join
        .onRef('signer.app_id', '=', 'field.app_id')
        .onRef('signer.flow_id', '=', 'field.flow_id')
        .onRef('signer.signer_id', '=', 'field.signer_id'),
    )
    .selectAll('field')
    .where('field.app_id', '=', appId)
    .where('field.flow_id', '=', flowId)
    .where('field.state', '=', 'waiting')
    .where('signer.state', '=', 'signing')
    .where((eb) => eb.or([eb('field.auto_execute', '=', true), eb('signer.confirmed_at', 'is not', null)]))
    .where(sql<boolean>`field.signer_id <> all(${passedOver}::text[])`)
    .orderBy('signer.position')
    .orderBy('field.position')
    .limit(1)
    .executeTakeFirst();
  if (!field) return undefined;
  const signers = await signersOf(executor, { appId, flowId });
  const signer = signers.find((row) => row.signer_id === field.signer_id);
  return signer && { field, signer };
}

/** Marks a waiting field as signed by the revision `fileId`; false where it is signed already. */
export async function markFieldSigned(
  tx: Transaction,
  { appId, flowId }: FlowKey,
  signed: { fieldId: string; fileId: string; at: Date; places: readonly MarkPlace[] },
): Promise<boolean> {
  const row = await tables(tx)
    .updateTable('sign_field')
    .set({
      state: 'signed',
      file_id: signed.fileId,
      signed_at: signed.at,
      places: JSON.stringify(signed.places),
    })
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .where('field_id', '=', signed.fieldId)
    .where('state', '=', 'waiting')
    .returning('field_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Writes the signers' new states; `ended_at` is set where a signer is over. */
export async function updateSigners(
  tx: Transaction,
  { appId, flowId }: FlowKey,
  signers: readonly SignerPosition[],
  at: Date,
): Promise<void> {
  await sql`
    update sign_signer as signer
    set state = moved.state, ended_at = case when moved.state in ('signed', 'refused') then ${at}::timestamptz end
    from unnest(${signers.map((signer) => signer.id)}::text[], ${signers.map((signer) => signer.state)}::text[])
      as moved (id, state)
    where signer.app_id = ${appId} and signer.flow_id = ${flowId} and signer.signer_id = moved.id
      and signer.state <> moved.state
  `.execute(tx);
}

/** Changes the flow's row after its signers and fields, whose states decide whether a field in turn needs no person. */
export async function updateFlow(
  tx: Transaction,
  { appId, flowId }: FlowKey,
  change: Partial<Pick<FlowRow, 'state' | 'file_id' | 'reason' | 'touched_at' | 'ended_at'>>,
): Promise<void> {
  const silentInTurn = sql<boolean>`exists (
    select 1 from sign_field field join sign_signer signer using (app_id, flow_id, signer_id)
    where field.app_id = ${appId} and field.flow_id = ${flowId}
      and field.state = 'waiting' and signer.state = 'signing'
      and (field.auto_execute or signer.confirmed_at is not null)
  )`;
  await tables(tx)
    .updateTable('sign_flow')
    .set({ ...change, silent_in_turn: silentInTurn })
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .execute();
}

/** The fields of a flow that are signed. */
export async function signedFieldIds(executor: Executor, { appId, flowId }: FlowKey): Promise<string[]> {
  const rows = await tables(executor)
    .selectFrom('sign_field')
    .select('field_id')
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .where('state', '=', 'signed')
    .execute();
  return rows.map((row) => row.field_id);
}

/** Where fields stand that are signed and not among `known`. */
export async function signedPlaces(
  executor: Executor,
  { appId, flowId }: FlowKey,
  known: readonly string[],
): Promise<MarkPlace[]> {
  const rows = await tables(executor)
    .selectFrom('sign_field')
    .select(['field_id', 'places'])
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .where('state', '=', 'signed')
    .execute();
  return rows.filter((row) => !known.includes(row.field_id)).flatMap((row) => row.places ?? []);
}

/** Whether a signer in turn has confirmed and some signature of theirs is not made yet. */
export async function isConfirmedUnsigned(executor: Executor, { appId, flowId }: FlowKey): Promise<boolean> {
  const { rows } = await sql`
    select 1 from sign_signer
    where app_id = ${appId} and flow_id = ${flowId} and state = 'signing' and confirmed_at is not null
    limit 1
  `.execute(executor);
  return rows.length > 0;
}

/** Notes that somebody works on the flow, so that the sweep leaves it alone. */
export async function touchFlow(executor: Executor, { appId, flowId }: FlowKey, at: Date): Promise<void> {
  await tables(executor)
    .updateTable('sign_flow')
    .set({ touched_at: at })
    .where('app_id', '=', appId)
    .where('flow_id', '=', flowId)
    .where('state', '=', 'signing')
    .execute();
}

/** Flows still in signing whose deadline has come, the oldest deadline first. */
export async function dueFlows(executor: Executor, at: Date, rowsMax: number): Promise<FlowKey[]> {
  return tables(executor)
    .selectFrom('sign_flow')
    .select(['app_id as appId', 'flow_id as flowId'])
    .where('state', '=', 'signing')
    .where('sign_validity', '<=', at)
    .orderBy('sign_validity')
    .limit(rowsMax)
    .execute();
}

/**
 * Flows with a silent or a confirmed field in turn that nobody has worked on since `before`, the longest idle first; those
 * of which all such fields are known to wait for an operator are `dueStalls`.
 */
export async function idleSilentFlows(
  executor: Executor,
  before: Date,
  rowsMax: number,
): Promise<(FlowKey & { touchedAt: Date })[]> {
  return tables(executor)
    .selectFrom('sign_flow')
    .select(['app_id as appId', 'flow_id as flowId', 'touched_at as touchedAt'])
    .where('state', '=', 'signing')
    .where('silent_in_turn', '=', true)
    .where('touched_at', '<', before)
    .where(sql<boolean>`(
      not exists (select 1 from sign_stall stall where (stall.app_id, stall.flow_id) = (sign_flow.app_id, sign_flow.flow_id))
      or exists (
        select 1 from sign_field field join sign_signer signer using (app_id, flow_id, signer_id)
        left join sign_stall stall using (app_id, flow_id, signer_id)
        where app_id = sign_flow.app_id and flow_id = sign_flow.flow_id
          and field.state = 'waiting' and signer.state = 'signing'
          and (field.auto_execute or signer.confirmed_at is not null)
          and coalesce(stall.reason, 'unexpected') = 'unexpected'
      )
    )`)
    .orderBy('touched_at')
    .limit(rowsMax)
    .execute();
}

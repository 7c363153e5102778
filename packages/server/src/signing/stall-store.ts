import { sql } from 'kysely';
import type { Executor, Transaction } from '../platform/database/index.ts';
import { UNEXPECTED_SHOWN_AFTER, type StallReason } from './stall.ts';

type FlowKey = { appId: string; flowId: string };

export type NewStall = FlowKey & {
  signerId: string;
  fieldId: string;
  reason: StallReason;
  detail: string;
  orgNo: string | null;
  at: Date;
  dueAt: Date;
};

/** A row that is shown: what may pass by itself is not, until it has failed a few times. */
const SHOWN = sql`(stall.reason <> 'unexpected' or stall.attempts >= ${sql.lit(UNEXPECTED_SHOWN_AFTER)})`;

/**
 * Notes a failed attempt at a field, under the lock of the flow's row; undefined where the field is signed meanwhile.
 * `isNew` says whether it is the first one with this reason.
 */
export async function putStall(tx: Transaction, stall: NewStall): Promise<{ isNew: boolean } | undefined> {
  const { appId, flowId, signerId, fieldId, reason, detail, orgNo, at, dueAt } = stall;
  const { rows: before } = await sql<{ reason: string }>`
    select reason from sign_stall where app_id = ${appId} and flow_id = ${flowId} and signer_id = ${signerId}
  `.execute(tx);
  const { rows } = await sql`
    insert into sign_stall (app_id, flow_id, signer_id, reason, detail, org_no, since, due_at)
    select app_id, flow_id, signer_id, ${reason}, ${detail}, ${orgNo}, ${at}, ${dueAt}
    from sign_field
    where app_id = ${appId} and flow_id = ${flowId} and field_id = ${fieldId} and state = 'waiting'
    on conflict (app_id, flow_id, signer_id) do update
    set reason = excluded.reason, detail = excluded.detail, org_no = excluded.org_no, due_at = excluded.due_at,
        attempts = sign_stall.attempts + 1
    returning signer_id
  `.execute(tx);
  return rows.length === 0 ? undefined : { isNew: before[0]?.reason !== reason };
}

/** Forgets what held a signer up, or a whole flow; answers the companies whose fault it was. */
export async function deleteStalls(
  tx: Transaction,
  { appId, flowId, signerId }: FlowKey & { signerId?: string },
): Promise<string[]> {
  const { rows } = await sql<{ org_no: string | null }>`
    delete from sign_stall
    where app_id = ${appId} and flow_id = ${flowId} and (${signerId ?? null}::text is null or signer_id = ${signerId ?? null})
    returning org_no
  `.execute(tx);
  return rows.flatMap(({ org_no: orgNo }) => (orgNo === null ? [] : [orgNo]));
}

/**
 * Flows that may be tried again: of each company and reason one, so that what an attempt costs does not grow with the
 * flows that wait for the same thing.
 */
export async function dueStalls(executor: Executor, at: Date, rowsMax: number): Promise<(FlowKey & { dueAt: Date })[]> {
  const { rows } = await sql<FlowKey & { dueAt: Date }>`
    select app_id as "appId", flow_id as "flowId", due_at as "dueAt"
    from (
      select distinct on (app_id, reason, coalesce(org_no, flow_id)) app_id, flow_id, due_at
      from sign_stall
      where due_at <= ${at}
      order by app_id, reason, coalesce(org_no, flow_id), due_at, flow_id
    ) as stall
    order by due_at
    limit ${rowsMax}
  `.execute(executor);
  return rows;
}

/** Takes a few of a company's flows that waited with one that goes on now; nobody else takes them before `dueAt`. */
export async function takeOthers(
  executor: Executor,
  { appId, orgNo, dueAt, rowsMax }: { appId: string; orgNo: string; dueAt: Date; rowsMax: number },
): Promise<FlowKey[]> {
  const { rows } = await sql<FlowKey>`
    update sign_stall set due_at = ${dueAt}
    where (app_id, flow_id, signer_id) in (
      select app_id, flow_id, signer_id from sign_stall
      where app_id = ${appId} and org_no = ${orgNo} and due_at < ${dueAt}
      order by due_at limit ${rowsMax}
      for update skip locked
    )
    returning app_id as "appId", flow_id as "flowId"
  `.execute(executor);
  return rows;
}

/** A flow that cannot go on for now. */
export interface StalledFlow {
  readonly appId: string;
  readonly flowId: string;
  readonly subject: string;
  /** Whose signature cannot be made. */
  readonly signer: { readonly kind: 'company' | 'individual'; readonly name: string; readonly orgNo: string | null };
  readonly reason: StallReason;
  /** For who runs the service. */
  readonly detail: string;
  /** The first attempt that failed. */
  readonly since: Date;
  readonly attempts: number;
}

/** What is shown of `app_id`, or of all; those that have waited longest first. */
export async function stalledFlows(
  executor: Executor,
  { appId, rowsMax }: { appId?: string; rowsMax: number },
): Promise<StalledFlow[]> {
  const { rows } = await sql<StalledFlow>`
    select flow.app_id as "appId", flow.flow_id as "flowId", flow.subject,
           json_build_object('kind', signer.kind, 'name', signer.name, 'orgNo', signer.org_no) as signer, stall.reason, stall.detail, stall.since, stall.attempts
    from sign_stall as stall
    join sign_flow as flow using (app_id, flow_id)
    join sign_signer as signer using (app_id, flow_id, signer_id)
    where ${SHOWN} and flow.state = 'signing' and (${appId ?? null}::text is null or app_id = ${appId ?? null})
    order by stall.since, flow.flow_id
    limit ${rowsMax}
  `.execute(executor);
  return rows;
}

/** How many flows cannot go on, by reason, and since when the first of them. */
export async function countStalled(executor: Executor): Promise<{ reason: StallReason; flows: number; since: Date }[]> {
  const { rows } = await sql<{ reason: StallReason; flows: number; since: Date }>`
    select reason, count(distinct (app_id, flow_id))::int as flows, min(since) as since
    from sign_stall as stall
    where ${SHOWN}
    group by reason
    order by flows desc, reason
  `.execute(executor);
  return rows;
}

/** Since when a flow cannot go on: because of this signer, or because of any. */
export async function stalledSince(
  executor: Executor,
  { appId, flowId, signerId }: FlowKey & { signerId?: string },
): Promise<Date | null> {
  const { rows } = await sql<{ since: Date | null }>`
    select min(since) as since
    from sign_stall as stall
    where app_id = ${appId} and flow_id = ${flowId} and ${SHOWN}
      and (${signerId ?? null}::text is null or signer_id = ${signerId ?? null})
  `.execute(executor);
  return rows[0]?.since ?? null;
}

import { sql } from 'kysely';
import type { Database } from '../platform/database/index.ts';
import { SHARED_CALLEES } from './callee.ts';
import { withinSearchTime } from './delivery-store.ts';
import { laneOfCallee, type LaneName } from './lane.ts';

/** A destination as its deliveries find it now. */
export interface LaneListing {
  readonly lane: LaneName;
  /** Switched off: nothing goes out. A bare URL is always on. */
  readonly enabled: boolean;
  readonly circuit: 'closed' | 'open' | 'half-open';
  /** Of a circuit that is not closed: why, since when, how often in a row, and when a probe may go. */
  readonly circuitReason: string | null;
  readonly openedAt: Date | null;
  readonly openings: number | null;
  readonly probeAt: Date | null;
  /** Attempts under way; waiting for one; behind an earlier one of their key; held by an operator. */
  readonly leased: number;
  readonly waiting: number;
  readonly queued: number;
  readonly parked: number;
  /** Acceptance of the oldest that waits or is queued. */
  readonly oldestAcceptedAt: Date | null;
  /** When the next attempt may begin, the circuit left aside. */
  readonly nextDueAt: Date | null;
}

const LANES_MAX = 1_000;

/** The lanes that have something under way or a circuit that is not closed, those with the most waiting first. */
export async function findLanes(
  db: Database,
  filter: { readonly appId?: string; readonly calleeNo?: string },
): Promise<LaneListing[]> {
  const { appId, calleeNo } = filter;
  const only =
    calleeNo !== undefined
      ? sql`lane = ${laneOfCallee({ appId: appId ?? SHARED_CALLEES, calleeNo })}`
      : appId !== undefined
        ? sql`lane ^@ ${`${appId}/`}`
        : sql`true`;
  const { rows } = await withinSearchTime(db, (tx) =>
    sql<LaneListing>`
      with busy as (
        select lane,
               count(*) filter (where state = 'leased') as leased,
               count(*) filter (where state = 'waiting') as waiting,
               count(*) filter (where state = 'queued') as queued,
               count(*) filter (where state = 'parked') as parked,
               min(accepted_at) filter (where state in ('waiting', 'queued')) as oldest,
               min(due_at) filter (where state = 'waiting') as next_due
        from delivery_queue
        where ${only}
        group by lane
      ), circuits as (
        select * from relay_lane where ${only}
      )
      select lane, coalesce(callee.enabled, true) as enabled, coalesce(circuits.circuit, 'closed') as circuit,
             circuits.reason as "circuitReason", circuits.opened_at as "openedAt", circuits.openings,
             circuits.probe_at as "probeAt", coalesce(leased, 0) as leased, coalesce(waiting, 0) as waiting,
             coalesce(queued, 0) as queued, coalesce(parked, 0) as parked, oldest as "oldestAcceptedAt",
             next_due as "nextDueAt"
      from busy full join circuits using (lane)
      left join callee on lane = callee.app_id || '/' || callee.callee_no
      order by coalesce(waiting, 0) + coalesce(queued, 0) desc, lane
      limit ${LANES_MAX}
    `.execute(tx),
  );
  return rows;
}

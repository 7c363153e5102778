import { Type } from 'typebox';
import type { LaneListing, RelayOperations } from '../../relay/index.ts';
import type { AdminServer } from './routes.ts';

const Filter = Type.Object(
  {
    app_id: Type.Optional(Type.String({ maxLength: 16, description: "whose destination it is; '*' for shared ones" })),
    callee_no: Type.Optional(Type.String({ maxLength: 64, description: 'of app_id; without it, a shared one' })),
  },
  { additionalProperties: false },
);

function presentLane(lane: LaneListing): Record<string, unknown> {
  return {
    lane: lane.lane,
    enabled: lane.enabled,
    waiting: lane.waiting,
    leased: lane.leased,
    queued: lane.queued,
    parked: lane.parked,
    oldest_accepted_at: lane.oldestAcceptedAt,
    next_due_at: lane.nextDueAt,
    circuit: lane.circuit,
    circuit_reason: lane.circuitReason,
    opened_at: lane.openedAt,
    openings: lane.openings,
    probe_at: lane.probeAt,
  };
}

/** `/lanes`: destinations with something under way or a circuit that is not closed, the longest backlog first. */
export function registerLaneRoutes(
  admin: AdminServer,
  { relayOperations }: { relayOperations: Pick<RelayOperations, 'listLanes'> },
): void {
  admin.get('/lanes', { schema: { querystring: Filter } }, async ({ query }) => {
    const lanes = await relayOperations.listLanes({
      ...(query.app_id !== undefined && { appId: query.app_id }),
      ...(query.callee_no !== undefined && { calleeNo: query.callee_no }),
    });
    return { lanes: lanes.map(presentLane) };
  });
}

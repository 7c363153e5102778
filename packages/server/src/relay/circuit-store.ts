import { sql } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import type { Circuit } from './circuit.ts';
import type { LaneName } from './lane.ts';

type CircuitRow = Circuit & { readonly lane: LaneName };

/** Every circuit that is not closed. */
export async function findCircuits(db: Executor): Promise<Map<LaneName, Circuit>> {
  const { rows } = await sql<CircuitRow>`
    select lane, circuit as state, failures, reason, opened_at as "openedAt", openings, probe_at as "probeAt"
    from relay_lane
  `.execute(db);
  return new Map(rows.map(({ lane, ...circuit }) => [lane, circuit]));
}

/** Opens a circuit, or opens it again after a probe; another node's fresher word stands. */
export async function writeCircuit(db: Executor, lane: LaneName, circuit: Circuit, node: string): Promise<void> {
  await sql`
    insert into relay_lane (lane, circuit, failures, reason, opened_at, openings, probe_at, node)
    values (${lane}, ${circuit.state}, ${circuit.failures}, ${circuit.reason}, ${circuit.openedAt}, ${circuit.openings},
            ${circuit.probeAt}, ${node})
    on conflict (lane) do update
      set circuit = excluded.circuit, failures = excluded.failures, reason = excluded.reason,
          openings = excluded.openings, probe_at = excluded.probe_at, node = excluded.node
      where relay_lane.openings < excluded.openings
  `.execute(db);
}

/** Takes the one probe of an open circuit whose time has come: one node of all gets it. */
export async function takeProbe(
  db: Executor,
  lane: LaneName,
  probe: { readonly now: Date; readonly until: Date; readonly node: string },
): Promise<boolean> {
  const { rows } = await sql`
    update relay_lane set circuit = 'half-open', probe_at = ${probe.until}, node = ${probe.node}
    where lane = ${lane} and probe_at <= ${probe.now}
    returning lane
  `.execute(db);
  return rows.length === 1;
}

/** A probe found nothing to send: whoever next has something may try at once. */
export async function giveBackProbe(
  db: Executor,
  lane: LaneName,
  probe: { readonly now: Date; readonly node: string },
): Promise<void> {
  await sql`
    update relay_lane set circuit = 'open', probe_at = ${probe.now}
    where lane = ${lane} and circuit = 'half-open' and node = ${probe.node}
  `.execute(db);
}

/** Closes a circuit; false where it was closed already. */
export async function closeCircuit(db: Executor, lane: LaneName): Promise<boolean> {
  const { rows } = await sql`delete from relay_lane where lane = ${lane} returning lane`.execute(db);
  return rows.length === 1;
}

/** Says that this node is alive, and answers which are. Those silent for `deadAfterMs` are forgotten. */
export async function beat(
  db: Executor,
  beat: { readonly node: string; readonly now: Date; readonly deadAfterMs: number },
): Promise<string[]> {
  const deadBefore = new Date(beat.now.getTime() - beat.deadAfterMs);
  const { rows } = await sql<{ node: string }>`
    with own as (
      insert into relay_node (node, heartbeat_at) values (${beat.node}, ${beat.now})
      on conflict (node) do update set heartbeat_at = excluded.heartbeat_at
    ), dead as (
      delete from relay_node where heartbeat_at < ${deadBefore} and node <> ${beat.node}
    )
    select node from relay_node where heartbeat_at >= ${deadBefore} and node <> ${beat.node}
  `.execute(db);
  return [...rows.map((row) => row.node), beat.node].toSorted();
}

/** This node stops: the others need not wait for its silence. */
export async function leave(db: Executor, node: string): Promise<void> {
  await sql`delete from relay_node where node = ${node}`.execute(db);
}

import { appendAudit } from '../audit/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database, Transaction } from '../platform/database/index.ts';
import { DomainError } from '../platform/errors.ts';
import { findDelivery, type WholeDelivery } from './delivery-store.ts';
import type { Delivery } from './delivery.ts';
import type { LaneName } from './lane.ts';
import { endWaiting, holdDelivery, parkWaiting, releaseParked } from './operator-store.ts';
import type { RelayErrorCode } from './relay.ts';
import { findOneReplayable } from './replay-store.ts';
import { isOutdated, requeueEnded } from './requeue-store.ts';
import { notifyWake } from './store.ts';

export interface OperatorDependencies {
  readonly db: Database;
  readonly clock: Clock;
  readonly wake: (lane: LaneName) => void;
}

type Held = NonNullable<Awaited<ReturnType<typeof holdDelivery>>>;

/** `Relay.replay` */
export async function replayDelivery(
  { db, clock, wake }: OperatorDependencies,
  requestId: string,
  { actor, superseded = false }: { readonly actor: string; readonly superseded?: boolean },
): Promise<Delivery> {
  const at = clock.now();
  const found = await existing(db, requestId);
  const { appId } = found;
  const { lanes, replayed } = await db.transaction().execute(async (tx) => {
    const row = await findOneReplayable(tx, requestId);
    const requeued = row === null ? null : await requeueEnded(tx, [row], { at, evenSuperseded: superseded });
    if (requeued?.count !== 1) throw notReplayable(await findDelivery(tx, requestId), requestId);
    const detail = { from: found.state, attempts: found.attempts };
    await appendAudit(tx, { appId, actor, action: 'delivery.replay', subject: `delivery:${requestId}`, detail, at });
    await notifyWake(tx, requeued.lanes);
    return { lanes: requeued.lanes, replayed: await findDelivery(tx, requestId) };
  });
  for (const lane of lanes) wake(lane);
  return replayed ?? found;
}

function notReplayable(found: WholeDelivery | null, requestId: string): DomainError<RelayErrorCode> {
  if (found === null) return new DomainError('delivery_not_found', { requestId });
  if (found.state !== 'delivered' && found.state !== 'failed')
    return new DomainError('delivery_not_ended', { requestId });
  return new DomainError(found.content === null ? 'delivery_content_dropped' : 'delivery_superseded', { requestId });
}

/** `Relay.skip` */
export function skipDelivery(dependencies: OperatorDependencies, requestId: string, actor: string): Promise<void> {
  return change(dependencies, { requestId, actor, action: 'delivery.skip' }, (tx, name, held, at) => {
    if (held === null || held.state === 'leased') throw notWaiting(requestId);
    return endWaiting(tx, name, held, { reason: 'skipped', at });
  });
}

/** `Relay.park` */
export function parkDelivery(dependencies: OperatorDependencies, requestId: string, actor: string): Promise<void> {
  return change(dependencies, { requestId, actor, action: 'delivery.park' }, (tx, name, held, at) => {
    if (held === null || held.state === 'leased' || held.state === 'parked') throw notWaiting(requestId);
    return parkWaiting(tx, name, held, at);
  });
}

/** `Relay.release` */
export function releaseDelivery(dependencies: OperatorDependencies, requestId: string, actor: string): Promise<void> {
  return change(dependencies, { requestId, actor, action: 'delivery.release' }, async (tx, name, held, at) => {
    if (held?.state !== 'parked') throw new DomainError<RelayErrorCode>('delivery_not_parked', { requestId });
    // A later one says what counts: sending it now would take that back.
    if (await isOutdated(tx, name)) return endWaiting(tx, name, held, { reason: 'superseded', at });
    return releaseParked(tx, name, held, at);
  });
}

async function change(
  { db, clock, wake }: OperatorDependencies,
  what: { requestId: string; actor: string; action: string },
  work: (
    tx: Transaction,
    name: { appId: string; requestId: string },
    held: Held | null,
    at: Date,
  ) => Promise<LaneName[]>,
): Promise<void> {
  const { requestId, actor, action } = what;
  const { appId } = await existing(db, requestId);
  const at = clock.now();
  const lanes = await db.transaction().execute(async (tx) => {
    const name = { appId, requestId };
    const held = await holdDelivery(tx, name);
    const woken = await work(tx, name, held, at);
    const detail = { from: held?.state ?? null };
    await appendAudit(tx, { appId, actor, action, subject: `delivery:${requestId}`, detail, at });
    await notifyWake(tx, woken);
    return woken;
  });
  for (const lane of lanes) wake(lane);
}

async function existing(db: Database, requestId: string): Promise<WholeDelivery> {
  const found = isUuid(requestId) ? await findDelivery(db, requestId) : null;
  if (found === null) throw new DomainError<RelayErrorCode>('delivery_not_found', { requestId });
  return found;
}

function notWaiting(requestId: string): DomainError<RelayErrorCode> {
  return new DomainError('delivery_not_waiting', { requestId });
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a text can be a request id, as PostgreSQL reads one. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

import type { Executor } from '../platform/database/index.ts';
import type { Attempt, Delivery } from './delivery.ts';
import type { DeliveryFilter } from './relay.ts';
import type { RelayTables } from './tables.ts';

const COLUMNS = [
  'request_id as requestId',
  'app_id as appId',
  'state',
  'profile',
  'url',
  'callee_no as calleeNo',
  'caller_no as callerNo',
  'message_type as messageType',
  'attempts',
  'reason',
  'accepted_at as acceptedAt',
  'occurred_at as occurredAt',
  'due_at as dueAt',
  'ended_at as endedAt',
] as const;

/** One page of deliveries, the newest first: request ids sort by the time of acceptance. */
export async function findDeliveries(db: Executor, filter: DeliveryFilter): Promise<Delivery[]> {
  let query = db
    .withTables<RelayTables>()
    .selectFrom('delivery')
    .select([...COLUMNS])
    .orderBy('request_id', 'desc')
    .limit(filter.limit);
  if (filter.appId !== undefined) query = query.where('app_id', '=', filter.appId);
  if (filter.calleeNo !== undefined) query = query.where('callee_no', '=', filter.calleeNo);
  if (filter.state !== undefined) query = query.where('state', '=', filter.state);
  if (filter.messageType !== undefined) query = query.where('message_type', '=', filter.messageType);
  if (filter.before !== undefined) query = query.where('request_id', '<', filter.before);
  return query.execute();
}

export async function findDelivery(db: Executor, requestId: string): Promise<(Delivery & { content: string }) | null> {
  const row = await db
    .withTables<RelayTables>()
    .selectFrom('delivery')
    .select([...COLUMNS, 'content'])
    .where('request_id', '=', requestId)
    .executeTakeFirst();
  return row ?? null;
}

export async function findAttempts(db: Executor, appId: string, requestId: string): Promise<Attempt[]> {
  return db
    .withTables<RelayTables>()
    .selectFrom('delivery_attempt')
    .select([
      'number',
      'started_at as startedAt',
      'duration_ms as durationMs',
      'outcome',
      'status',
      'reason',
      'answer',
      'url',
      'remote_address as remoteAddress',
      'node',
    ])
    .where('app_id', '=', appId)
    .where('request_id', '=', requestId)
    .orderBy('number')
    .execute();
}

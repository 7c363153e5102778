import { sql } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import type { Standing } from './outcome-board.ts';

/** Which of these deliveries have ended: what is under way has a row in the queue, what has ended has none. */
export async function findEnded(
  db: Executor,
  requestIds: readonly string[],
): Promise<(Standing & { requestId: string })[]> {
  // `offset 0` keeps this a look-up for each id: its partition is found by the id alone.
  const { rows } = await sql<Standing & { requestId: string }>`
    select ended.*
    from unnest(${[...requestIds]}::uuid[]) as given (request_id)
    cross join lateral (
      select delivery.request_id as "requestId", delivery.app_id as "appId", delivery.reason,
             case when delivery.failed_at is null then 'delivered' else 'failed' end as state
      from delivery
      where delivery.request_id = given.request_id and not exists (
        select from delivery_queue queue
        where queue.app_id = delivery.app_id and queue.request_id = delivery.request_id)
      offset 0
    ) as ended
  `.execute(db);
  return rows;
}

import { sql } from 'kysely';
import type { Executor } from '../platform/database/index.ts';
import { matching } from './delivery-store.ts';
import { IS_SUPERSEDED, REPLAYABLE_COLUMNS, type Replayable } from './requeue-store.ts';
import type { DeliveryFilter } from './search.ts';
import { DELIVERY_JOINS } from './store.ts';

type Filter = Omit<DeliveryFilter, 'limit' | 'before'>;

/** Ended deliveries that fit and whose content is there, the oldest first, after one of them. */
export async function findReplayable(
  db: Executor,
  filter: Filter,
  page: { readonly after: string | null; readonly limit: number },
): Promise<Replayable[]> {
  const { rows } = await sql<Replayable>`
    select ${REPLAYABLE_COLUMNS}
    from delivery ${DELIVERY_JOINS}
    where ${matching(filter)} and delivery.content is not null
      and ${page.after === null ? sql`true` : sql`delivery.request_id > ${page.after}`}
    order by delivery.request_id
    limit ${page.limit}
  `.execute(db);
  return rows;
}

/** A replayed one by its id. */
export async function findOneReplayable(db: Executor, requestId: string): Promise<Replayable | null> {
  const { rows } = await sql<Replayable>`
    select ${REPLAYABLE_COLUMNS} from delivery ${DELIVERY_JOINS} where delivery.request_id = ${requestId}
  `.execute(db);
  return rows[0] ?? null;
}

export interface ReplayCounts {
  readonly count: number;
  /** Fit too, but only their record is left. */
  readonly contentDropped: number;
  /** Fit too, but a later message of their key says what counts. */
  readonly superseded: number;
}

/** How many fit, and how many more of them are not sent again. */
export async function countReplayable(db: Executor, filter: Filter, after: string | null): Promise<ReplayCounts> {
  const { superseded: wanted, ...search } = filter;
  const isLeftOut = wanted === false ? IS_SUPERSEDED : sql`false`;
  const { rows } = await sql<ReplayCounts>`
    select count(*) filter (where has_content and not is_left_out) as count,
           count(*) filter (where not has_content and not is_left_out) as "contentDropped",
           count(*) filter (where is_left_out) as superseded
    from (
      select delivery.content is not null as has_content, ${isLeftOut} as is_left_out
      from delivery ${DELIVERY_JOINS}
      where ${matching(search)} and ${after === null ? sql`true` : sql`delivery.request_id > ${after}`}
    ) as fitting
  `.execute(db);
  return rows[0] ?? { count: 0, contentDropped: 0, superseded: 0 };
}

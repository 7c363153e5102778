import { Client } from 'pg';
import { SHARED_CALLEES } from '../../src/relay/index.ts';
import { BENCH_CONTENT } from './relay-messages.ts';
import type { BenchCallee } from './relay-site.ts';

// All that the benchmarks know of the relay's tables: it changes with the migrations.

const ROWS_AT_ONCE_MAX = 50_000;

export interface Backlog {
  readonly appId: string;
  /** The deliveries are spread over them evenly. */
  readonly callees: readonly BenchCallee[];
  readonly rows: number;
  /** All become visible at once. */
  readonly atOnce?: boolean;
}

/** Writes deliveries that are due, as `accept` would have in the seconds before when every slot was taken. */
export async function fillBacklog(databaseUrl: string, backlog: Backlog): Promise<void> {
  await withClient(databaseUrl, async (client) => {
    if (backlog.atOnce === true) await client.query('begin');
    for (let written = 0; written < backlog.rows; written += ROWS_AT_ONCE_MAX) {
      await insertWaiting(client, backlog, written, Math.min(written + ROWS_AT_ONCE_MAX, backlog.rows));
    }
    await client.query(`select pg_notify('yinxin_relay', '')`);
    if (backlog.atOnce === true) await client.query('commit');
  });
}

/** Those from the place `from` on, before the place `to`. Their ids and times are of a steady stream that ends now. */
async function insertWaiting(
  client: Client,
  { appId, callees, rows }: Backlog,
  from: number,
  to: number,
): Promise<void> {
  await client.query(
    `
    with callee as (
      select * from unnest($1::text[], $2::text[], $3::text[]) with ordinality as callee (callee_no, url, profile, place)
    ), made as (
      select gen_random_uuid()::text as random, now() - ($5::integer - n) * interval '0.1 ms' as at, callee.*
      from generate_series($4::integer, $6::integer - 1) as n
      join callee on callee.place = n % cardinality($1::text[]) + 1
    ), timed as (
      select random, at, callee_no, url, profile, lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') as ms
      from made
    ), row as (
      select (left(ms, 8) || '-' || right(ms, 4) || '-7' || substr(random, 16, 3) || '-' || substr(random, 20, 17))::uuid
               as request_id,
             at, callee_no, url, profile
      from timed
    ), message as (
      insert into delivery (app_id, request_id, profile, url, url_version, callee_app_id, callee_no, message_type, content,
                            accepted_at)
      select $7, request_id, profile, url, 1, $8, callee_no, 'sign_process', $9, at from row
    )
    insert into delivery_queue (app_id, request_id, lane, state, attempts, schedule_attempts, lease_token, due_at,
                                content_bytes, accepted_at)
    select $7, request_id, $8 || '/' || callee_no, 'waiting', 0, 0, 0, at, octet_length($9), at from row
    `,
    [
      callees.map(({ calleeNo }) => calleeNo),
      callees.map(({ url }) => url),
      callees.map(({ profile }) => profile),
      from,
      rows,
      to,
      appId,
      SHARED_CALLEES,
      JSON.stringify(BENCH_CONTENT),
    ],
  );
}

/** As autovacuum does within a minute. */
export async function analyzeBacklog(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, (client) => client.query('vacuum analyze delivery, delivery_queue'));
}

/** How many deliveries have not ended. */
export async function countBacklog(databaseUrl: string): Promise<number> {
  return withClient(databaseUrl, async (client) => {
    const { rows } = await client.query<{ count: string }>('select count(*) as count from delivery_queue');
    return Number(rows[0]?.count);
  });
}

/** Forgets every delivery and what is known of destinations' health. No node may run. */
export async function clearRelay(databaseUrl: string): Promise<void> {
  await withClient(databaseUrl, (client) =>
    client.query('truncate delivery, delivery_queue, delivery_attempt, relay_lane'),
  );
}

async function withClient<Result>(databaseUrl: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

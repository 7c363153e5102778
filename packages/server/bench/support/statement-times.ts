import { Client } from 'pg';

/** Of pg_stat_statements: what one statement cost since the last look. */
export interface StatementTime {
  readonly calls: number;
  readonly rows: number;
  readonly totalMs: number;
  readonly walBytes: number;
  readonly text: string;
}

const STATEMENTS_MAX = 20;
const TEXT_CHARACTERS_MAX = 110;

/** Answers what was counted, the dearest first, and counts anew. */
export async function takeStatementTimes(databaseUrl: string): Promise<StatementTime[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<StatementTime>(`
      select calls::float8 as calls, rows::float8 as rows, total_exec_time + total_plan_time as "totalMs",
             wal_bytes::float8 as "walBytes", query as text
      from pg_stat_statements
      where dbid = (select oid from pg_database where datname = current_database())
      order by total_exec_time desc
      limit ${STATEMENTS_MAX}
    `);
    await client.query('select pg_stat_statements_reset()');
    return rows;
  } finally {
    await client.end();
  }
}

export function statementText(times: readonly StatementTime[]): string {
  const totalMs = times.reduce((sum, { totalMs: ms }) => sum + ms, 0);
  const lines = times.map(({ calls, rows, totalMs: ms, walBytes, text }) =>
    [
      `${((ms / totalMs) * 100).toFixed(1)} %`.padStart(8),
      String(calls).padStart(8),
      (rows / calls).toFixed(1).padStart(8),
      (ms / calls).toFixed(3).padStart(9),
      (walBytes / calls / 1_024).toFixed(1).padStart(9),
      `  ${text.replaceAll(/\s+/g, ' ').slice(0, TEXT_CHARACTERS_MAX)}`,
    ].join(''),
  );
  return ['\n   share   calls  rows each   ms each  KiB WAL  statement', ...lines].join('\n');
}
